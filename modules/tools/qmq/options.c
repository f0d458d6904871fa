/* The options of all commands in one table: parsing, help and spelling suggestions come from it. */
#include "base/id.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "cli.h"

#include <string.h>

typedef enum kind { KIND_FLAG, KIND_TEXT, KIND_LIST, KIND_NUMBER, KIND_DURATION } kind_t;

typedef struct option {
    const char *name;
    const char *value; /* what the help calls it; NULL for flags */
    int commands;
    kind_t kind;
    size_t offset;
    const char *help;
} option_t;

#define AT(member) offsetof(cli_options_t, member)

static const option_t options[] = {
    {"metaserver", "HOST:PORT", COMMAND_CLIENTS, KIND_TEXT, AT(metaserver),
     "its HTTP port; else QMQ_METASERVER, else 127.0.0.1:8080; without a port 80"},
    {"client-id", "ID", COMMAND_CLIENTS, KIND_TEXT, AT(client_id), "who this is to the brokers; default: the first free slot of this host"},
    {"json", NULL, COMMAND_ALL, KIND_FLAG, AT(json),
     "send: each line is an object of attributes; consume, peek: prints objects; bench, reset: figures as an object"},
    {"tag", "T", COMMAND_SEND, KIND_LIST, AT(tags), "a tag of every message; up to 10 times"},
    {"attr", "K=V", COMMAND_SEND, KIND_LIST, AT(attributes), "an attribute of every message; may be repeated"},
    {"delay", "DUR", COMMAND_SEND, KIND_DURATION, AT(delay_ms),
     "delivery not before this time has passed (30s, 5m, 2h); needs a delay server"},
    {"at", "TIME", COMMAND_SEND, KIND_TEXT, AT(at), "delivery not before 2026-12-31T23:59:59 (local time) or milliseconds since 1970"},
    {"batch", "N", COMMAND_SEND | COMMAND_BENCH, KIND_NUMBER, AT(batch), "messages a request; default 30, bench 50"},
    {"rate", "N", COMMAND_SEND, KIND_NUMBER, AT(rate), "messages a second; default: as fast as they are confirmed"},
    {"group", "G", COMMAND_CONSUME | COMMAND_BENCH | COMMAND_PEEK | COMMAND_RESET, KIND_TEXT, AT(group),
     "consumer group; mandatory for consume unless --broadcast, and for reset"},
    {"from", "WHERE", COMMAND_CONSUME | COMMAND_PEEK, KIND_TEXT, AT(from),
     "consume: where a new group begins, earliest (default) or latest; peek: the first sequence, or how many un-acknowledged to pass over"},
    {"count", "N", COMMAND_CONSUME | COMMAND_BENCH | COMMAND_PEEK, KIND_NUMBER, AT(count), "ends after N messages; peek shows 20"},
    {"broker", "HOST:PORT", COMMAND_SEND | COMMAND_PEEK | COMMAND_RESET, KIND_TEXT, AT(broker),
     "monitor port of the broker; default 127.0.0.1:3333; send asks it which guarantee was given"},
    {"token", "T", COMMAND_PEEK | COMMAND_RESET, KIND_TEXT, AT(token),
     "a token of the broker's valid-api-tokens.properties; else QMQ_TOKEN"},
    {"state", "S", COMMAND_PEEK, KIND_TEXT, AT(state), "only messages that are waiting, unacked or dead for --group"},
    {"to", "WHERE", COMMAND_RESET, KIND_TEXT, AT(to), "earliest, latest, time:MILLISECONDS, message:ID or sequence:NUMBER"},
    {"dry-run", NULL, COMMAND_RESET, KIND_FLAG, AT(dry_run), "tells what would be repeated or skipped and moves nothing"},
    {"timeout", "DUR", COMMAND_CONSUME, KIND_DURATION, AT(timeout_ms), "ends after this time; code 4 when --count was not reached"},
    {"tags", "any:T,T", COMMAND_CONSUME, KIND_TEXT, AT(filter), "only messages with one of the tags (any:) or all of them (all:)"},
    {"broadcast", NULL, COMMAND_CONSUME, KIND_FLAG, AT(broadcast), "every client gets every message"},
    {"exec", "CMD", COMMAND_CONSUME, KIND_TEXT, AT(exec), "runs CMD with the message on its standard input instead of printing it"},
    {"on-fail", "HOW", COMMAND_CONSUME, KIND_TEXT, AT(on_fail), "when CMD does not end with 0: retry (default) or stop"},
    {"size", "B", COMMAND_BENCH, KIND_NUMBER, AT(size), "bytes of the data of a message; default 1024"},
    {"window", "N", COMMAND_BENCH, KIND_NUMBER, AT(window), "requests in flight a connection; default 8"},
    {"connections", "N", COMMAND_BENCH, KIND_NUMBER, AT(connections), "clients at the same time; default 1"},
    {"duration", "DUR", COMMAND_BENCH, KIND_DURATION, AT(duration_ms), "how long; default 10s unless --count"},
    {"help", NULL, COMMAND_ALL, KIND_FLAG, AT(help), "this text"},
    {"version", NULL, COMMAND_ALL, KIND_FLAG, AT(version), "the version"},
    {NULL, NULL, 0, KIND_FLAG, 0, NULL},
};

