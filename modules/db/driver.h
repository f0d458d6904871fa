/* What a kind of database fulfils: sqlite.c, mysql.c. A session is one connection, used by one thread at a time. */
#ifndef QMQ_DB_DRIVER_H
#define QMQ_DB_DRIVER_H

#include "db/db.h"

#define DB_ERROR_SIZE 512
/* How often what a deadlock undid is tried. */
#define DB_DEADLOCK_TRIES 5

typedef struct db_driver db_driver_t;

/* The first member of every driver's session. */
struct db_session {
    const db_driver_t *driver;
    apr_status_t broken; /* not APR_SUCCESS: an execution failed, the session is closed after its work */
    bool in_transaction;
    bool undone;       /* a deadlock: the server has rolled the transaction back, the connection is as good as before */
    const char *begin; /* the statement that begins a transaction */
    char error[DB_ERROR_SIZE];
};

struct db_driver {
    db_dialect_t dialect;
    const char *prefix; /* of the URL */
    bool one_writer;    /* one connection writes, pool_size read; else they share pool_size */
    /* writes: for the writer. create: the database may be made when it is missing; later connections must not, an empty one in place of
     * one that vanished would be no help. *error as db_open. */
    apr_status_t (*open)(db_session_t **out, const db_options_t *options, bool writes, bool create, qmq_error_t **error);
    void (*close)(db_session_t *s);
    /* Asked before a session is used again: false when it is to be replaced by a new one. May talk to the server. NULL: it stays. */
    bool (*is_alive)(db_session_t *s);
    apr_status_t (*execute)(db_session_t *s, const char *sql, const db_value_t *parameters, size_t count,
                            bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg, int64_t *affected);
    apr_status_t (*script)(db_session_t *s, const char *script);
    int64_t (*last_insert_id)(db_session_t *s);
    /* True when there is something that rest should do once no work waits. */
    bool (*wants_rest)(db_session_t *s);
    apr_status_t (*rest)(db_session_t *s);
};

extern const db_driver_t db_sqlite_driver;
extern const db_driver_t db_mysql_driver;
/* Those this build has, ending with NULL. */
extern const db_driver_t *const db_drivers[];

#endif
