/* Routes of subjects (metaserver.md 7), groups made by brokers or by hand in the database. */
#include "site.h"
#include "suites.h"

#include "base/memory.h"

#include <stdio.h>

static int64_t version_of(site_t *s, const char *subject) {
    char sql[200];
    (void)snprintf(sql, sizeof sql, "SELECT version FROM subject_route WHERE subject_info = '%s'", subject);
    return site_number(s, sql); /* -1: no row */
}

static void insert_group(site_t *s, const char *name, int kind, int state, const char *tag) {
    char sql[300];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO broker_group (group_name, kind, master_address, broker_state, tag) VALUES ('%s', %d, '10.0.0.9:1', %d, '%s')", name,
        kind, state, tag);
    site_sql(s, sql);
}

static void metaserver_12_the_first_request_makes_a_route(void) {
    site_t *s = site_open(NULL);
    for (int i = 0; i < 5; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "bg%d", i);
        CU_ASSERT_EQUAL(site_online(s, name), 0);
    }
    site_route_t first = site_register(s, "s1");
    CU_ASSERT_EQUAL(first.count, 2);
    CU_ASSERT_EQUAL(version_of(s, "s1"), 1);
    for (int i = 0; i < 20; i++) CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, first.names);
    site_restart(s);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, first.names);
    CU_ASSERT_EQUAL(version_of(s, "s1"), 1);
    site_close(s);
}

static void metaserver_13_nothing_available_makes_no_row(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_register(s, "none").count, 0);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_OFFLINE, "bg1", "10.0.0.1:20881", ROLE_MASTER, BROKER_NRW), 0);
    site_route_t r = site_register(s, "s1");
    CU_ASSERT_EQUAL(r.count, 0);
    CU_ASSERT_TRUE(r.timestamp > 0);
    CU_ASSERT_EQUAL(r.on_offline, STATE_ONLINE);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route"), 0);
    site_close(s);
}

static void metaserver_14_15_tags(void) {
    site_t *s = site_open(NULL);
    insert_group(s, "plain", 1, 1, "");
    insert_group(s, "t1", 1, 1, "t");
    insert_group(s, "t2", 1, 2, "t");
    insert_group(s, "t3", 1, 4, "t");
    insert_group(s, "down", 1, 4, "d");
    site_sql(s, "INSERT INTO subject_info (name, tag) VALUES ('tagged', 't'), ('unknown', 'nobody'), ('down', 'd'), ('empty', '')");
    CU_ASSERT_TRUE(site_wait_names(s, "untagged", "plain"));
    CU_ASSERT_STRING_EQUAL(site_register(s, "tagged").names, "t1,t2");
    CU_ASSERT_STRING_EQUAL(site_register(s, "unknown").names, "plain");
    CU_ASSERT_STRING_EQUAL(site_register(s, "empty").names, "plain");
    CU_ASSERT_STRING_EQUAL(site_register(s, "down").names, ""); /* no fall-back when the tag has groups that are down */
    CU_ASSERT_EQUAL(version_of(s, "down"), -1);
    site_close(s);
}

static void metaserver_16_a_short_route_is_topped_up(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg1");
    CU_ASSERT_EQUAL(version_of(s, "s1"), 1);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg1,bg2");
    CU_ASSERT_EQUAL(version_of(s, "s1"), 2);
    CU_ASSERT_EQUAL(site_online(s, "bg3"), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg1,bg2");
    CU_ASSERT_EQUAL(version_of(s, "s1"), 2);
    site_close(s);
}

static void metaserver_04_06_17_min_group_num_acts_at_the_next_request(void) {
    site_t *s = site_open(NULL);
    for (int i = 0; i < 4; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "bg%d", i);
        CU_ASSERT_EQUAL(site_online(s, name), 0);
    }
    CU_ASSERT_EQUAL(site_register(s, "s1").count, 2);
    static const struct {
        const char *text;
        int count;
    } steps[] = {{"min.group.num=4\n", 4}, {"min.group.num=1\n", 4}, {"min.group.num=many\n", 4}, {"min.group.num=0\n", 4}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        site_reconfigure(s, steps[i].text);
        CU_ASSERT_EQUAL(site_register(s, "s1").count, steps[i].count);
    }
    CU_ASSERT_EQUAL(site_register(s, "s2").count, 1); /* the last good value is in force */
    site_close(s);
}

