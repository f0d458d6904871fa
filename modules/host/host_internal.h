/* What the parts of the host share: host.c (the run from start to exit), instance.c (one server), run_file.c, monitor.c (metrics and
 * health), graphite.c, keys.c (the keys every server has). */
#ifndef QMQ_HOST_HOST_INTERNAL_H
#define QMQ_HOST_HOST_INTERNAL_H

#include "host/arguments.h"
#include "host/host.h"

#include "portability/file.h"
#include "portability/thread.h"

#include <stdatomic.h>

typedef struct monitor monitor_t;

typedef struct told_port {
    const char *key; /* of a key table or a literal: lives as long as the process */
    int port;
} told_port_t;

struct instance {
    host_t *host;
    instance_t *parent; /* NULL: the server the executable is */
    const server_kind_t *kind;
    log_t log;
    metrics_t *metrics;
    config_source_t *config;
    config_key_t *common; /* keys.c */
    const config_key_t **tables;
    char *address;
    char *host_name;
    const char *host_name_origin;
    instance_t *next; /* all of the host, parents first; changed under both locks of the host */

    /* guarded by the host's lock */
    told_port_t *ports;
    size_t port_count;
    server_state_t state;
    bool told; /* it said a state itself */
    char *detail;

    void *self; /* of a child: set before its start returns; of the root: guarded by the host's scrape lock */
};

struct host {
    const server_kind_t *kind;
    const arguments_t *arguments;
    char *home;
    char *conf;
    char *logs;
    char *run;
    char *pid;
    char *run_path;
    char *log_path;
    file_t *lock_file;
    instance_t *root;
    monitor_t *monitor;
    int64_t started_ms;
    int64_t started_us;

    mutex_t lock; /* innermost: states, ports, run file, failure */
    bool served;  /* the kind's serve has returned */
    bool stopping;
    bool reported; /* the service manager knows that we serve */
    qmq_error_t *failure;

    /* Held while a scrape reads metrics or asks for health, so that nothing of it goes away meanwhile. Never taken with `lock` held. */
    mutex_t scrape_lock;
};

/* host.c. Says what is wrong on standard error, and in the log when that is a file; frees error and returns the exit code. */
int host_fail(host_t *h, qmq_error_t *error);
/* Reads the configuration of the server itself into h->root. NULL, or what is wrong. */
qmq_error_t *host_open_root(host_t *h);
qmq_error_t *host_set_log_level(host_t *h);

/* check.c: the exit code. */
int host_check(host_t *h);

/* home.c, each NULL or what is wrong: where home, configuration, log and run file are; the directories below home; one server of a kind a
 * home. */
qmq_error_t *home_find(host_t *h);
bool home_is_given(const host_t *h); /* by option or environment */
qmq_error_t *home_make_directories(const host_t *h);
qmq_error_t *home_lock(host_t *h);

/* keys.c: the tables of a kind and the keys every server has, in its main file; *common and *tables are memory_free'd after the config. */
void keys_gather(const server_kind_t *kind, config_key_t **common, const config_key_t ***tables);
bool keys_have(const config_key_t *const *tables, view_t name);
/* Name part of "key=value". */
view_t keys_name_of(const char *setting);
/* Reads log.level; false: no such level. */
bool keys_log_level(const char *text, log_level_t *level);
bool keys_is_ipv4(const char *text);

/* instance.c */
/* overrides: NULL-terminated "key=value". */
apr_status_t instance_create(host_t *h, instance_t *parent, const server_kind_t *kind, const char *const *overrides, instance_t **out,
                             qmq_error_t **error);
void instance_destroy(instance_t *i);
/* Re-reads the configuration and tells the server; true when anything changed. */
bool instance_reload(instance_t *i, bool force);

/* run_file.c. With the host's lock held: what all its servers say together, *detail the words of the one that decides ("" if none). */
server_state_t host_state(const host_t *h, const char **detail);
const char *state_name(server_state_t state);
/* With the host's lock held: writes the run file and tells the service manager. */
void host_publish(host_t *h);
/* With the host's lock held: tells the service manager alone, which wants to hear again and again. */
void host_report(host_t *h);

/* monitor.c: metrics and health over HTTP, metrics to Graphite, as configured. *out NULL when switched off. */
apr_status_t monitor_start(host_t *h, monitor_t **out, qmq_error_t **error);
void monitor_stop(monitor_t *m);
/* NULL, or what is wrong in the settings; opens nothing. */
qmq_error_t *monitor_check(host_t *h);
/* One page of all servers' metrics; names NULL: all. memory_free. */
char *monitor_export(host_t *h, const char *const *names);

/* graphite.c: one connection, all samples of a page in Prometheus' text format. False, and a log line, when it does not work. */
bool graphite_push(const log_t *log, const char *host, int port, const char *page);
/* The page as Graphite's lines; memory_free. */
char *graphite_lines(const char *page, int64_t seconds);

#endif
