#include "fixture.h"

#include "suites.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static char file[512];
static int files;

db_t *fixture_open_url(const char *url, qmq_error_t **error) {
    db_t *d = NULL;
    db_options_t o = {.url = url, .pool_size = 2};
    return db_open(&d, &o, error) == APR_SUCCESS ? d : NULL;
}

db_t *fixture_open_with(const char *path, int readers, size_t max_queue) {
    db_t *d = NULL;
    qmq_error_t *error = NULL;
    char *url = memory_printf("jdbc:sqlite:%s", path);
    db_options_t o = {.url = url, .pool_size = readers, .max_queue = max_queue};
    apr_status_t status = db_open(&d, &o, &error);
    if (status != APR_SUCCESS) printf("%s\n", qmq_error_message(error));
    memory_free(url);
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_dialect(d), DB_SQLITE);
    return d;
}

static void create(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_execute_script(s, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INTEGER);\n"
                                         "CREATE INDEX by_n ON t (n);"),
                    APR_SUCCESS);
}

db_t *fixture_open(void) {
    (void)snprintf(file, sizeof file, "%s/deep/er%d/meta.db", test_directory(), ++files);
    db_t *d = fixture_reopen();
    db_call(d, true, create, NULL);
    return d;
}

db_t *fixture_reopen(void) {
    return fixture_open_with(file, 2, 0);
}

const char *fixture_file(void) {
    return file;
}

static bool take_number(void *arg, const db_value_t *columns, size_t count) {
    if (count == 1 && columns[0].type == DB_INT) *(int64_t *)arg = columns[0].number;
    return true;
}

int64_t number_of(db_session_t *s, const char *sql) {
    int64_t number = -1;
    apr_status_t status = db_execute(s, sql, NULL, 0, take_number, &number, NULL);
    return status == APR_SUCCESS ? number : -1;
}

apr_status_t insert(db_session_t *s, const char *name, int64_t n) {
    db_value_t values[] = {DB_TEXT_OF(view_of(name)), DB_INT_OF(n)};
    return db_execute(s, INSERT, values, 2, NULL, NULL, NULL);
}

static void count_in(void *arg, db_session_t *s, apr_status_t status) {
    *(int64_t *)arg = status == APR_SUCCESS ? number_of(s, COUNT) : -1;
}

int64_t count_rows(db_t *d) {
    int64_t count = -1;
    db_call(d, false, count_in, &count);
    return count;
}

typedef struct row {
    const char *name;
    int64_t n;
    apr_status_t status;
} row_t;

static void insert_in(void *arg, db_session_t *s, apr_status_t status) {
    row_t *r = arg;
    r->status = status == APR_SUCCESS ? insert(s, r->name, r->n) : status;
}

apr_status_t insert_one(db_t *d, const char *name, int64_t n) {
    row_t r = {name, n, APR_SUCCESS};
    db_call(d, true, insert_in, &r);
    return r.status;
}