static const struct {
    const char *name;
    int command;
} commands[] = {
    {"send", COMMAND_SEND}, {"consume", COMMAND_CONSUME}, {"bench", COMMAND_BENCH}, {"peek", COMMAND_PEEK}, {"reset", COMMAND_RESET}};
#define COMMANDS (sizeof commands / sizeof *commands)

static const char *const modes[] = {"produce", "consume", "roundtrip"};
#define MODES (sizeof modes / sizeof *modes)

static const char *command_name(int command) {
    for (size_t i = 0; i < COMMANDS; i++) {
        if (commands[i].command == command) return commands[i].name;
    }
    return "";
}

void cli_help(FILE *to) {
    (void)fputs("qmq send SUBJECT [FILE|-] [options]      a message of each line\n"
                "qmq consume SUBJECT --group G [options]  a line of each message, acknowledged after it was printed\n"
                "qmq bench produce|consume|roundtrip SUBJECT [options]\n"
                "qmq peek SUBJECT [options]               what a broker holds, without consuming it\n"
                "qmq reset SUBJECT --group G --to WHERE   moves the position of a group at a broker\n\n",
                to);
    for (const option_t *o = options; o->name != NULL; o++) {
        char left[40];
        (void)snprintf(left, sizeof left, "--%s%s%s", o->name, o->value == NULL ? "" : " ", o->value == NULL ? "" : o->value);
        (void)fprintf(to, "  %-22s %s", left, o->help);
        if (o->commands != COMMAND_ALL) {
            (void)fputs(" [", to);
            for (size_t i = 0, n = 0; i < COMMANDS; i++) {
                if ((o->commands & commands[i].command) != 0) (void)fprintf(to, "%s%s", n++ > 0 ? ", " : "", commands[i].name);
            }
            (void)fputc(']', to);
        }
        (void)fputc('\n', to);
    }
    (void)fputs("\nExit codes: 0 done, 1 refused by a server, 2 wrong usage, 3 unreachable, 4 time out before --count.\n", to);
}

static int unknown_option(const cli_options_t *o, const char *argument, size_t size) {
    nearest_t near = {0};
    for (const option_t *one = options; one->name != NULL; one++) {
        if (o->command == 0 || (one->commands & o->command) != 0) nearest_offer(&near, view_make(argument + 2, size), one->name);
    }
    cli_say("unknown option %.*s; the nearest is --%s, all are listed by qmq --help", (int)size + 2, argument, near.name);
    return EXIT_USAGE;
}

static int unknown_word(const char *what, const char *word, const char *near, const char *all) {
    cli_say("unknown %s \"%s\"; the nearest is %s, there are %s", what, word, near, all);
    return EXIT_USAGE;
}

static int take_command(cli_options_t *o, const char *word) {
    nearest_t near = {0};
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            o->command = commands[i].command;
            return EXIT_DONE;
        }
        nearest_offer(&near, view_of(word), commands[i].name);
    }
    return unknown_word("command", word, near.name, "send, consume, bench, peek and reset");
}

static int take_mode(cli_options_t *o, const char *word) {
    nearest_t near = {0};
    for (size_t i = 0; i < MODES; i++) {
        if (strcmp(word, modes[i]) == 0) {
            o->mode = (bench_mode_t)i;
            return EXIT_DONE;
        }
        nearest_offer(&near, view_of(word), modes[i]);
    }
    return unknown_word("measurement", word, near.name, "produce, consume and roundtrip");
}

static int take_word(cli_options_t *o, const char *word, int position) {
    if (position == 0) return take_command(o, word);
    if (o->command == COMMAND_BENCH && position == 1) return take_mode(o, word);
    if (o->subject == NULL) {
        o->subject = word;
        return EXIT_DONE;
    }
    if (o->command == COMMAND_SEND && o->file == NULL) {
        o->file = word;
        return EXIT_DONE;
    }
    cli_say("\"%s\" is one argument too many; qmq --help shows what %s takes", word, command_name(o->command));
    return EXIT_USAGE;
}

static void add_to_list(text_list_t *list, const char *value) {
    list->at = memory_realloc(list->at, (list->count + 2) * sizeof *list->at);
    list->at[list->count++] = value;
    list->at[list->count] = NULL;
}

static int set_value(cli_options_t *o, const option_t *option, const char *value) {
    char *field = (char *)o + option->offset;
    int64_t number = 0;
    switch (option->kind) {
    case KIND_FLAG:
        *(bool *)(void *)field = true;
        return EXIT_DONE;
    case KIND_TEXT:
        *(const char **)(void *)field = value;
        return EXIT_DONE;
    case KIND_LIST:
        add_to_list((text_list_t *)(void *)field, value);
        return EXIT_DONE;
    case KIND_NUMBER:
        if (!id_parse_i64(view_of(value), &number) || number < 1) {
            cli_say("--%s %s: not a number from 1 on", option->name, value);
            return EXIT_USAGE;
        }
        break;
    case KIND_DURATION:
        number = cli_duration_ms(value);
        if (number < 0) {
            cli_say("--%s %s: not a time; write 250ms, 30s, 5m, 2h or 1d", option->name, value);
            return EXIT_USAGE;
        }
        break;
    }
    *(int64_t *)(void *)field = number;
    return EXIT_DONE;
}

