/* qmq-tools: administration of a metaserver from the command line (metaserver.md 15, design decision 11). One table holds every command;
 * parsing, requests and help are made from it. */
#ifndef QMQ_TOOLS_TOOLS_H
#define QMQ_TOOLS_TOOLS_H

#include <stdbool.h>
#include <stdio.h>

enum tools_exit { TOOLS_DONE = 0, TOOLS_REFUSED = 1, TOOLS_USAGE = 2, TOOLS_UNREACHABLE = 3 };

typedef enum option_use { OPTION_REQUIRED, OPTION_OPTIONAL } option_use_t;

typedef struct tool_option {
    const char *name;      /* "brokerGroup" for --brokerGroup */
    const char *parameter; /* of the request; NULL: not sent as one */
    option_use_t use;
    const char *fallback; /* value when it is not given; NULL: the parameter is left out */
    bool integer;         /* 32 bits, decimal */
    const char *text;
} tool_option_t;

struct tool_values;
typedef struct tool_output tool_output_t;

typedef struct tool_command {
    const char *name;
    const char *action; /* of POST /management; with a slash in front: the path of a GET; NULL: see run */
    const char *text;
    bool token;
    bool slow;                    /* works on many groups or subjects: is given more time */
    const tool_option_t *options; /* ends with name NULL; --metaserver and --token come on top */
    int (*run)(const struct tool_command *command, const struct tool_values *v, tool_output_t *to); /* more than one request */
} tool_command_t;

extern const tool_command_t tool_commands[]; /* ends with name NULL */
extern const tool_option_t tool_option_metaserver;
extern const tool_option_t tool_option_token;
#define TOOL_MAX_OPTIONS 12

/* The i-th option of a command, the common ones last; NULL at the end. */
const tool_option_t *tool_option_at(const tool_command_t *command, size_t i);

/* What was given for the options, by the same index; NULL: nothing. Views into the arguments. */
typedef struct tool_values {
    const char *values[TOOL_MAX_OPTIONS];
    bool help;
    bool version;
    bool raw; /* --raw: the body as it came, on a terminal too */
} tool_values_t;

/* Where a command writes. */
struct tool_output {
    FILE *out;
    FILE *err;
    bool human; /* out is a terminal: tables for people instead of the metaserver's body */
};

/* Reads the arguments behind the command's name. False after one line about what is wrong on err. */
bool tool_values_read(tool_values_t *v, const tool_command_t *command, int count, const char *const *arguments, FILE *err);
/* Takes metaserver (NULL: none) for --metaserver when that was not given, then sees that nothing required is missing. */
bool tool_values_complete(tool_values_t *v, const tool_command_t *command, const char *metaserver, FILE *err);
const char *tool_values_of(const tool_values_t *v, const tool_command_t *command, const char *name);

void tools_help(FILE *out);
void tool_command_help(const tool_command_t *command, FILE *out);

/* Sends the command's request and prints the answer; an exit code. */
int tool_call(const tool_command_t *command, const tool_values_t *v, tool_output_t *to);
/* False after one line when --metaserver or --token cannot be used. */
bool tool_check_values(const char *metaserver, const char *token, FILE *err);
/* An answer of the metaserver for people. */
void tool_print_human(const char *body, size_t size, tool_output_t *to);
/* The command Doctor. */
int tool_doctor(const tool_command_t *command, const tool_values_t *v, tool_output_t *to);

/* Everything main does. arguments[0] is the first behind the program's name. */
int tools_run(int count, const char *const *arguments, tool_output_t *to);

#endif
