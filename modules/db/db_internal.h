/* What the dialects fulfil: one connection at a time, used by one thread. sqlite.c is one; mysql.c will stand beside it. */
#ifndef QMQ_DB_INTERNAL_H
#define QMQ_DB_INTERNAL_H

#include "db/db.h"

typedef struct db_driver {
    /* Opens a connection. writer: it may change data. *error as db_open. */
    apr_status_t (*open)(const char *location, bool writer, void **connection, qmq_error_t **error);
    void (*close)(void *connection);
    apr_status_t (*execute)(void *connection, const char *sql, const db_value_t *parameters, size_t count,
                            bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg, int64_t *affected);
    apr_status_t (*script)(void *connection, const char *script);
    int64_t (*last_insert_id)(void *connection);
    const char *(*error)(void *connection);
    /* True when the connection cannot be used again and must be replaced. */
    bool (*broken)(void *connection);
} db_driver_t;

extern const db_driver_t db_sqlite_driver;

#endif
