/* The frame every server lives in (design section 4): arguments, home and configuration, log, start and stop order, health and metrics
 * port, run file, exit codes. A server is a server_kind_t; `standalone` is one that starts others. host_main is the main of every server
 * executable. */
#ifndef QMQ_HOST_HOST_H
#define QMQ_HOST_HOST_H

#include "base/config.h"
#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"

#include <jansson.h>

typedef struct host host_t;
struct http_request;
typedef struct instance instance_t; /* one server inside a host: its configuration view, log, metrics */

typedef enum server_state { SERVER_STARTING, SERVER_RECOVERING, SERVER_SERVING, SERVER_READONLY, SERVER_STOPPING } server_state_t;

typedef struct server_kind {
    const char *name;                  /* "broker": executable qmq-broker, run/broker.json, logs/broker.out, pid/broker.pid */
    const char *title;                 /* "QMQ broker", for --help and --version */
    const config_key_t *const *tables; /* NULL-terminated */
    const char *const *mandatory;      /* files, NULL-terminated, or NULL */
    /* Starts; *self is handed to the others. On failure *error says which file, key, address or row and what to do; nothing stays started.
     */
    apr_status_t (*start)(instance_t *i, void **self, qmq_error_t **error);
    /* Peers may come now; called after every server of the host started. May be NULL. */
    apr_status_t (*serve)(void *self, qmq_error_t **error);
    void (*stop)(void *self);                           /* clean, within the host's deadline; frees self */
    void (*reload)(void *self, const config_t *config); /* a new snapshot was published; may be NULL */
    void (*health)(void *self, json_t *to);             /* adds members; to["status"] "up"|"down"|"readonly"; may be NULL. HTTP thread */
    bool (*http)(void *self, struct http_request *r); /* takes requests of the monitor port that are its own: true, then it answers, now or
                                                         later but before stop returns; may be NULL. HTTP thread; must not block */
    const struct server_kind *const *parts; /* of a composite: the kinds it may start as children, NULL-terminated, so that --set, --check
                                               and --help know their keys; or NULL */
} server_kind_t;

/* Parses the command line, runs until stopped, returns the exit code (0 stopped as asked, 1 start failed, 2 wrong usage, 3 a peer needed at
 * start is unreachable or refuses, 4 killed by the stop deadline). Options: --home DIR, --conf DIR, --ip A, --host NAME, --set key=value,
 * --check, --help, --version (design decision 16). */
int host_main(int argc, char **argv, const server_kind_t *kind);

/* What a server asks its instance. Valid from start to the end of stop. */
config_source_t *instance_config(instance_t *i);
const log_t *instance_log(instance_t *i);
metrics_t *instance_metrics(instance_t *i);
const char *instance_home(const instance_t *i);      /* absolute */
const char *instance_conf(const instance_t *i);      /* absolute conf directory */
const char *instance_address(const instance_t *i);   /* told to peers: --ip, QMQ_IP, else detected */
const char *instance_host_name(const instance_t *i); /* --host, QMQ_HOST, else --ip, else the machine's name (broker.md 2.1) */
/* Where host_name came from, for diagnosis: "--host", "QMQ_HOST", "the command hostname". */
const char *instance_host_name_origin(const instance_t *i);
/* Tells the port a key got ("broker.port", 20881); goes to run/<server>.json. */
void instance_port(instance_t *i, const char *key, int port);
/* Tells the state; the run file and the service manager follow. Every server says SERVER_SERVING itself, in serve or when it is ready
 * later; a composite serves when its serve has returned and all its children serve. detail: words for people, or NULL. Any thread; does not
 * block. */
void instance_state(instance_t *i, server_state_t state, const char *detail);
/* Ends the process in an orderly way because it cannot go on; any thread. */
void instance_fail(instance_t *i, qmq_error_t *error);

/* For composites (standalone): a further server in the same host, with its own log name and metrics labels, sharing configuration tables
 * and home. overrides: NULL-terminated "key=value" that win over files but not over --set. */
apr_status_t instance_start_child(instance_t *parent, const server_kind_t *kind, const char *const *overrides, instance_t **child,
                                  qmq_error_t **error);
apr_status_t instance_serve_child(instance_t *child, qmq_error_t **error);
void *instance_self(instance_t *i);
void instance_stop_child(instance_t *child);
/* The port a key got, 0 when none. */
int instance_port_of(const instance_t *i, const char *key);

#endif
