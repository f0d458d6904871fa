/* What this machine is: names, addresses, processes. Blocking; not for event loops. */
#ifndef QMQ_PORTABILITY_HOST_H
#define QMQ_PORTABILITY_HOST_H

#include <apr_errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The machine's host name as the system tells it (not resolved). */
apr_status_t host_name(char *to, size_t size);
/* The address that is told to peers: first IPv4 of an interface that is up, not virtual, not loopback and not 127.0.*, else the
 * last IPv4 (spec/broker.md 2.1). Without such an interface the address of the host name; QMQ_E_NOT_FOUND when it has none. */
apr_status_t host_address(char *to, size_t size);
/* First IPv4 address of a name, as text; an IPv4 text is returned as it is. QMQ_E_NOT_FOUND: no such name; QMQ_E_UNREACHABLE: no
 * answer from who knows names. */
apr_status_t host_resolve(const char *name, char *to, size_t size);

/* Processor cores this process may use, at least 1. Never blocks. */
int host_cores(void);

/* Own process id. */
int64_t process_id(void);
/* False too for a process that has ended and whose exit code nobody fetched. */
bool process_alive(int64_t pid);
/* Absolute path of the running executable; malloc'ed. */
apr_status_t process_executable(char **out);
/* Names the process that listens on a local TCP port ("java, pid 4711"), where the system tells ("a process of user
 * id 1000" when it is hidden from us); else APR_ENOTIMPL or APR_ENOENT. */
apr_status_t process_listening(int port, char *to, size_t size);
/* Asks a process to stop cleanly. */
apr_status_t process_ask_stop(int64_t pid);
/* Asks a process to re-read its configuration. */
apr_status_t process_ask_reload(int64_t pid);
/* Ends a process at once. */
apr_status_t process_kill(int64_t pid);
/* Raises the soft limit of open files to the hard one; the value reached. */
int64_t process_raise_file_limit(void);
/* Starts program argv[0..] (NULL-terminated) detached from terminal and session, output appended to log_path; *pid of it. It
 * keeps the working directory, gets fresh signals and no other open files; a program that cannot be started is told here. */
apr_status_t process_start_detached(const char *const *argv, const char *log_path, int64_t *pid);
/* Runs a program and waits; input (may be NULL) is written to its standard input. *exit_code as the system tells it (128
 * and the signal's number when one ended it). */
apr_status_t process_run(const char *const *argv, const void *input, size_t input_size, int *exit_code);
/* True when a person sees what is written to the standard output (error false) or standard error (true). */
bool process_has_terminal(bool error);
const char *process_environment(const char *name); /* NULL when not set; lives as long as the process */
/* First thing in main: replaces its arguments by the same in UTF-8, where the system gives them otherwise, and makes the standard streams
 * carry bytes. */
void process_arguments(int *argc, char ***argv);

#endif
