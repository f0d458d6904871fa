/* What the parts of the SQLite driver share: sqlite.c (statements), sqlite_open.c (connections), sqlite_error.c (words). */
#ifndef QMQ_DB_SQLITE_INTERNAL_H
#define QMQ_DB_SQLITE_INTERNAL_H

#include "db/driver.h"

#include <sqlite3.h>

#define SQLITE_CACHED_STATEMENTS 64

typedef struct cached_statement {
    sqlite3_stmt *statement; /* NULL: free */
    char *sql;
    uint64_t used; /* the session's clock when it was used last */
    bool busy;     /* a row function of it is running */
} cached_statement_t;

typedef struct sqlite_session {
    db_session_t session; /* first */
    sqlite3 *connection;
    char *file;
    uint64_t clock;
    int64_t settled; /* total changes at the last checkpoint */
    cached_statement_t cache[SQLITE_CACHED_STATEMENTS];
} sqlite_session_t;

/* sqlite_open.c */
apr_status_t sqlite_session_open(db_session_t **out, const db_options_t *options, bool writes, bool create, qmq_error_t **error);
void sqlite_session_close(db_session_t *s);

/* sqlite_error.c: the status an extended result code stands for. connection may be NULL. */
apr_status_t sqlite_status(sqlite3 *connection, int code);
/* "data/meta.db: the disk is full (SQLite 13: database or disk is full)" */
void sqlite_describe(char *to, size_t size, const char *file, sqlite3 *connection, int code);
/* What to do about it. */
const char *sqlite_remedy(int code);

#endif