static void metaserver_18_19_retry_subjects(void) {
    site_t *s = site_open(NULL);
    for (int i = 0; i < 6; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "bg%d", i);
        CU_ASSERT_EQUAL(site_online(s, name), 0);
    }
    site_route_t real = site_register(s, "s1");
    CU_ASSERT_STRING_EQUAL(site_register(s, "%RETRY%s1%g1").names, real.names);
    CU_ASSERT_STRING_EQUAL(site_register(s, "%DEAD_RETRY%s1%g1").names, real.names);
    CU_ASSERT_STRING_EQUAL(site_register(s, "%RETRYx%s1%g1").names, real.names);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route"), 1);
    CU_ASSERT_EQUAL(site_register(s, "%RETRY%a%b%c").count, 2);
    CU_ASSERT_EQUAL(version_of(s, "%RETRY%a%b%c"), 1);
    site_close(s);
}

static void metaserver_20_21_delay_groups(void) {
    site_t *s = site_open(NULL);
    static const char *const names[] = {"d1", "d2", "d3", "d4"};
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, names[i], "10.0.0.2:20801", ROLE_DELAY_MASTER, BROKER_RW), 0);
    CU_ASSERT_EQUAL(site_heartbeat(s, "d4", BROKER_NRW), 0);
    CU_ASSERT_TRUE(site_wait_state(s, "d4", BROKER_NRW, 5));
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    int seen[3] = {0};
    for (int i = 0; i < 60; i++) {
        char client[16];
        (void)snprintf(client, sizeof client, "c%d", i);
        site_route_t r = site_register_as(s, "s1", CLIENT_DELAY_PRODUCER, CLIENT_HEARTBEAT, "", client);
        CU_ASSERT_STRING_EQUAL(site_register_as(s, "s2", CLIENT_DELAY_PRODUCER, CLIENT_HEARTBEAT, "", client).names, r.names);
        CU_ASSERT_EQUAL(r.count, 2);
        CU_ASSERT_PTR_NULL(strstr(r.names, "d4"));
        CU_ASSERT_PTR_NULL(strstr(r.names, "bg1"));
        for (int k = 0; k < 3; k++) seen[k] += strstr(r.names, names[k]) != NULL;
    }
    CU_ASSERT_TRUE(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route"), 0);
    static const int types[] = {1, 2, 3, 9};
    for (int i = 0; i < 4; i++) CU_ASSERT_STRING_EQUAL(site_register_as(s, "s2", types[i], 2, "g", "c").names, "bg1");
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group WHERE kind = 2"), 4);
    site_close(s);
}

static bool shows_read_and_write(void *arg) {
    return strcmp(site_register(arg, "s1").groups, "bg1=10.0.0.1:20881/2,bg2=10.0.0.1:20881/3") == 0;
}

static void metaserver_22_states_in_answers(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").groups, "bg1=10.0.0.1:20881/1,bg2=10.0.0.1:20881/1");
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", BROKER_R), 0);
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg2", BROKER_W), 0);
    CU_ASSERT_TRUE(test_wait(shows_read_and_write, s, 5));
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", BROKER_NRW), 0);
    CU_ASSERT_TRUE(site_wait_names(s, "s1", "bg2"));
    site_close(s);
}

