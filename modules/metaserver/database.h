/* The metaserver's database: opened with every table in place, closed only after everything that was handed over has come back. */
#ifndef QMQ_METASERVER_DATABASE_H
#define QMQ_METASERVER_DATABASE_H

#include "metaserver/statements.h"

typedef struct database database_t;

typedef struct database_options {
    const char *url; /* as configured; a relative SQLite file counts from home */
    const char *user;
    const char *password;
    const char *home;
    int pool_size;
    const log_t *log;
} database_options_t;

/* Opens and creates what is missing. *error names url, cause and remedy. */
apr_status_t database_open(database_t **out, const database_options_t *options, qmq_error_t **error);
/* Takes no more, waits until every query has run, closes; database_submit refuses from then on. Not from a database thread. NULL is
 * allowed. */
void database_close(database_t *d);
/* Frees it, when nobody submits any more. */
void database_destroy(database_t *d);

const statements_t *database_statements(const database_t *d);
/* The statement that reads all groups: the column ext may be missing in old tables. */
const char *database_groups_statement(const database_t *d);
/* The url without its parameters, for messages. */
const char *database_name(const database_t *d);

/* Why a query failed, in words, for logs and answers: what its session says, or that none was to be had. Valid as long as the session and
 * `to` are. */
#define DATABASE_CAUSE_BYTES 600
const char *database_cause(const database_t *d, const db_session_t *session, apr_status_t status, char to[DATABASE_CAUSE_BYTES]);

/* Work for the database, embedded in the caller's object, which is the caller's again when run is called (on a database thread; session
 * NULL when no connection can be had, then q->work.status tells why). */
typedef struct query {
    db_work_t work;
    database_t *database;
    void (*run)(struct query *q, db_session_t *session);
} query_t;

/* QMQ_E_FULL or QMQ_E_CLOSED: not taken, run is not called. Any thread. */
apr_status_t database_submit(database_t *d, query_t *q, bool writes, void (*run)(query_t *q, db_session_t *session));
/* Runs and waits. Not from an event loop. */
void database_call(database_t *d, bool writes, void (*run)(void *arg, db_session_t *session, apr_status_t status), void *arg);

#endif
