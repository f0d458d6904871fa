#include "fixture.h"
#include "suites.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/thread.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* A door that work waits at until the test opens it. */
typedef struct door {
    mutex_t lock;
    condition_t changed;
    bool reached;
    bool open;
} door_t;

static void door_init(door_t *g) {
    *g = (door_t){.reached = false};
    mutex_init(&g->lock);
    condition_init(&g->changed);
}

static void door_free(door_t *g) {
    mutex_destroy(&g->lock);
    condition_destroy(&g->changed);
}

static void door_pass(door_t *g) {
    mutex_lock(&g->lock);
    g->reached = true;
    condition_broadcast(&g->changed);
    while (!g->open) condition_wait(&g->changed, &g->lock);
    mutex_unlock(&g->lock);
}

static void door_await(door_t *g) {
    mutex_lock(&g->lock);
    while (!g->reached) condition_wait(&g->changed, &g->lock);
    mutex_unlock(&g->lock);
}

static void door_open(door_t *g) {
    mutex_lock(&g->lock);
    g->open = true;
    condition_broadcast(&g->changed);
    mutex_unlock(&g->lock);
}

typedef struct blocked {
    db_work_t work; /* first */
    door_t door;
    apr_status_t status;
} blocked_t;

/* Holds the writer in the middle of a transaction. */
static void insert_slowly(db_work_t *work, db_session_t *s) {
    blocked_t *b = (blocked_t *)work;
    apr_status_t status = s == NULL ? work->status : db_begin(s);
    if (status == APR_SUCCESS) status = insert(s, "slow", 1);
    door_pass(&b->door);
    if (status == APR_SUCCESS) status = db_commit(s);
    b->status = status;
}