static void metaserver_27_wire_23_marks_hide_from_producers(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "d1", "10.0.0.2:20801", ROLE_DELAY_MASTER, BROKER_RW), 0);
    CU_ASSERT_EQUAL(site_register(s, "s1").count, 2);
    CU_ASSERT_EQUAL(site_register(s, "s2").count, 2);
    site_sql(s, "INSERT INTO readonly_broker_group_setting (subject, broker_group) VALUES ('s1', 'bg1'), ('*', 'd1')");
    site_restart(s);
    CU_ASSERT_STRING_EQUAL(site_register_as(s, "s1", CLIENT_PRODUCER, 2, "", "c").names, "bg2");
    CU_ASSERT_STRING_EQUAL(site_register_as(s, "%RETRY%s1%g", CLIENT_PRODUCER, 2, "", "c").names, "bg2");
    CU_ASSERT_STRING_EQUAL(site_register_as(s, "s2", CLIENT_PRODUCER, 2, "", "c").names, "bg1,bg2");
    CU_ASSERT_STRING_EQUAL(site_register_as(s, "s1", CLIENT_CONSUMER, 2, "g", "c").names, "bg1,bg2");
    CU_ASSERT_STRING_EQUAL(site_register_as(s, "s1", CLIENT_OTHER, 2, "g", "c").names, "bg1,bg2");
    CU_ASSERT_STRING_EQUAL(site_register_as(s, "s1", CLIENT_DELAY_PRODUCER, 2, "", "c").names, "");
    site_sql(s, "DELETE FROM readonly_broker_group_setting");
    site_restart(s);
    CU_ASSERT_STRING_EQUAL(site_register_as(s, "s1", CLIENT_PRODUCER, 2, "", "c").names, "bg1,bg2");
    site_close(s);
}

static void metaserver_34_retry_subjects_use_the_real_subjects_state(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    site_sql(s, "INSERT INTO client_offline_state (client_id, subject_info, consumer_group, state) VALUES ('c1', 's1', 'g1', 1)");
    site_restart(s);
    CU_ASSERT_EQUAL(site_register(s, "s1").on_offline, STATE_OFFLINE);
    CU_ASSERT_EQUAL(site_register(s, "%RETRY%s1%g1").on_offline, STATE_OFFLINE);
    CU_ASSERT_EQUAL(site_register(s, "s2").on_offline, STATE_ONLINE);
    CU_ASSERT_EQUAL(site_register_as(s, "s1", CLIENT_CONSUMER, 2, "g1", "c2").on_offline, STATE_ONLINE);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg1");
    site_close(s);
}

/* Another metaserver shares the database. */
static void metaserver_75_a_route_changed_elsewhere_is_served(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg3"), 0);
    site_route_t before = site_register(s, "s1");
    CU_ASSERT_EQUAL(before.count, 2);
    site_sql(s,
             "UPDATE subject_route SET broker_group_json = '[\"bg1\",\"bg2\",\"bg3\"]', version = version + 1 WHERE subject_info = 's1'");
    CU_ASSERT_TRUE(site_wait_names(s, "s1", "bg1,bg2,bg3"));
    site_close(s);
}

static void metaserver_74_a_row_made_elsewhere_meanwhile_wins(void) {
    static const char *const overrides[] = {"refresh.period.seconds=3600", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg3"), 0);
    site_sql(s, "INSERT INTO subject_route (subject_info, broker_group_json, version) VALUES ('s1', '[\"bg3\",\"bg2\"]', 1), ('s2', "
                "'[\"bg3\"]', 7)");
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg2,bg3");
    CU_ASSERT_EQUAL(version_of(s, "s1"), 1);
    CU_ASSERT_EQUAL(site_register(s, "s2").count, 2); /* topped up */
    CU_ASSERT_EQUAL(version_of(s, "s2"), 8);
    site_close(s);
}

static void names_that_exist_no_more_count_but_are_not_sent(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    site_sql(s, "INSERT INTO subject_route (subject_info, broker_group_json, version) VALUES ('s1', '[\"gone\",\"bg1\"]', 3), ('s2', "
                "'[\"gone\",\"lost\"]', 3)");
    site_restart(s);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg1");
    CU_ASSERT_STRING_EQUAL(site_register(s, "s2").names, "");
    CU_ASSERT_EQUAL(version_of(s, "s1"), 3);
    CU_ASSERT_EQUAL(version_of(s, "s2"), 3);
    site_close(s);
}

static void metaserver_08_bad_rows_disturb_nothing_else(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "good").names, "bg1");
    insert_group(s, "kind", -1, 1, "");
    insert_group(s, "state", 1, 9, "");
    insert_group(s, "", 1, 1, "");
    site_sql(s, "INSERT INTO subject_route (subject_info, broker_group_json, version) VALUES ('broken', '{oops', 1);"
                "INSERT INTO broker (group_name, role, hostname, ip, serve_port, sync_port) VALUES ('bg1', 99, 'h99', 1, 1, 2), ('bg1', 0, "
                "'h0', 167772161, 5, 6)");
    site_restart(s);
    CU_ASSERT_STRING_EQUAL(site_register(s, "good").names, "bg1");
    CU_ASSERT_STRING_EQUAL(site_register(s, "new").names, "bg1");
    CU_ASSERT_STRING_EQUAL(site_register(s, "broken").names, "");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h0", 5), "bg1||0");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h99", 1), "51");
    static const char *const list[] = {"action", "ListBrokerGroups", NULL};
    char *body = site_post(s, NULL, list);
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\"bg1\""));
    CU_ASSERT_PTR_NULL(strstr(body, "\"kind\":\"-1\""));
    memory_free(body);
    site_close(s);
}

