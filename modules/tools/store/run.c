#include "tools/store/inspect.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/properties.h"
#include "portability/host.h"

#include <string.h>

#define MESSAGE_SEGMENT ((int64_t)1073741824)
#define ACTION_SEGMENT ((int64_t)104857600)

typedef struct command {
    const char *name;
    const char *argument; /* NULL: none */
    const char *options;  /* of its own */
    const char *text;
    bool opens; /* needs the store */
    int (*run)(inspector_t *i);
} command_t;

static const command_t commands[] = {
    {"verify", NULL, "", "Reads every file and says what is damaged, and what repairs it.", true, command_verify},
    {"repair", NULL, "--what KIND [--write]", "Repairs one kind of what verify names; only with --write.", true, command_repair},
    {"subjects", NULL, "", "Lists subjects with sequences, counts and bytes.", true, command_subjects},
    {"messages", "SUBJECT", "[--from N] [--count N]", "Shows messages of a subject.", true, command_messages},
    {"groups", NULL, "[--subject SUBJECT]", "Shows how far consumer groups and consumers are.", true, command_groups},
    {"dump", "FILE", "", "Shows one file of a store, whichever it is.", false, command_dump},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(FILE *out) {
    (void)fprintf(out,
                  "QMQ store inspector, version %s: looks into the store of a broker that is stopped, or into a copy of one that runs.\n\n"
                  "store COMMAND [--root DIR | --home DIR] [--json]\n\n",
                  QMQ_VERSION);
    for (size_t k = 0; k < COMMANDS; k++)
        (void)fprintf(out, "  %s %s%s%s\n      %s\n", commands[k].name, commands[k].argument == NULL ? "" : commands[k].argument,
                      commands[k].argument == NULL ? "" : " ", commands[k].options, commands[k].text);
    (void)fprintf(out, "\n  --root DIR               the store, what store.root names; else\n"
                       "  --home DIR               home of the broker: store.root of its conf/broker.properties; else QMQ_HOME, else here\n"
                       "  --json                   an object a line, for programs\n"
                       "  --from N, --count N      first sequence and number of messages (default: all)\n"
                       "  --what KIND              tail, index, snapshots, tablets or marker\n"
                       "  --write                  do it; without it repair only says what it would do\n"
                       "  --message.segment.bytes N, --action.segment.bytes N\n"
                       "                           sizes of the logs' files, of stores that were made with others\n"
                       "Exit codes: 0 sound, done; 1 damage was found, or is left; 2 wrong usage; 3 cannot be read or written.\n");
}

static const command_t *find(const char *name) {
    for (size_t k = 0; k < COMMANDS; k++) {
        if (strcmp(commands[k].name, name) == 0) return &commands[k];
    }
    return NULL;
}

static int unknown(const char *name, FILE *err) {
    nearest_t nearest = {.name = NULL};
    for (size_t k = 0; k < COMMANDS; k++) nearest_offer(&nearest, view_of(name), commands[k].name);
    (void)fprintf(err, "%s is no command. The nearest is %s, all are listed by store --help\n", name, nearest.name);
    return STORE_USAGE;
}

typedef struct text_option {
    const char *name;
    const char **to;
} text_option_t;

typedef struct number_option {
    const char *name;
    int64_t *to;
    int64_t min;
} number_option_t;

typedef struct reading {
    inspector_t *i;
    const command_t *command;
    const char *root;
    const char *home;
    bool help;
} reading_t;

/* False after a line on err. *used: how many arguments it was. */
static bool read_option(reading_t *r, const char *argument, const char *next, int *used) {
    const text_option_t texts[] = {{"--root", &r->root}, {"--home", &r->home}, {"--what", &r->i->what}, {"--subject", &r->i->subject}};
    const number_option_t numbers[] = {{"--from", &r->i->from, 0},
                                       {"--count", &r->i->count, 0},
                                       {"--message.segment.bytes", &r->i->message_segment, 1024},
                                       {"--action.segment.bytes", &r->i->action_segment, 1024}};
    const char *equals = strchr(argument, '=');
    size_t size = equals == NULL ? strlen(argument) : (size_t)(equals - argument);
    const char *value = equals == NULL ? next : equals + 1;
    *used = equals == NULL ? 2 : 1;
    for (size_t k = 0; k < 4; k++) {
        if (strlen(texts[k].name) != size || strncmp(texts[k].name, argument, size) != 0) continue;
        if (value != NULL)
            *texts[k].to = value;
        else
            (void)fprintf(r->i->err, "%s needs a value\n", texts[k].name);
        return value != NULL;
    }
    for (size_t k = 0; k < 4; k++) {
        if (strlen(numbers[k].name) != size || strncmp(numbers[k].name, argument, size) != 0) continue;
        if (value != NULL && id_parse_i64(view_of(value), numbers[k].to) && *numbers[k].to >= numbers[k].min) return true;
        (void)fprintf(r->i->err, "%s needs a whole number from %lld on\n", numbers[k].name, (long long)numbers[k].min);
        return false;
    }
    (void)fprintf(r->i->err, "%s is no option, see store --help\n", argument);
    return false;
}

static bool read_arguments(reading_t *r, int count, const char *const *arguments) {
    for (int k = 0; k < count;) {
        int used = 1;
        if (strcmp(arguments[k], "--json") == 0) {
            r->i->json = true;
        } else if (strcmp(arguments[k], "--write") == 0) {
            r->i->write = true;
        } else if (strcmp(arguments[k], "--help") == 0 || strcmp(arguments[k], "-h") == 0) {
            r->help = true;
        } else if (arguments[k][0] != '-' && r->i->argument == NULL && r->command->argument != NULL) {
            r->i->argument = arguments[k];
        } else if (strncmp(arguments[k], "--", 2) != 0) {
            (void)fprintf(r->i->err, "%s: what is that? See store --help\n", arguments[k]);
            return false;
        } else if (!read_option(r, arguments[k], k + 1 < count ? arguments[k + 1] : NULL, &used)) {
            return false;
        }
        k += used;
    }
    if (r->help || r->command->argument == NULL || r->i->argument != NULL) return true;
    (void)fprintf(r->i->err, "%s needs a %s, see store --help\n", r->command->name, r->command->argument);
    return false;
}

/* store.root of a home, "data" when its file does not say. malloc'ed. */
static char *root_of_home(const char *home) {
    char *file = memory_printf("%s/conf/broker.properties", home);
    qmq_error_t *error = NULL;
    properties_t *conf = properties_read(file, &error);
    qmq_error_free(error); /* without the file its default counts */
    const char *root = conf == NULL ? NULL : properties_get(conf, "store.root");
    char *absolute = NULL;
    if (path_absolute(root == NULL ? "data" : root, home, &absolute) != APR_SUCCESS) absolute = memory_strdup(home);
    properties_free(conf);
    memory_free(file);
    return absolute;
}

static char *find_root(const reading_t *r) {
    if (r->root != NULL) return memory_strdup(r->root);
    const char *home = r->home != NULL ? r->home : process_environment("QMQ_HOME");
    return root_of_home(home == NULL ? "." : home);
}

static int run(const command_t *command, int count, const char *const *arguments, inspector_t *i) {
    reading_t r = {.i = i, .command = command};
    if (!read_arguments(&r, count, arguments)) return STORE_USAGE;
    if (r.help) {
        help(i->out);
        return STORE_SOUND;
    }
    i->root = find_root(&r);
    if (command->opens && !inspector_open(i)) return STORE_UNREADABLE;
    return command->run(i);
}

int store_run(int count, const char *const *arguments, FILE *out, FILE *err) {
    const char *first = count == 0 ? "--help" : arguments[0];
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        help(out);
        return STORE_SOUND;
    }
    if (strcmp(first, "--version") == 0) {
        (void)fprintf(out, "%s\n", QMQ_VERSION);
        return STORE_SOUND;
    }
    const command_t *command = find(first);
    if (command == NULL) return unknown(first, err);
    inspector_t *i = memory_zalloc(sizeof *i);
    *i = (inspector_t){.command = first,
                       .count = -1,
                       .message_segment = MESSAGE_SEGMENT,
                       .action_segment = ACTION_SEGMENT,
                       .out = out,
                       .err = err,
                       .terminal = process_has_terminal(true)};
    log_init(&i->log, "store");
    int code = run(command, count - 1, arguments + 1, i);
    inspector_close(i);
    memory_free(i);
    return code;
}
