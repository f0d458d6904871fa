/* A dummy server as a child process in a home of its own. */
#ifndef QMQ_TESTS_UNIT_HOST_PROCESS_H
#define QMQ_TESTS_UNIT_HOST_PROCESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define MOST_ARGUMENTS 32

typedef struct process process_t;

/* A new home directory with conf/<file> of this text (text NULL: no file). The program is DUMMY_SERVER or DUMMY_COMPOSITE. */
process_t *process_create(const char *program, const char *file, const char *text);
/* Kills it when it still runs. */
void process_free(process_t *p);
const char *process_home(const process_t *p);
/* Writes conf/<file>. */
void process_conf(const process_t *p, const char *file, const char *text);
/* A path in the home; valid until the next call. */
const char *process_path(const process_t *p, const char *name);

/* Starts it with --home, a free metrics port, --set host.stop.deadline.seconds=1 and these arguments (NULL-terminated). */
void process_start(process_t *p, const char *const *arguments);
/* With these arguments only. */
void process_start_bare(process_t *p, const char *const *arguments);
/* The environment of what is started from now on gets name=value (value NULL: without it). */
void process_setenv(process_t *p, const char *name, const char *value);
int64_t process_pid(const process_t *p);
typedef enum process_request { PROCESS_STOP, PROCESS_RELOAD, PROCESS_KILL } process_request_t;
/* As the launchers ask, once the run file is there. */
void process_ask(const process_t *p, process_request_t what);
/* Waits for its end; the exit code, -1 when it was killed or did not end. */
int process_end(process_t *p);
/* What it wrote, malloc'ed. */
char *process_errors(const process_t *p);
char *process_output(const process_t *p);

/* The run file of the running process, NULL when there is none. */
json_t *process_run_file(const process_t *p);
/* Waits until it is in this state. */
bool process_wait_state(process_t *p, const char *state);
/* Waits until this port key has this value. */
bool process_wait_port(process_t *p, const char *key, int port);
int process_port(const process_t *p, const char *key);
/* GET on its metrics port; the body, memory_free; *status the HTTP status, 0 when unreachable. */
char *process_get(const process_t *p, const char *path, int *status);
/* /health as JSON. */
json_t *process_health(const process_t *p, int *status);

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ARGUMENTS ((const char *const[]){NULL})

/* text contains part; else it is printed. */
bool has(const char *text, const char *part);
int count_lines(const char *text);

#endif