static void readers_do_not_wait_for_the_writer(void) {
    db_t *d = fixture_open();
    blocked_t b = {.work = {.writes = true, .run = insert_slowly}};
    door_init(&b.door);
    CU_ASSERT_EQUAL_FATAL(db_submit(d, &b.work), APR_SUCCESS);
    door_await(&b.door);
    CU_ASSERT_EQUAL(count_rows(d), 0); /* what is not committed is not seen */
    door_open(&b.door);
    CU_ASSERT_EQUAL(insert_one(d, "after", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(b.status, APR_SUCCESS);
    CU_ASSERT_EQUAL(count_rows(d), 2);
    db_close(d);
    door_free(&b.door);
}

static void read_and_pass(db_work_t *work, db_session_t *s) {
    blocked_t *b = (blocked_t *)work;
    b->status = s == NULL ? work->status : APR_SUCCESS;
    door_pass(&b->door);
}

static void readers_work_side_by_side(void) {
    db_t *d = fixture_open(); /* two readers */
    blocked_t b = {.work = {.run = read_and_pass}};
    door_init(&b.door);
    CU_ASSERT_EQUAL_FATAL(db_submit(d, &b.work), APR_SUCCESS);
    door_await(&b.door);
    CU_ASSERT_EQUAL(count_rows(d), 0);
    door_open(&b.door);
    db_close(d);
    CU_ASSERT_EQUAL(b.status, APR_SUCCESS);
    door_free(&b.door);
}

static void write_as_reader(void *arg, db_session_t *s, apr_status_t status) {
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    *(apr_status_t *)arg = insert(s, "a", 1);
}

static void a_reader_cannot_write(void) {
    db_t *d = fixture_open_file();
    apr_status_t status = APR_SUCCESS;
    db_call(d, false, write_as_reader, &status);
    CU_ASSERT_NOT_EQUAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(count_rows(d), 0);
    db_close(d);
}

static _Atomic int finished;

static void count_finished(db_work_t *work, db_session_t *s) {
    (void)work;
    CU_ASSERT_PTR_NOT_NULL(s);
    atomic_fetch_add(&finished, 1);
}

static void a_full_queue_takes_no_more_and_close_finishes_it(void) {
    enum { LIMIT = 10 };
    db_t *first = fixture_open();
    db_close(first);
    db_t *d = fixture_reopen_with(1, LIMIT);
    blocked_t b = {.work = {.writes = true, .run = insert_slowly}};
    door_init(&b.door);
    CU_ASSERT_EQUAL_FATAL(db_submit(d, &b.work), APR_SUCCESS);
    door_await(&b.door);
    atomic_store(&finished, 0);
    db_work_t works[LIMIT + 1];
    for (int i = 0; i <= LIMIT; i++) {
        works[i] = (db_work_t){.writes = true, .run = count_finished};
        CU_ASSERT_EQUAL(db_submit(d, &works[i]), i < LIMIT ? APR_SUCCESS : QMQ_E_FULL);
    }
    CU_ASSERT_EQUAL(count_rows(d), 0); /* the readers' queue is another */
    CU_ASSERT_EQUAL(atomic_load(&finished), 0);
    door_open(&b.door);
    db_close(d);
    CU_ASSERT_EQUAL(b.status, APR_SUCCESS);
    CU_ASSERT_EQUAL(atomic_load(&finished), LIMIT);
    door_free(&b.door);
}

typedef struct numbered {
    db_work_t work; /* first */
    int number;
} numbered_t;

static int expected;

static void check_order(db_work_t *work, db_session_t *s) {
    (void)s;
    CU_ASSERT_EQUAL(((numbered_t *)work)->number, expected++); /* one writer: no lock needed */
}

static void writes_keep_their_order(void) {
    enum { COUNT_OF_WORKS = 1000 };
    db_t *d = fixture_open();
    numbered_t *works = memory_zalloc(COUNT_OF_WORKS * sizeof *works);
    expected = 0;
    for (int i = 0; i < COUNT_OF_WORKS; i++) {
        works[i] = (numbered_t){{.writes = true, .run = check_order}, i};
        CU_ASSERT_EQUAL(db_submit(d, &works[i].work), APR_SUCCESS);
    }
    db_close(d);
    CU_ASSERT_EQUAL(expected, COUNT_OF_WORKS);
    memory_free(works);
}

typedef struct crowd {
    db_t *db;
    int member;
} crowd_t;

static void join_crowd(void *arg) {
    crowd_t *c = arg;
    for (int i = 0; i < 50; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%d-%d", c->member, i);
        CU_ASSERT_EQUAL(insert_one(c->db, name, i), APR_SUCCESS);
        CU_ASSERT(count_rows(c->db) > i); /* one's own rows are seen at once */
    }
}

static void many_threads_submit(void) {
    enum { MEMBERS = 4 };
    db_t *d = fixture_open();
    thread_t *threads[MEMBERS];
    crowd_t crowds[MEMBERS];
    for (int i = 0; i < MEMBERS; i++) {
        crowds[i] = (crowd_t){d, i};
        CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], "crowd", join_crowd, &crowds[i]), APR_SUCCESS);
    }
    for (int i = 0; i < MEMBERS; i++) thread_join(threads[i]);
    CU_ASSERT_EQUAL(count_rows(d), MEMBERS * 50);
    db_close(d);
}

/* True when the file itself, without its write-ahead log, has the row. */
static bool is_in_file(void *arg) {
    sqlite3 *file = NULL;
    sqlite3_stmt *statement = NULL;
    bool found = sqlite3_open_v2(arg, &file, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK &&
                 sqlite3_prepare_v2(file, "SELECT 1 FROM t WHERE name = 'settled'", -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW;
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(file);
    return found;
}

static void what_was_written_is_synced_when_nothing_waits(void) {
    db_t *d = fixture_open_file();
    CU_ASSERT_EQUAL(insert_one(d, "settled", 1), APR_SUCCESS);
    char *uri = memory_printf("file:%s?immutable=1", fixture_file());
    CU_ASSERT(test_wait(is_in_file, uri, 10));
    CU_ASSERT_EQUAL(insert_one(d, "more", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(count_rows(d), 2);
    db_close(d);
    memory_free(uri);
}

const test_case_t threads_cases[] = {
    TEST(readers_do_not_wait_for_the_writer),
    TEST(readers_work_side_by_side),
    TEST(a_reader_cannot_write),
    TEST(a_full_queue_takes_no_more_and_close_finishes_it),
    TEST(writes_keep_their_order),
    TEST(many_threads_submit),
    TEST(what_was_written_is_synced_when_nothing_waits),
    TEST_END,
};
