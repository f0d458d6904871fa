/* Rows of client_meta_info of clients that are gone (metaserver.md 20): deleted when wanted, never those of clients that live. */
#include "portability/clock.h"
#include "portability/thread.h"
#include "site.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>

/* An hour without trouble passes in three seconds. */
#define SPEED 1200

static const char *const keeps_two_days[] = {"client.rows.keep.days=2", NULL};

static const char *days_ago(const site_t *s, int days) {
    static char text[60];
    (void)snprintf(text, sizeof text, site_on_mysql(s) ? "NOW() - INTERVAL %d DAY" : "datetime('now', '-%d days')", days);
    return text;
}

static void add_row(site_t *s, const char *client, int days) {
    char sql[400];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO client_meta_info (subject_info, client_type, consumer_group, client_id, update_time) VALUES ('s', 2, 'g1', "
                   "'%s', %s)",
                   client, days_ago(s, days));
    site_sql(s, sql);
}

typedef struct asked {
    site_t *site;
    const char *where;
    int64_t count;
} asked_t;

static bool are_so_many(void *arg) {
    const asked_t *a = arg;
    char sql[300];
    (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM client_meta_info WHERE %s", a->where);
    return site_number(a->site, sql) == a->count;
}

static bool wait_for_rows(site_t *s, const char *where, int64_t count) {
    asked_t a = {s, where, count};
    return test_wait(are_so_many, &a, 20);
}

static void clients_that_are_heard_of_are_touched(void) {
    site_t *s = site_open(keeps_two_days);
    add_row(s, "beats", 1);
    add_row(s, "comes", 1);
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_HEARTBEAT, "g1", "beats");
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_ONLINE, "g1", "comes");
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_HEARTBEAT, "g1", "no row");
    const char *recent = site_on_mysql(s) ? "update_time > NOW() - INTERVAL 1 HOUR" : "update_time > datetime('now', '-1 hour')";
    CU_ASSERT_TRUE(wait_for_rows(s, recent, 2));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_meta_info"), 2); /* a heartbeat makes no row */
    /* One that was only touched is inserted all the same when it comes. */
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_ONLINE, "g1", "no row");
    CU_ASSERT_TRUE(wait_for_rows(s, "client_id = 'no row'", 1));
    site_close(s);
}

static void rows_of_clients_that_are_gone_are_deleted(void) {
    if (!test_clock_speed(1)) return;
    site_t *s = site_open(keeps_two_days);
    add_row(s, "gone", 3);
    add_row(s, "lives", 3);
    add_row(s, "was here", 1);
    for (int i = 0; i < 2500; i += 100) {
        char sql[8000] = "INSERT INTO client_meta_info (subject_info, client_id, update_time) VALUES ";
        for (int k = 0; k < 100; k++) {
            size_t used = strlen(sql);
            (void)snprintf(sql + used, sizeof sql - used, "%s('old', 'c%d', '2020-01-01 00:00:00')", k == 0 ? "" : ", ", i + k);
        }
        site_sql(s, sql);
    }
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_HEARTBEAT, "g1", "lives");
    CU_ASSERT_TRUE(wait_for_rows(s, "1 = 1", 2503)); /* nobody is forgotten before every client had time to say that it lives */
    CU_ASSERT_TRUE(test_clock_speed(SPEED));
    CU_ASSERT_TRUE(wait_for_rows(s, "1 = 1", 2));
    CU_ASSERT_TRUE(test_clock_speed(1));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_meta_info WHERE client_id IN ('lives', 'was here')"), 2);
    site_close(s);
}

static void no_row_is_touched_or_deleted_unless_wanted(void) {
    if (!test_clock_speed(1)) return;
    site_t *s = site_open(NULL);
    char old[100];
    add_row(s, "gone", 1000);
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_HEARTBEAT, "g1", "gone");
    CU_ASSERT_TRUE(test_clock_speed(SPEED));
    int64_t until = clock_mono_us() + (int64_t)7200 * 1000000;
    while (clock_mono_us() < until) thread_sleep_us(10000);
    CU_ASSERT_TRUE(test_clock_speed(1));
    (void)snprintf(old, sizeof old, "client_id = 'gone' AND update_time < %s", days_ago(s, 999));
    CU_ASSERT_TRUE(wait_for_rows(s, old, 1));
    site_close(s);
}

const test_case_t client_rows_cases[] = {TEST(clients_that_are_heard_of_are_touched), TEST(rows_of_clients_that_are_gone_are_deleted),
                                         TEST(no_row_is_touched_or_deleted_unless_wanted), TEST_END};
