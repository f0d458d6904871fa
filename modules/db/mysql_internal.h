/* What the parts of the MySQL driver share: mysql.c (statements), mysql_open.c (connections), mysql_error.c (words). */
#ifndef QMQ_DB_MYSQL_INTERNAL_H
#define QMQ_DB_MYSQL_INTERNAL_H

#include "db/driver.h"

#include <mysql.h>

#define MYSQL_CACHED_STATEMENTS 64

typedef struct mysql_statement {
    MYSQL_STMT *statement; /* NULL: free */
    char *sql;
    uint64_t used; /* the session's clock when it was used last */
    bool busy;     /* a row function of it is running */
} mysql_statement_t;

typedef struct mysql_session {
    db_session_t session; /* first */
    MYSQL *connection;
    char *where; /* "host:port/database", for messages */
    uint64_t clock;
    int64_t used_us; /* when the server answered last */
    int64_t opened_us;
    mysql_statement_t cache[MYSQL_CACHED_STATEMENTS];
} mysql_session_t;

/* mysql_open.c */
apr_status_t mysql_session_open(db_session_t **out, const db_options_t *options, bool writes, bool create, qmq_error_t **error);
void mysql_session_close(db_session_t *s);
/* False: it is too old, or the server closed it while nobody used it. */
bool mysql_session_is_alive(db_session_t *s);

/* mysql_error.c: the status an error number of the server or the client library stands for. */
apr_status_t mysql_status(unsigned code);
/* "127.0.0.1:3306/qmq: access is denied (MySQL 1045: ...)" */
void mysql_describe(char *to, size_t size, const char *where, unsigned code, const char *words);
/* What to do about it. */
const char *mysql_remedy(unsigned code);

#endif
