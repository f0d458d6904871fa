#include "fixture.h"

#include "suites.h"

#include "base/memory.h"
#include "test_database.h"

#include <stdio.h>
#include <string.h>

static char url[700];
static int files;

bool fixture_on_mysql(void) {
    return strncmp(url, "jdbc:mysql:", 11) == 0;
}

db_t *fixture_open_url(const char *any, qmq_error_t **error) {
    db_t *d = NULL;
    db_options_t o = {.url = any, .user = TEST_MYSQL_USER, .password = TEST_MYSQL_PASSWORD, .pool_size = 2};
    return db_open(&d, &o, error) == APR_SUCCESS ? d : NULL;
}

db_t *fixture_reopen_with(int readers, size_t max_queue) {
    db_t *d = NULL;
    qmq_error_t *error = NULL;
    db_options_t o = {.url = url,
                      .user = TEST_MYSQL_USER,
                      .password = TEST_MYSQL_PASSWORD,
                      .pool_size = fixture_on_mysql() ? readers + 1 : readers,
                      .max_queue = max_queue};
    apr_status_t status = db_open(&d, &o, &error);
    if (status != APR_SUCCESS) printf("%s\n", qmq_error_message(error));
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_dialect(d), fixture_on_mysql() ? DB_MYSQL : DB_SQLITE);
    return d;
}

static void create(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    const char *script = fixture_on_mysql() ? "CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(300) UNIQUE, n BIGINT) "
                                              "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;\nCREATE INDEX by_n ON t (n);"
                                            : "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INTEGER);\n"
                                              "CREATE INDEX by_n ON t (n);";
    CU_ASSERT_EQUAL(db_execute_script(s, script), APR_SUCCESS);
}

static db_t *open_new(void) {
    db_t *d = fixture_reopen();
    db_call(d, true, create, NULL);
    return d;
}

db_t *fixture_open_file(void) {
    (void)snprintf(url, sizeof url, "jdbc:sqlite:%s/deep/er%d/meta.db", test_directory(), ++files);
    return open_new();
}

db_t *fixture_open(void) {
    if (!test_has_mysql()) return fixture_open_file();
    char *made = test_mysql_create();
    (void)snprintf(url, sizeof url, "%s", made);
    memory_free(made);
    return open_new();
}

db_t *fixture_reopen(void) {
    return fixture_reopen_with(2, 0);
}

const char *fixture_file(void) {
    return url + strlen("jdbc:sqlite:");
}

const char *fixture_name(void) {
    return strrchr(url, '/') + 1;
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
