/* qmq, the command line of libqmq: what all of its commands share. */
#ifndef QMQ_TOOLS_QMQ_CLI_H
#define QMQ_TOOLS_QMQ_CLI_H

#include "qmq/qmq.h"

#include <stdatomic.h>
#include <stdio.h>

/* Exit codes (design section 9). */
enum exit_code { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3, EXIT_TIMED_OUT = 4 };

/* Which commands an option belongs to; bits. */
enum cli_command {
    COMMAND_SEND = 1,
    COMMAND_CONSUME = 2,
    COMMAND_BENCH = 4,
    COMMAND_PEEK = 8,
    COMMAND_RESET = 16,
    COMMAND_CLIENTS = 7, /* those that are clients of the brokers */
    COMMAND_ALL = 31
};

typedef enum bench_mode { BENCH_PRODUCE, BENCH_CONSUME, BENCH_ROUNDTRIP } bench_mode_t;

typedef struct text_list {
    const char **at; /* NULL-terminated, or NULL */
    size_t count;
} text_list_t;

/* Everything the command line said; texts point into argv. */
typedef struct cli_options {
    int command;
    bench_mode_t mode;
    const char *subject;
    const char *file; /* "-": standard input */
    const char *metaserver;
    const char *client_id;
    bool json;
    /* send */
    text_list_t tags;
    text_list_t attributes;
    int64_t delay_ms; /* -1: none */
    const char *at;
    int64_t batch; /* 0: the library's own */
    int64_t rate;  /* messages a second, 0: as fast as possible */
    /* consume */
    const char *group;
    const char *from;   /* peek: a sequence */
    int64_t count;      /* 0: no end */
    int64_t timeout_ms; /* -1: none */
    const char *filter;
    bool broadcast;
    const char *exec;
    const char *on_fail;
    /* peek, reset */
    const char *broker;
    const char *token;
    const char *state;
    const char *to;
    bool dry_run;
    /* bench */
    int64_t size;
    int64_t window;
    int64_t connections;
    int64_t duration_ms;
    /* all */
    bool help;
    bool version;
} cli_options_t;

/* Fills o from the command line. EXIT_DONE, or the code to end with after a line on standard error. */
int cli_parse(cli_options_t *o, int argc, char **argv);
void cli_free(cli_options_t *o);
void cli_help(FILE *to);

int send_command(const cli_options_t *o);
int consume_command(const cli_options_t *o);
int bench_command(const cli_options_t *o);
int peek_command(const cli_options_t *o);
int reset_command(const cli_options_t *o);

/* One line on standard error: what the broker promises for messages of the subject, or why that is not known (docs/reliability.md). */
void cli_say_guarantee(const cli_options_t *o);

/* Prints the error as one line, frees it, and returns the exit code that belongs to it. */
int cli_fail(qmq_error_t *error);
/* Standard error, one line. */
void cli_say(const char *format, ...);
/* One line on a terminal that is written over again and again while work takes longer than a second; nothing elsewhere. */
typedef struct cli_progress {
    bool shows;
    bool shown;
} cli_progress_t;
#define CLI_PROGRESS_US INT64_C(1000000)
void cli_progress_begin(cli_progress_t *p, bool uses_output); /* uses_output: the lines of the work itself go to the standard output */
void cli_progress(cli_progress_t *p, const char *what, long long count);
void cli_progress_end(cli_progress_t *p); /* before anything else is said */

/* "250ms", "30s", "5m", "2h", "1d"; a plain number is seconds. -1 when it is none of it. */
int64_t cli_duration_ms(const char *text);
/* "2026-12-31T23:59:59" (local time, seconds and the time may be left out, a blank for T), or milliseconds since 1970. -1 when it is none.
 */
int64_t cli_time_ms(const char *text);
/* A client named by the options; closes with cli_close. NULL after an error line; *code is what to end with. */
typedef struct cli_session {
    qmq_client_t *client;
    atomic_bool loud; /* warnings of the library are shown; off while an error would tell the same */
    void *slot;       /* the lock that makes the client id ours */
    char *metaserver;
} cli_session_t;
bool cli_open(cli_session_t *s, const cli_options_t *o, int *code);
void cli_close(cli_session_t *s);

#endif
