/* A metaserver in this process, with a home of its own, a second connection to its database and a client that speaks its ports. Every
 * failure is a failure of the running test. */
#ifndef QMQ_TESTS_METASERVER_SITE_H
#define QMQ_TESTS_METASERVER_SITE_H

#include "db/db.h"
#include "http/client.h"
#include "metaserver/metaserver_internal.h"
#include "protocol/codes.h"
#include "test.h"
#include "wire_client.h"

#define SITE_TOKEN "test-token"
#define SITE_INTERNAL_TOKEN "internal-token"

typedef struct site {
    metaserver_t *m;
    config_source_t *config;
    metrics_t *metrics;
    log_t log;
    char *home;
    char *mysql_url; /* NULL: SQLite */
    db_t *db;
    wire_client_t *wire; /* a connection that stays open */
    const char *const *overrides;
} site_t;

/* overrides: NULL-terminated "key=value" or NULL. Free ports, a refresh every second, one loop unless they say otherwise. */
site_t *site_open(const char *const *overrides);
/* The same without starting the metaserver, for its errors. */
site_t *site_prepare(const char *const *overrides);
/* NULL on success, else the error's line (memory_free). */
char *site_try_start(site_t *s);
/* The same home, started again. */
void site_restart(site_t *s);
/* Writes metaserver.properties and has it read again. */
void site_reconfigure(site_t *s, const char *text);
void site_close(site_t *s);

char *site_path(const site_t *s, const char *name); /* memory_free */
void site_write(const site_t *s, const char *name, const char *text);

bool site_on_mysql(const site_t *s);
/* SQL by hand. */
void site_sql(site_t *s, const char *script);
int64_t site_number(site_t *s, const char *select);
/* From now on updates of rows of the table that meet the condition ("<column> ...") match nothing, as when somebody else was faster. */
void site_lose_updates(site_t *s, const char *table, const char *condition);

/* BROKER_REGISTER; the answer's code. */
int site_broker(site_t *s, int type, const char *group, const char *address, int role, int state);
int site_online(site_t *s, const char *group); /* role MASTER, address 10.0.0.1:20881 */
int site_heartbeat(site_t *s, const char *group, int state);
/* BROKER_ACQUIRE_META: "group|master|role", or "51". */
const char *site_acquire(site_t *s, const char *host, int port);

typedef struct site_route {
    int64_t timestamp;
    int on_offline;
    int client_type;
    char subject[600];
    char group[200];
    char groups[2000]; /* sorted "name=address/state,..." */
    char names[1000];  /* sorted "name,..." */
    int count;
} site_route_t;

/* CLIENT_REGISTER of type CONSUMER, request type HEARTBEAT, group "g1", client "c1". */
site_route_t site_register(site_t *s, const char *subject);
site_route_t site_register_as(site_t *s, const char *subject, int client_type, int request_type, const char *group, const char *client);
bool site_decode_route(const wire_answer_t *a, site_route_t *r);

/* Waits until the group's state in the database is this. */
bool site_wait_state(site_t *s, const char *group, int state, double seconds);
int site_state(site_t *s, const char *group);
/* Waits until consumers of the subject get exactly these names. */
bool site_wait_names(site_t *s, const char *subject, const char *names);

/* POST /management: the body (memory_free); status 200 and type JSON are checked. form: NULL-terminated names and values. */
char *site_post(site_t *s, const char *token, const char *const *form);
/* The same unchecked. */
http_answer_t site_http(site_t *s, const char *method, const char *path, const char *token, const char *const *form);

#endif
