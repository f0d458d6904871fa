/* A database in a file of its own with one table, t (id, name unique, n), and statements that are one call. */
#ifndef QMQ_TESTS_UNIT_DB_FIXTURE_H
#define QMQ_TESTS_UNIT_DB_FIXTURE_H

#include "db/db.h"

#define INSERT "INSERT INTO t (name, n) VALUES (?, ?)"
#define COUNT "SELECT count(*) FROM t"

/* A new file. */
db_t *fixture_open(void);
/* The file of the last fixture_open again, or its path. */
db_t *fixture_reopen(void);
const char *fixture_file(void);
/* Opens a url; NULL and *error on failure. */
db_t *fixture_open_url(const char *url, qmq_error_t **error);
db_t *fixture_open_with(const char *file, int readers, size_t max_queue);

/* Inside work: the single number a SELECT gives; -1 when it gives none or fails. */
int64_t number_of(db_session_t *s, const char *sql);
apr_status_t insert(db_session_t *s, const char *name, int64_t n);
/* From outside. */
int64_t count_rows(db_t *d);
apr_status_t insert_one(db_t *d, const char *name, int64_t n);

#endif