static const option_t *find_option(const char *name, size_t size) {
    for (const option_t *o = options; o->name != NULL; o++) {
        if (strlen(o->name) == size && memcmp(o->name, name, size) == 0) return o;
    }
    return NULL;
}

/* argv[*at] is an option; *at moves over its value. */
static int take_option(cli_options_t *o, int argc, char **argv, int *at) {
    const char *argument = argv[*at];
    size_t size = strcspn(argument + 2, "=");
    const option_t *option = find_option(argument + 2, size);
    if (option == NULL) return unknown_option(o, argument, size);
    if (o->command != 0 && (option->commands & o->command) == 0) {
        cli_say("--%s is no option of %s; qmq --help shows those it has", option->name, command_name(o->command));
        return EXIT_USAGE;
    }
    const char *value = argument[2 + size] == '=' ? argument + size + 3 : NULL;
    if (option->kind == KIND_FLAG) {
        if (value == NULL) return set_value(o, option, NULL);
        cli_say("--%s takes no value", option->name);
        return EXIT_USAGE;
    }
    if (value == NULL && *at + 1 < argc) value = argv[++*at];
    if (value != NULL) return set_value(o, option, value);
    cli_say("--%s needs a value: --%s %s", option->name, option->name, option->value);
    return EXIT_USAGE;
}

static int refuse_value(const char *option, const char *value, const char *allowed) {
    cli_say("--%s %s: it is %s", option, value, allowed);
    return EXIT_USAGE;
}

static int check(const cli_options_t *o) {
    if (o->help || o->version) return EXIT_DONE;
    if (o->command == 0) {
        cli_say("no command; there are send, consume, bench, peek and reset, qmq --help shows them");
        return EXIT_USAGE;
    }
    if (o->subject == NULL) {
        cli_say("%s needs a subject: qmq %s%s SUBJECT", command_name(o->command), command_name(o->command),
                o->command == COMMAND_BENCH ? " produce|consume|roundtrip" : "");
        return EXIT_USAGE;
    }
    if (o->command == COMMAND_CONSUME && o->group == NULL && !o->broadcast) {
        cli_say("consume needs a consumer group: --group G, or --broadcast");
        return EXIT_USAGE;
    }
    if (o->command == COMMAND_PEEK) return EXIT_DONE;
    if (o->command == COMMAND_RESET) {
        if (o->group != NULL && o->to != NULL) return EXIT_DONE;
        cli_say("reset needs a group and a place: --group G --to earliest, latest, time:MILLISECONDS, message:ID or sequence:NUMBER");
        return EXIT_USAGE;
    }
    if (o->at != NULL && o->delay_ms >= 0) {
        cli_say("--at and --delay exclude each other: give one of them");
        return EXIT_USAGE;
    }
    if (o->at != NULL && cli_time_ms(o->at) < 0) return refuse_value("at", o->at, "2026-12-31T23:59:59 or milliseconds since 1970");
    if (strcmp(o->from, "earliest") != 0 && strcmp(o->from, "latest") != 0) return refuse_value("from", o->from, "earliest or latest");
    if (strcmp(o->on_fail, "retry") != 0 && strcmp(o->on_fail, "stop") != 0) return refuse_value("on-fail", o->on_fail, "retry or stop");
    if (o->filter != NULL && strncmp(o->filter, "any:", 4) != 0 && strncmp(o->filter, "all:", 4) != 0)
        return refuse_value("tags", o->filter, "any:T,T or all:T,T");
    return EXIT_DONE;
}

static void set_defaults(cli_options_t *o) {
    memset(o, 0, sizeof *o);
    o->delay_ms = -1;
    o->timeout_ms = -1;
    o->on_fail = "retry";
}

int cli_parse(cli_options_t *o, int argc, char **argv) {
    int position = 0;
    bool only_words = false;
    set_defaults(o);
    for (int at = 1; at < argc; at++) {
        int code;
        if (!only_words && strcmp(argv[at], "--") == 0) {
            only_words = true;
            continue;
        }
        if (!only_words && strcmp(argv[at], "-h") == 0) {
            o->help = true;
            continue;
        }
        if (!only_words && argv[at][0] == '-' && argv[at][1] == '-') {
            code = take_option(o, argc, argv, &at);
        } else if (!only_words && argv[at][0] == '-' && argv[at][1] != 0) {
            cli_say("unknown option %s; options begin with two dashes, qmq --help lists them", argv[at]);
            code = EXIT_USAGE;
        } else {
            code = take_word(o, argv[at], position++);
        }
        if (code != EXIT_DONE) return code;
    }
    if (o->from == NULL && o->command != COMMAND_PEEK) o->from = "earliest";
    return check(o);
}

void cli_free(cli_options_t *o) {
    memory_free(o->tags.at);
    memory_free(o->attributes.at);
}
