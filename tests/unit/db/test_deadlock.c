/* Transactions of MySQL that wait for each other: the server undoes one, which is repeated. SQLite has no such thing, its writers take
 * turns. */
#include "fixture.h"
#include "suites.h"

#include "base/status.h"
#include "portability/thread.h"
#include "test.h"

#define WAITING                                                                                                                            \
    "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'"
#define UPDATE(name) "UPDATE t SET n = n + 1 WHERE name = '" name "'"

/* Somebody who holds row b, waits until somebody waits for it, and then wants row a. */
typedef struct contender {
    db_t *db;
    thread_t *thread;
    mutex_t lock;
    condition_t changed;
    bool holds;
} contender_t;

static bool somebody_waits(void *session) {
    return number_of(session, WAITING) > 0;
}

static void contend(void *arg, db_session_t *s, apr_status_t status) {
    contender_t *c = arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_begin(s), APR_SUCCESS);
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(db_execute(s, "INSERT INTO t (n) VALUES (0)", NULL, 0, NULL, NULL, NULL),
                        APR_SUCCESS); /* the server undoes who has done less */
    CU_ASSERT_EQUAL(db_execute(s, UPDATE("b"), NULL, 0, NULL, NULL, NULL), APR_SUCCESS);
    mutex_lock(&c->lock);
    c->holds = true;
    condition_broadcast(&c->changed);
    mutex_unlock(&c->lock);
    CU_ASSERT_TRUE(test_wait(somebody_waits, s, 20));
    CU_ASSERT_EQUAL(db_execute(s, UPDATE("a"), NULL, 0, NULL, NULL, NULL), APR_SUCCESS);
    db_rollback(s);
}

static void contend_in_thread(void *arg) {
    contender_t *c = arg;
    db_call(c->db, true, contend, c);
}

static void contender_begin(contender_t *c, db_t *db) {
    *c = (contender_t){.db = db};
    mutex_init(&c->lock);
    condition_init(&c->changed);
    CU_ASSERT_EQUAL_FATAL(thread_start(&c->thread, "contender", contend_in_thread, c), APR_SUCCESS);
    mutex_lock(&c->lock);
    while (!c->holds) condition_wait(&c->changed, &c->lock);
    mutex_unlock(&c->lock);
}

static void contender_end(contender_t *c) {
    thread_join(c->thread);
    condition_destroy(&c->changed);
    mutex_destroy(&c->lock);
}

static void update_both(void *arg, db_session_t *s, apr_status_t status) {
    int64_t *affected = arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_execute(s, "UPDATE t SET n = n + 1 WHERE name IN ('a', 'b') ORDER BY name", NULL, 0, NULL, NULL, affected),
                    APR_SUCCESS);
}

static apr_status_t one_after_the_other(void *arg, db_session_t *s) {
    ++*(int *)arg;
    apr_status_t status = db_execute(s, UPDATE("a"), NULL, 0, NULL, NULL, NULL);
    return status == APR_SUCCESS ? db_execute(s, UPDATE("b"), NULL, 0, NULL, NULL, NULL) : status;
}

static void update_together(void *arg, db_session_t *s, apr_status_t status) {
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_transaction(s, one_after_the_other, arg), APR_SUCCESS);
    CU_ASSERT_EQUAL(number_of(s, "SELECT n FROM t WHERE name = 'a'"), 1); /* the session is still good */
}

static db_t *open_with_rows(void) {
    db_t *d = fixture_open();
    CU_ASSERT_EQUAL(insert_one(d, "a", 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(insert_one(d, "b", 0), APR_SUCCESS);
    return d;
}

static void take_sum(void *arg, db_session_t *s, apr_status_t status) {
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    *(int64_t *)arg = number_of(s, "SELECT SUM(n) FROM t");
}

static int64_t sum(db_t *d) {
    int64_t n = -1;
    db_call(d, false, take_sum, &n);
    return n;
}

static void a_statement_that_was_undone_is_repeated(void) {
    db_t *d = open_with_rows();
    if (fixture_on_mysql()) {
        contender_t c;
        db_t *other = fixture_reopen();
        int64_t affected = 0;
        contender_begin(&c, other);
        db_call(d, true, update_both, &affected);
        contender_end(&c);
        CU_ASSERT_EQUAL(affected, 2);
        CU_ASSERT_EQUAL(sum(d), 2); /* once, and nothing of the other */
        db_close(other);
    } else {
        test_skip("SQLite knows no deadlock");
    }
    db_close(d);
}

static void a_transaction_that_was_undone_is_repeated(void) {
    db_t *d = open_with_rows();
    int calls = 0;
    if (fixture_on_mysql()) {
        contender_t c;
        db_t *other = fixture_reopen();
        contender_begin(&c, other);
        db_call(d, true, update_together, &calls);
        contender_end(&c);
        CU_ASSERT_EQUAL(calls, 2);
        db_close(other);
    } else {
        db_call(d, true, update_together, &calls);
        CU_ASSERT_EQUAL(calls, 1);
    }
    CU_ASSERT_EQUAL(sum(d), 2);
    db_close(d);
}

static apr_status_t change_of_mind(void *arg, db_session_t *s) {
    apr_status_t status = one_after_the_other(arg, s);
    return status == APR_SUCCESS ? QMQ_E_NOT_FOUND : status;
}

static void give_up(void *arg, db_session_t *s, apr_status_t status) {
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_transaction(s, change_of_mind, arg), QMQ_E_NOT_FOUND);
    CU_ASSERT_EQUAL(db_transaction(s, one_after_the_other, arg), APR_SUCCESS);
}

static void a_transaction_that_fails_is_rolled_back(void) {
    db_t *d = open_with_rows();
    int calls = 0;
    db_call(d, true, give_up, &calls);
    CU_ASSERT_EQUAL(calls, 2);
    CU_ASSERT_EQUAL(sum(d), 2);
    db_close(d);
}

const test_case_t deadlock_cases[] = {
    TEST(a_statement_that_was_undone_is_repeated),
    TEST(a_transaction_that_was_undone_is_repeated),
    TEST(a_transaction_that_fails_is_rolled_back),
    TEST_END,
};