static void metaserver_07_without_the_column_ext(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    site_sql(s, "ALTER TABLE broker_group DROP COLUMN ext");
    site_restart(s);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg1");
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    static const char *const list[] = {"action", "ListBrokerGroups", NULL};
    char *body = site_post(s, NULL, list);
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "\"ext\":null"));
    memory_free(body);
    site_close(s);
}

/* MySQL's collation takes both for one name: the row is shared, and each has the groups of it. */
static void subjects_that_differ_in_case_only(void) {
    static const char *const overrides[] = {"min.group.num=1", NULL};
    site_t *s = site_open(overrides);
    for (int i = 0; i < 5; i++) {
        char group[10];
        (void)snprintf(group, sizeof group, "bg%d", i);
        CU_ASSERT_EQUAL(site_online(s, group), 0);
    }
    site_route_t small = site_register(s, "foo"), big = site_register(s, "Foo");
    CU_ASSERT_EQUAL(small.count, 1);
    CU_ASSERT_EQUAL(big.count, 1);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route"), site_on_mysql(s) ? 1 : 2);
    if (site_on_mysql(s)) {
        CU_ASSERT_STRING_EQUAL(big.names, small.names);
        site_sql(s, "UPDATE subject_route SET broker_group_json = '[\"bg1\",\"bg3\"]', version = version + 1");
        CU_ASSERT_TRUE(site_wait_names(s, "foo", "bg1,bg3"));
        CU_ASSERT_TRUE(site_wait_names(s, "Foo", "bg1,bg3"));
    }
    site_close(s);
}

const test_case_t routing_cases[] = {TEST(subjects_that_differ_in_case_only),
                                     TEST(metaserver_12_the_first_request_makes_a_route),
                                     TEST(metaserver_13_nothing_available_makes_no_row),
                                     TEST(metaserver_14_15_tags),
                                     TEST(metaserver_16_a_short_route_is_topped_up),
                                     TEST(metaserver_04_06_17_min_group_num_acts_at_the_next_request),
                                     TEST(metaserver_18_19_retry_subjects),
                                     TEST(metaserver_20_21_delay_groups),
                                     TEST(metaserver_22_states_in_answers),
                                     TEST(metaserver_27_wire_23_marks_hide_from_producers),
                                     TEST(metaserver_34_retry_subjects_use_the_real_subjects_state),
                                     TEST(metaserver_75_a_route_changed_elsewhere_is_served),
                                     TEST(metaserver_74_a_row_made_elsewhere_meanwhile_wins),
                                     TEST(names_that_exist_no_more_count_but_are_not_sent),
                                     TEST(metaserver_08_bad_rows_disturb_nothing_else),
                                     TEST(metaserver_07_without_the_column_ext),
                                     TEST_END};
