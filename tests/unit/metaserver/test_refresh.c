/* What a refresh reads: all routes now and then, in between only what has changed (metaserver.md 20). */
#include "base/memory.h"
#include "metaserver/table_state.h"
#include "site.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>

static int64_t readings(site_t *s, const char *way) {
    metric_labels_t labels = {"read", view_of(way), NULL, {NULL, 0}};
    return metric_value(metrics_counter(s->metrics, "subjectRouteRefreshCount", labels));
}

typedef struct awaited {
    site_t *site;
    const char *way;
    int64_t count;
} awaited_t;

static bool has_read(void *arg) {
    const awaited_t *a = arg;
    return readings(a->site, a->way) >= a->count;
}

static void wait_for_readings(site_t *s, const char *way, int64_t more) {
    awaited_t a = {s, way, readings(s, way) + more};
    CU_ASSERT_TRUE(test_wait(has_read, &a, 20));
}

/* What is known of a subject, without a client that asks: it would be given a route. "" when nothing is. */
typedef struct known {
    site_t *site;
    const char *subject;
    const char *names;
} known_t;

static bool is_known(void *arg) {
    const known_t *k = arg;
    char names[200] = "";
    catalog_view_t look;
    catalog_look(k->site->m->catalog, view_of(k->subject), &look);
    for (size_t i = 0; look.route != NULL && i < look.route->count; i++) {
        size_t used = strlen(names);
        (void)snprintf(names + used, sizeof names - used, "%s%.*s", i == 0 ? "" : ",", VIEW_ARG(look.route->items[i]));
    }
    catalog_done(&look);
    return strcmp(names, k->names) == 0;
}

static bool wait_for_route(site_t *s, const char *subject, const char *names) {
    known_t k = {s, subject, names};
    return test_wait(is_known, &k, 20);
}

static void add_route(site_t *s, const char *subject, const char *json) {
    char sql[200];
    (void)snprintf(sql, sizeof sql, "INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES ('%s', 1, '%s')", subject,
                   json);
    site_sql(s, sql);
}

/* All routes are read once, at the start, unless a test has them read. */
static site_t *open_seldom(void) {
    static const char *const overrides[] = {"refresh.full.period.seconds=86400", "min.group.num=1", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    return s;
}

static const char *long_ago(const site_t *s) {
    return site_on_mysql(s) ? "NOW() - INTERVAL 1 DAY" : "datetime('now', '-1 day')";
}

static void a_table_that_rests_is_not_read(void) {
    site_t *s = open_seldom();
    char sql[200];
    add_route(s, "s1", "[\"bg1\"]");
    (void)snprintf(sql, sizeof sql, "UPDATE subject_route SET update_time = %s", long_ago(s));
    site_sql(s, sql);
    CU_ASSERT_TRUE(wait_for_route(s, "s1", "bg1"));
    wait_for_readings(s, "nothing", 3);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg1");
    CU_ASSERT_TRUE(readings(s, "all") >= 1);
    site_close(s);
}

static void rows_that_somebody_else_changed_are_read_alone(void) {
    site_t *s = open_seldom();
    int64_t before = readings(s, "all");
    add_route(s, "s1", "[\"bg1\"]");
    CU_ASSERT_TRUE(wait_for_route(s, "s1", "bg1"));
    site_sql(s, "UPDATE subject_route SET broker_group_json = '[\"bg2\"]'"); /* by hand: the version stays */
    CU_ASSERT_TRUE(wait_for_route(s, "s1", "bg2"));
    site_sql(s, "UPDATE subject_route SET broker_group_json = '[\"bg1\",\"bg2\"]', version = version + 1");
    CU_ASSERT_TRUE(wait_for_route(s, "s1", "bg1,bg2"));
    CU_ASSERT_TRUE(readings(s, "changes") >= 3);
    CU_ASSERT_EQUAL(readings(s, "all"), before);
    site_close(s);
}

static void a_row_that_comes_to_light_late_is_found(void) {
    site_t *s = open_seldom();
    char sql[300];
    add_route(s, "s1", "[\"bg1\"]");
    CU_ASSERT_TRUE(wait_for_route(s, "s1", "bg1"));
    /* Its statement began 30 s ago and waited. */
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO subject_route (subject_info, version, broker_group_json, update_time) VALUES ('s2', 1, '[\"bg2\"]', %s)",
                   site_on_mysql(s) ? "NOW() - INTERVAL 30 SECOND" : "datetime('now', '-30 seconds')");
    site_sql(s, sql);
    CU_ASSERT_TRUE(wait_for_route(s, "s2", "bg2"));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route"), 2);
    site_close(s);
}

