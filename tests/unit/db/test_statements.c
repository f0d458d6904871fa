#include "fixture.h"
#include "suites.h"

#include "base/status.h"

#include <stdio.h>
#include <string.h>

/* Runs the body on the writer of a fresh database. */
static void on_writer(void (*body)(void *arg, db_session_t *s, apr_status_t status)) {
    db_t *d = fixture_open();
    db_call(d, true, body, NULL);
    db_close(d);
}

/* The columns of the last row, texts copied. */
typedef struct seen {
    db_type_t types[3];
    int64_t numbers[3];
    char texts[3][64];
    size_t sizes[3];
    int rows;
    int wanted; /* stop after so many */
} seen_t;

static bool see(void *arg, const db_value_t *columns, size_t count) {
    seen_t *seen = arg;
    for (size_t i = 0; i < count && i < 3; i++) {
        seen->types[i] = columns[i].type;
        seen->numbers[i] = columns[i].number;
        seen->sizes[i] = columns[i].text.size;
        if (columns[i].type == DB_TEXT && columns[i].text.size < sizeof seen->texts[i])
            memcpy(seen->texts[i], columns[i].text.data, columns[i].text.size);
    }
    return ++seen->rows != seen->wanted;
}

static seen_t echo(db_session_t *s, db_value_t a, db_value_t b, db_value_t c) {
    seen_t seen = {.rows = 0};
    db_value_t values[] = {a, b, c};
    CU_ASSERT_EQUAL(db_execute(s, "SELECT ?, ?, ?", values, 3, see, &seen, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(seen.rows, 1);
    return seen;
}

static void check_values(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    seen_t seen = echo(s, DB_INT_OF(INT64_MIN), DB_INT_OF(INT64_MAX), DB_NULL_OF);
    CU_ASSERT(seen.types[0] == DB_INT && seen.numbers[0] == INT64_MIN);
    CU_ASSERT(seen.types[1] == DB_INT && seen.numbers[1] == INT64_MAX);
    CU_ASSERT(seen.types[2] == DB_NULL);
    seen = echo(s, DB_TEXT_OF(view_make("a\0b", 3)), DB_TEXT_OF(view_make(NULL, 0)), DB_TEXT_OF(view_of("\xf0\x9f\x98\x80")));
    CU_ASSERT(seen.types[0] == DB_TEXT && seen.sizes[0] == 3 && memcmp(seen.texts[0], "a\0b", 3) == 0);
    CU_ASSERT(seen.types[1] == DB_TEXT && seen.sizes[1] == 0); /* an empty text is not NULL */
    CU_ASSERT(seen.sizes[2] == 4 && memcmp(seen.texts[2], "\xf0\x9f\x98\x80", 4) == 0);
    seen = (seen_t){.rows = 0};
    CU_ASSERT_EQUAL(db_execute(s, "SELECT 1.5, x'4142', 0", NULL, 0, see, &seen, NULL), APR_SUCCESS);
    CU_ASSERT(seen.types[0] == DB_TEXT && strcmp(seen.texts[0], "1.5") == 0);
    CU_ASSERT(seen.types[1] == DB_TEXT && strcmp(seen.texts[1], "AB") == 0);
}

static void values_come_back_as_they_went(void) {
    on_writer(check_values);
}

static void check_affected(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    int64_t affected = -1;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    db_value_t row[] = {DB_TEXT_OF(view_of("a")), DB_INT_OF(1)};
    CU_ASSERT_EQUAL(db_execute(s, INSERT, row, 2, NULL, NULL, &affected), APR_SUCCESS);
    CU_ASSERT_EQUAL(affected, 1);
    CU_ASSERT_EQUAL(db_last_insert_id(s), 1);
    CU_ASSERT_EQUAL(insert(s, "b", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(db_last_insert_id(s), 2);
    CU_ASSERT_EQUAL(db_execute(s, "UPDATE t SET n = 1", NULL, 0, NULL, NULL, &affected), APR_SUCCESS);
    CU_ASSERT_EQUAL(affected, 2); /* matched, not changed */
    CU_ASSERT_EQUAL(db_execute(s, "SELECT * FROM t", NULL, 0, NULL, NULL, &affected), APR_SUCCESS);
    CU_ASSERT_EQUAL(affected, 0);
    CU_ASSERT_EQUAL(
        db_execute(s,
                   fixture_on_mysql() ? "INSERT IGNORE INTO t (name, n) VALUES (?, ?)" : "INSERT OR IGNORE INTO t (name, n) VALUES (?, ?)",
                   row, 2, NULL, NULL, &affected),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(affected, 0);
    CU_ASSERT_EQUAL(db_execute(s, "DELETE FROM t WHERE name = 'x'", NULL, 0, NULL, NULL, &affected), APR_SUCCESS);
    CU_ASSERT_EQUAL(affected, 0);
    CU_ASSERT_EQUAL(db_execute(s, "DELETE FROM t", NULL, 0, NULL, NULL, &affected), APR_SUCCESS);
    CU_ASSERT_EQUAL(affected, 2);
}

static void affected_rows_are_those_matched(void) {
    on_writer(check_affected);
}

static void check_duplicate(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(insert(s, "a", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(insert(s, "a", 2), QMQ_E_LOCKED);
    CU_ASSERT(strstr(db_session_error(s), fixture_on_mysql() ? "Duplicate" : "UNIQUE") != NULL);
    CU_ASSERT_EQUAL(db_execute(s, "INSERT INTO t (id) VALUES (1)", NULL, 0, NULL, NULL, NULL), QMQ_E_LOCKED);
    CU_ASSERT_EQUAL(db_begin(s), APR_SUCCESS);
    CU_ASSERT_EQUAL(insert(s, "b", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(insert(s, "a", 1), QMQ_E_LOCKED); /* of the transaction only this is undone */
    CU_ASSERT_EQUAL(db_commit(s), APR_SUCCESS);
    CU_ASSERT_EQUAL(number_of(s, COUNT), 2);
}

static void a_duplicate_is_an_answer(void) {
    on_writer(check_duplicate);
}

static void check_exact(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    static const char *const names[] = {"a", "A", "a ", " a", "\xc3\xa4", "a\xcc\x88", ""};
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) CU_ASSERT_EQUAL(insert(s, names[i], 1), APR_SUCCESS);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        seen_t seen = {.rows = 0};
        db_value_t name = DB_TEXT_OF(view_of(names[i]));
        CU_ASSERT_EQUAL(db_execute(s, "SELECT name FROM t WHERE name = ?", &name, 1, see, &seen, NULL), APR_SUCCESS);
        CU_ASSERT_EQUAL(seen.rows, 1);
        CU_ASSERT_STRING_EQUAL(seen.texts[0], names[i]);
    }
}

static void texts_compare_exactly(void) {
    on_writer(check_exact);
}

static void check_transactions(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_begin(s), APR_SUCCESS);
    CU_ASSERT_EQUAL(insert(s, "gone", 1), APR_SUCCESS);
    db_rollback(s);
    CU_ASSERT_EQUAL(number_of(s, COUNT), 0);
    db_rollback(s); /* outside a transaction: nothing */
    CU_ASSERT_EQUAL(db_begin(s), APR_SUCCESS);
    CU_ASSERT_EQUAL(insert(s, "kept", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(db_commit(s), APR_SUCCESS);
    CU_ASSERT_EQUAL(number_of(s, COUNT), 1);
    CU_ASSERT_EQUAL(db_begin(s), APR_SUCCESS);
    CU_ASSERT_EQUAL(insert(s, "forgotten", 1), APR_SUCCESS);
}

static void transactions_commit_and_roll_back(void) {
    db_t *d = fixture_open();
    db_call(d, true, check_transactions, NULL);
    CU_ASSERT_EQUAL(count_rows(d), 1); /* what was left open is undone */
    CU_ASSERT_EQUAL(insert_one(d, "next", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(count_rows(d), 2);
    db_close(d);
}

static bool look_up_each(void *arg, const db_value_t *columns, size_t count) {
    db_session_t *s = arg;
    (void)count;
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SELECT n FROM t WHERE id = %lld", (long long)columns[0].number);
    CU_ASSERT_EQUAL(number_of(s, sql), columns[0].number * 10);
    CU_ASSERT_EQUAL(number_of(s, "SELECT id FROM t ORDER BY id"), 100); /* the statement that is running, inside itself */
    return true;
}

static void check_cache(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    for (int i = 1; i <= 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        CU_ASSERT_EQUAL(insert(s, name, i * 10), APR_SUCCESS);
    }
    /* more statements than the cache holds, twice, while one runs */
    for (int round = 0; round < 2; round++)
        CU_ASSERT_EQUAL(db_execute(s, "SELECT id FROM t ORDER BY id", NULL, 0, look_up_each, s, NULL), APR_SUCCESS);
    seen_t seen = {.wanted = 3};
    CU_ASSERT_EQUAL(db_execute(s, "SELECT id, name, n FROM t ORDER BY id", NULL, 0, see, &seen, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(seen.rows, 3);
    CU_ASSERT_EQUAL(seen.numbers[0], 3);
    CU_ASSERT_EQUAL(db_execute(s, "DELETE FROM t", NULL, 0, NULL, NULL, NULL), APR_SUCCESS); /* no statement is left open */
}

static void statements_are_cached_and_nest(void) {
    on_writer(check_cache);
}

static void misuse(void *arg, db_session_t *s, apr_status_t status) {
    const char *sql = arg;
    db_value_t value = DB_INT_OF(1);
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(db_execute(s, sql, &value, 1, NULL, NULL, NULL), APR_SUCCESS);
    CU_ASSERT(strstr(db_session_error(s), fixture_name()) != NULL);
    CU_ASSERT_NOT_EQUAL(db_execute(s, "SELECT 1", NULL, 0, NULL, NULL, NULL), APR_SUCCESS); /* broken until its work is done */
    CU_ASSERT_NOT_EQUAL(db_execute_script(s, "SELECT 1"), APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(db_begin(s), APR_SUCCESS);
}

static void a_wrong_statement_breaks_only_its_work(void) {
    static const char *const wrong[] = {"SELECT 1", "SELECT ?, ?", "SELECT ?; SELECT ?", "SELEKT ?", "SELECT ? FROM nowhere", "", "-- ?"};
    db_t *d = fixture_open();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        db_call(d, true, misuse, (void *)(uintptr_t)wrong[i]);
        CU_ASSERT_EQUAL(count_rows(d), 0);
    }
    CU_ASSERT_EQUAL(insert_one(d, "a", 1), APR_SUCCESS);
    db_close(d);
}

static void a_restart_finds_everything(void) {
    db_t *d = fixture_open();
    CU_ASSERT_EQUAL(insert_one(d, "a", 1), APR_SUCCESS);
    db_close(d);
    d = fixture_reopen();
    CU_ASSERT_EQUAL(count_rows(d), 1);
    CU_ASSERT_EQUAL(insert_one(d, "a", 1), QMQ_E_LOCKED);
    CU_ASSERT_EQUAL(insert_one(d, "b", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(count_rows(d), 2);
    db_close(d);
}

const test_case_t statements_cases[] = {
    TEST(values_come_back_as_they_went),
    TEST(affected_rows_are_those_matched),
    TEST(a_duplicate_is_an_answer),
    TEST(texts_compare_exactly),
    TEST(transactions_commit_and_roll_back),
    TEST(statements_are_cached_and_nest),
    TEST(a_wrong_statement_breaks_only_its_work),
    TEST(a_restart_finds_everything),
    TEST_END,
};
