/* A database of its own (in a file, or of the server that QMQ_TEST_MYSQL names) with one table, t (id, name unique, n), and statements that
 * are one call. */
#ifndef QMQ_TESTS_UNIT_DB_FIXTURE_H
#define QMQ_TESTS_UNIT_DB_FIXTURE_H

#include "db/db.h"

#define INSERT "INSERT INTO t (name, n) VALUES (?, ?)"
#define COUNT "SELECT count(*) FROM t"

/* A new one. */
db_t *fixture_open(void);
/* That of the last fixture_open again. */
db_t *fixture_reopen(void);
db_t *fixture_reopen_with(int readers, size_t max_queue);
/* The same, in a file whatever the variable says; the path of the last one. */
db_t *fixture_open_file(void);
const char *fixture_file(void);
bool fixture_on_mysql(void);
/* What messages name it by. */
const char *fixture_name(void);
/* Opens a url; NULL and *error on failure. */
db_t *fixture_open_url(const char *url, qmq_error_t **error);

/* Inside work: the single number a SELECT gives; -1 when it gives none or fails. */
int64_t number_of(db_session_t *s, const char *sql);
apr_status_t insert(db_session_t *s, const char *name, int64_t n);
/* From outside. */
int64_t count_rows(db_t *d);
apr_status_t insert_one(db_t *d, const char *name, int64_t n);

#endif