static void a_row_that_was_deleted_is_missed(void) {
    site_t *s = open_seldom();
    add_route(s, "s1", "[\"bg1\"]");
    add_route(s, "s2", "[\"bg1\"]");
    CU_ASSERT_TRUE(wait_for_route(s, "s1", "bg1") && wait_for_route(s, "s2", "bg1"));
    site_sql(s, "DELETE FROM subject_route WHERE subject_info = 's1'");
    CU_ASSERT_TRUE(wait_for_route(s, "s1", ""));
    CU_ASSERT_TRUE(wait_for_route(s, "s2", "bg1"));
    site_sql(s, "DELETE FROM subject_route");
    CU_ASSERT_TRUE(wait_for_route(s, "s2", ""));
    /* One that was made and deleted between two readings: the table looks as before. */
    CU_ASSERT_EQUAL(site_register(s, "s3").count, 1);
    site_sql(s, "DELETE FROM subject_route");
    CU_ASSERT_TRUE(wait_for_route(s, "s3", ""));
    site_close(s);
}

/* A row that cannot be read is counted, so that it does not have everything read each time; mended, it is taken. */
static void a_row_that_cannot_be_read_disturbs_no_reading(void) {
    site_t *s = open_seldom();
    add_route(s, "bad", "no list");
    add_route(s, "s1", "[\"bg1\"]");
    CU_ASSERT_TRUE(wait_for_route(s, "s1", "bg1"));
    wait_for_readings(s, "nothing", 1); /* the table has come to rest, and was read once because a row was missing */
    int64_t before = readings(s, "all");
    wait_for_readings(s, "nothing", 2);
    CU_ASSERT_EQUAL(readings(s, "all"), before);
    site_sql(s, "UPDATE subject_route SET broker_group_json = '[\"bg2\"]' WHERE subject_info = 'bad'");
    CU_ASSERT_TRUE(wait_for_route(s, "bad", "bg2"));
    site_close(s);
}

static void all_is_read_each_time_when_wanted(void) {
    static const char *const overrides[] = {"refresh.full.period.seconds=0", NULL};
    site_t *s = site_open(overrides);
    wait_for_readings(s, "all", 3);
    CU_ASSERT_EQUAL(readings(s, "changes") + readings(s, "nothing"), 0);
    site_close(s);
}

/* More than are read alone. */
static void many_changes_are_read_with_all_the_rest(void) {
    site_t *s = open_seldom();
    wait_for_readings(s, "nothing", 1);
    int64_t before = readings(s, "all");
    char *sql = memory_strdup("INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES ('s', 1, '[\"bg1\"]')");
    for (int i = 0; i < 1100; i++) {
        char *more = memory_printf("%s, ('s%d', 1, '[\"bg2\"]')", sql, i);
        memory_free(sql);
        sql = more;
    }
    site_sql(s, sql);
    memory_free(sql);
    CU_ASSERT_TRUE(wait_for_route(s, "s1099", "bg2"));
    CU_ASSERT_TRUE(readings(s, "all") > before);
    CU_ASSERT_TRUE(wait_for_route(s, "s", "bg1"));
    site_close(s);
}

static void tags_are_read_when_they_have_changed(void) {
    site_t *s = open_seldom();
    site_sql(s, "UPDATE broker_group SET tag = 't' WHERE group_name = 'bg2'");
    site_sql(s, "INSERT INTO subject_info (name, tag) VALUES ('tagged', 't')");
    wait_for_readings(s, "nothing", 2);
    CU_ASSERT_STRING_EQUAL(site_register(s, "tagged").names, "bg2");
    site_close(s);
}

static void states_of_a_table_are_compared(void) {
    table_state_t old = {.now = 1000, .newest = 900, .rows = 5, .versions = 7}, now = old;
    now.now = 1005;
    CU_ASSERT_TRUE(table_state_unchanged(&old, &now) && table_state_follows(&old, &now));
    now.versions = 8;
    CU_ASSERT_TRUE(!table_state_unchanged(&old, &now) && table_state_follows(&old, &now));
    now = old;
    now.rows = 4;
    CU_ASSERT_FALSE(table_state_unchanged(&old, &now));
    now = old;
    now.newest = 899; /* a backup was restored */
    CU_ASSERT_FALSE(table_state_follows(&old, &now));
    now = old;
    now.now = 999; /* the clock was put back */
    CU_ASSERT_TRUE(!table_state_unchanged(&old, &now) && !table_state_follows(&old, &now));
    now = old;
    old.newest = now.newest = 1000; /* touched in the second of the look */
    CU_ASSERT_FALSE(table_state_unchanged(&old, &now));
    old = (table_state_t){.now = 0}; /* never looked at */
    CU_ASSERT_TRUE(!table_state_unchanged(&old, &now) && !table_state_follows(&old, &now));
}

const test_case_t refresh_cases[] = {TEST(states_of_a_table_are_compared),
                                     TEST(a_table_that_rests_is_not_read),
                                     TEST(rows_that_somebody_else_changed_are_read_alone),
                                     TEST(a_row_that_comes_to_light_late_is_found),
                                     TEST(a_row_that_was_deleted_is_missed),
                                     TEST(a_row_that_cannot_be_read_disturbs_no_reading),
                                     TEST(all_is_read_each_time_when_wanted),
                                     TEST(many_changes_are_read_with_all_the_rest),
                                     TEST(tags_are_read_when_they_have_changed),
                                     TEST_END};
