#include "host/arguments.h"

#include "base/memory.h"
#include "base/nearest.h"
#include "host/commands.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What --repair stands for. */
#define PRESET_REPAIR "store.repair=true"

typedef enum option_type { OPTION_TEXT, OPTION_FLAG, OPTION_SET, OPTION_PRESET } option_type_t;

typedef struct option {
    const char *name;
    option_type_t type;
    size_t field;      /* in arguments_t */
    const char *value; /* how --help calls it */
    const char *text;
} option_t;

static const option_t options[] = {
    {"--home", OPTION_TEXT, offsetof(arguments_t, home), "DIR",
     "Directory of the instance, with conf data logs pid run. Else QMQ_HOME, else the installation."},
    {"--conf", OPTION_TEXT, offsetof(arguments_t, conf), "DIR", "Directory of the property files. Else QMQ_CONF, else conf of the home."},
    {"--ip", OPTION_TEXT, offsetof(arguments_t, ip), "ADDRESS",
     "Address told to peers. Else QMQ_IP, else listen.address, else the first of this machine."},
    {"--host", OPTION_TEXT, offsetof(arguments_t, host_name), "NAME",
     "Host name this server is registered under. Else QMQ_HOST, else --ip, else the machine's name."},
    {"--set", OPTION_SET, 0, "KEY=VALUE", "Overrides a key of the property files; may be repeated."},
    {"--log-file", OPTION_TEXT, offsetof(arguments_t, log_file), "FILE", "Log into this file, rotated, instead of standard error."},
    {"--logs", OPTION_TEXT, offsetof(arguments_t, logs), "DIR", "Directory of the log files. Else QMQ_LOGS, else logs of the home."},
    {"--run", OPTION_TEXT, offsetof(arguments_t, run), "DIR",
     "Directory of run file, lock and pid file. Else QMQ_RUN, else run and pid of the home."},
    {"--repair", OPTION_PRESET, 0, NULL, "Open a damaged store, too, giving up what is missing in it (broker, standalone)."},
    {"--check", OPTION_FLAG, offsetof(arguments_t, check), NULL, "Read the configuration, report, exit."},
    {"--service", OPTION_FLAG, offsetof(arguments_t, service), NULL, "Only for Windows' service manager, which install tells to use it."},
    {"--help", OPTION_FLAG, offsetof(arguments_t, help), NULL, "Show this text."},
    {"--version", OPTION_FLAG, offsetof(arguments_t, version), NULL, "Show the version."},
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

/* The option a word names, alone or before "=". */
static const option_t *find_option(const char *word, const char **value) {
    size_t size = strcspn(word, "=");
    *value = word[size] == '=' ? word + size + 1 : NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(options[i].name) == size && strncmp(options[i].name, word, size) == 0) return &options[i];
    }
    return NULL;
}

static bool wrong(const server_kind_t *kind, const char *what, const char *word, const char *remedy) {
    (void)fprintf(stderr, "qmq-%s: %s %s. %s\n", kind->name, what, word, remedy);
    return false;
}

static bool unknown(const server_kind_t *kind, const char *word) {
    static const char *const words[] = {"start", "start-foreground", "stop", "restart", "status", "reload", "install", "uninstall"};
    nearest_t nearest = {NULL, 0};
    view_t name = view_make(word, strcspn(word, "="));
    bool is_option = word[0] == '-';
    if (is_option) {
        for (size_t i = 0; i < OPTION_COUNT; i++) nearest_offer(&nearest, name, options[i].name);
    } else {
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) nearest_offer(&nearest, name, words[i]);
    }
    char remedy[128];
    (void)snprintf(remedy, sizeof remedy, "The nearest known one is %s; --help shows all", nearest.name);
    return wrong(kind, is_option ? "unknown option" : "unknown command", word, remedy);
}

static void add(const char ***list, const char *text) {
    size_t count = 0;
    while ((*list)[count] != NULL) count++;
    *list = memory_realloc(*list, (count + 2) * sizeof **list);
    (*list)[count] = text;
    (*list)[count + 1] = NULL;
}

static bool take(arguments_t *a, const option_t *o, const char *value, const server_kind_t *kind) {
    char *field = (char *)a + o->field;
    switch (o->type) {
    case OPTION_FLAG: {
        bool yes = true;
        if (value != NULL) return wrong(kind, "no value belongs to", o->name, "Leave it out");
        memcpy(field, &yes, sizeof yes);
        return true;
    }
    case OPTION_PRESET:
        if (value != NULL) return wrong(kind, "no value belongs to", o->name, "Leave it out");
        add(&a->sets, PRESET_REPAIR);
        return true;
    case OPTION_SET:
        if (strchr(value, '=') == NULL) return wrong(kind, "no \"=\" in --set", value, "Write --set key=value");
        add(&a->sets, value);
        return true;
    default:
        if (*value == 0) return wrong(kind, "an empty value was given to", o->name, "Give one, or leave the option out");
        memcpy(field, &value, sizeof value);
        return true;
    }
}

static bool take_command(arguments_t *a, const char *word, bool first, const server_kind_t *kind) {
    if (first && host_is_command(word)) {
        a->command = word;
        return true;
    }
    if (first && strcmp(word, "start-foreground") == 0) return true;
    return unknown(kind, word);
}

bool arguments_parse(arguments_t *a, int argc, char **argv, const server_kind_t *kind) {
    *a = (arguments_t){.sets = memory_zalloc(sizeof *a->sets), .passed_on = memory_zalloc(sizeof *a->passed_on)};
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        const option_t *o = argv[i][0] == '-' ? find_option(argv[i], &value) : NULL;
        if (argv[i][0] != '-') {
            if (!take_command(a, argv[i], i == 1, kind)) return false;
            continue;
        }
        if (o == NULL) return unknown(kind, argv[i]);
        bool is_home = strcmp(o->name, "--home") == 0;
        if (!is_home) add(&a->passed_on, argv[i]);
        if (value == NULL && o->type != OPTION_FLAG && o->type != OPTION_PRESET) {
            if (i + 1 == argc) return wrong(kind, "a value is missing after", o->name, "--help shows how to write it");
            value = argv[++i];
            if (!is_home) add(&a->passed_on, value);
        }
        if (!take(a, o, value, kind)) return false;
    }
    return true;
}

void arguments_free(arguments_t *a) {
    memory_free(a->sets);
    memory_free(a->passed_on);
}

void arguments_print_options(void) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char head[40];
        (void)snprintf(head, sizeof head, "%s %s", options[i].name, options[i].value == NULL ? "" : options[i].value);
        (void)printf("  %-18s  %s\n", head, options[i].text);
    }
}
