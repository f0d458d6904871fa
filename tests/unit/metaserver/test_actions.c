/* Management actions, byte for byte (metaserver.md 11). */
#include "site.h"
#include "suites.h"

#include "base/memory.h"
#include "protocol/broker_register.h"

#include <stdio.h>

typedef struct broker_form {
    const char *group, *role, *host, *ip, *serve, *sync;
} broker_form_t;

/* NULL members are not sent. */
static char *post_broker(site_t *s, const char *action, broker_form_t f) {
    const char *form[15] = {"action", action};
    const char *names[] = {"brokerGroup", "role", "hostname", "ip", "servePort", "syncPort"};
    const char *values[] = {f.group, f.role, f.host, f.ip, f.serve, f.sync};
    size_t used = 2;
    for (int i = 0; i < 6; i++) {
        if (values[i] == NULL) continue;
        form[used++] = names[i];
        form[used++] = values[i];
    }
    form[used] = NULL;
    return site_post(s, SITE_TOKEN, form);
}

static void expect_refused(site_t *s, const char *action, broker_form_t f, const char *message) {
    char *body = post_broker(s, action, f);
    char *wanted = memory_printf("{\"status\":-1,\"message\":\"%s\",\"data\":null}\n", message);
    CU_ASSERT_STRING_EQUAL(body, wanted);
    if (strcmp(body, wanted) != 0) printf("got %s", body);
    memory_free(wanted);
    memory_free(body);
}

static void expect_added(site_t *s, const char *action, broker_form_t f, const char *role) {
    char *body = post_broker(s, action, f);
    char *wanted = memory_printf(
        "{\"status\":0,\"message\":\"\",\"data\":{\"group\":\"%s\",\"role\":\"%s\",\"hostname\":\"%s\",\"ip\":\"%s\",\"servePort\":%s,"
        "\"syncPort\":%s}}\n",
        f.group, role, f.host, f.ip, f.serve, f.sync);
    CU_ASSERT_STRING_EQUAL(body, wanted);
    if (strcmp(body, wanted) != 0) printf("got %s", body);
    memory_free(wanted);
    memory_free(body);
}

static void metaserver_58_messages_in_their_order(void) {
    site_t *s = site_open(NULL);
    static const struct {
        broker_form_t form;
        const char *message;
    } cases[] = {
        {{NULL, NULL, NULL, NULL, NULL, NULL}, "add broker failed, caused by: null"},
        {{"", "abc", "", "", "x", "y"}, "add broker failed, caused by: For input string: \\\"abc\\\""},
        {{"", "", "", "", "x", "y"}, "add broker failed, caused by: For input string: \\\"\\\""},
        {{"", "99", "", "", "x", "y"}, "add broker failed, caused by: Unknown broker role code 99"},
        {{"", "-1", "", "", "x", "y"}, "add broker failed, caused by: Unknown broker role code -1"},
        {{"", "2", "", "", "2147483648", "y"}, "add broker failed, caused by: For input string: \\\"2147483648\\\""},
        {{"", "2", "", "", "1", NULL}, "add broker failed, caused by: null"},
        {{"", "2", "", "", "1", "2 "}, "add broker failed, caused by: For input string: \\\"2 \\\""},
        {{"", "2", "", "", "0", "0"}, "please provide broker group name"},
        {{NULL, "4", "", "", "0", NULL}, "please provide broker group name"},
        {{"g", "2", "", "", "0", "0"}, "invalid broker role code 2"},
        {{"g", "3", "", "", "0", "0"}, "invalid broker role code 3"},
        {{"g", "0", "", "", "0", "0"}, "please provide broker hostname"},
        {{"g", "0", "h", "", "0", "0"}, "please provide broker ip"},
        {{"g", "0", "h", "bogus", "0", "1"}, "serve port and sync port should valid and should be different port"},
        {{"g", "0", "h", "bogus", "1", "0"}, "serve port and sync port should valid and should be different port"},
        {{"g", "0", "h", "bogus", "1", "1"}, "serve port and sync port should valid and should be different port"},
        {{"g", "0", "h", "bogus", "70000", "1"}, "serve port and sync port should valid and should be different port"},
        {{"g", "0", "h", "bogus", "1", "2"}, "add broker failed, caused by: invalid ip bogus"},
        {{"a-group-name-of-31-characters-xx", "0", "h", "1.2.3.4", "1", "2"},
         "add broker failed, caused by: brokerGroup is longer than 30 characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) expect_refused(s, "AddBroker", cases[i].form, cases[i].message);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker"), 0); /* metaserver_59 */
    site_close(s);
}

static void metaserver_58_59_what_the_database_says(void) {
    site_t *s = site_open(NULL);
    expect_added(s, "AddBroker", (broker_form_t){"g", "0", "h0", "10.0.0.1", "1", "2"}, "MASTER");
    expect_refused(s, "AddBroker", (broker_form_t){"g", "0", "h9", "10.0.0.1", "1", "2"},
                   "The brokerGroup: g with role: MASTER already exists, you need use other brokerGroup name");
    expect_refused(s, "AddBroker", (broker_form_t){"g2", "0", "h0", "10.0.0.1", "1", "2"},
                   "broker group's role already exist or broker already added");
    expect_refused(s, "AddBroker", (broker_form_t){"g", "5", "h5", "10.0.0.1", "1", "2"},
                   "The brokerGroup: g holds brokers of kind NORMAL, role DELAY_MASTER needs a brokerGroup of its own");
    expect_added(s, "AddBroker", (broker_form_t){"g", "1", "h1", "10.0.0.2", "1", "2"}, "SLAVE");
    char *body = post_broker(s, "AddBroker", (broker_form_t){"g", "4", "h4", "255.255.255.255", "1", "ignored"});
    CU_ASSERT_STRING_EQUAL(
        body, "{\"status\":0,\"message\":\"\",\"data\":{\"group\":\"g\",\"role\":\"BACKUP\",\"hostname\":\"h4\",\"ip\":\"255.255.255.255\","
              "\"servePort\":1,\"syncPort\":-1}}\n");
    memory_free(body);
    expect_refused(s, "AddBroker", (broker_form_t){"g", "1", "h6", "10.0.0.2", "1", "2"}, "The brokerGroup: g already exists");
    CU_ASSERT_EQUAL(site_number(s, "SELECT ip FROM broker WHERE hostname = 'h4'"), 4294967295);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker"), 3);
    site_close(s);
}

static void list_brokers(void) {
    site_t *s = site_open(NULL);
    expect_added(s, "AddBroker", (broker_form_t){"g1", "0", "h1", "10.0.0.1", "1", "2"}, "MASTER");
    expect_added(s, "AddBroker", (broker_form_t){"组2", "5", "h2", "10.0.0.2", "3", "4"}, "DELAY_MASTER");
    static const char one[] =
        "{\"group\":\"g1\",\"role\":\"MASTER\",\"hostname\":\"h1\",\"ip\":\"10.0.0.1\",\"servePort\":1,\"syncPort\":2}";
    static const char two[] =
        "{\"group\":\"组2\",\"role\":\"DELAY_MASTER\",\"hostname\":\"h2\",\"ip\":\"10.0.0.2\",\"servePort\":3,\"syncPort\":4}";
    static const char *const groups[] = {NULL, "", "g1", "组2", "nobody"};
    for (int i = 0; i < 5; i++) {
        const char *form[] = {"action", "ListBrokers", groups[i] == NULL ? NULL : "brokerGroup", groups[i], NULL};
        char *body = site_post(s, NULL, form);
        char *wanted = memory_printf("{\"status\":0,\"message\":\"\",\"data\":[%s%s%s]}\n", i < 3 ? one : "", i < 2 ? "," : "",
                                     i < 2 || i == 3 ? two : "");
        CU_ASSERT_STRING_EQUAL(body, wanted);
        memory_free(wanted);
        memory_free(body);
    }
    site_close(s);
}

static void metaserver_69_list_groups_and_routes(void) {
    site_t *s = site_open(NULL);
    static const char *const groups[] = {"action", "ListBrokerGroups", NULL};
    static const char *const routes[] = {"action", "ListSubjectRoutes", NULL};
    char *body = site_post(s, NULL, groups);
    CU_ASSERT_STRING_EQUAL(body, "[]\n");
    memory_free(body);
    body = site_post(s, NULL, routes);
    CU_ASSERT_STRING_EQUAL(body, "[]\n");
    memory_free(body);
    site_sql(s, "INSERT INTO broker_group (group_name, kind, master_address, broker_state, tag, update_time, ext) VALUES "
                "('g1', 1, '10.0.0.1:20881', 1, '', '2023-11-14 22:13:20', NULL), ('g2', 2, '10.0.0.2:20801', 4, '标', '2023-11-14 "
                "22:13:21', '{\"a\": \"b/c\"}')");
    site_sql(s, "INSERT INTO subject_route (subject_info, version, broker_group_json, update_time) VALUES "
                "('s1', 2, '[\"g1\", \"g2\"]', '2023-11-14 22:13:20'), ('bad', 1, 'x', '2023-11-14 22:13:20')");
    body = site_post(s, NULL, groups);
    CU_ASSERT_STRING_EQUAL(body, "[{\"groupName\":\"g1\",\"master\":\"10.0.0.1:20881\",\"slaves\":null,\"updateTime\":1700000000000,"
                                 "\"brokerState\":\"RW\",\"tag\":\"\","
                                 "\"kind\":\"NORMAL\",\"ext\":null},{\"groupName\":\"g2\",\"master\":\"10.0.0.2:20801\",\"slaves\":null,"
                                 "\"updateTime\":1700000001000,"
                                 "\"brokerState\":\"NRW\",\"tag\":\"标\",\"kind\":\"DELAY\",\"ext\":{\"a\":\"b/c\"}}]\n");
    memory_free(body);
    body = site_post(s, NULL, routes);
    CU_ASSERT_STRING_EQUAL(body, "[{\"subject\":\"s1\",\"brokerGroups\":[\"g1\",\"g2\"],\"version\":2,\"updateTime\":1700000000000}]\n");
    memory_free(body);
    site_close(s);
}

/* update_time as MySQL keeps it: it moves when a value really changes. */
static void update_time_moves_with_a_real_change_only(void) {
    site_t *s = site_open(NULL);
    site_sql(s, "INSERT INTO broker_group (group_name, kind, master_address, broker_state, update_time) VALUES ('g1', 1, '10.0.0.1:20881', "
                "1, '2001-01-01 00:00:00')");
    CU_ASSERT_EQUAL(site_online(s, "g1"), 0); /* the same values */
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group WHERE update_time = '2001-01-01 00:00:00'"), 1);
    CU_ASSERT_EQUAL(site_heartbeat(s, "g1", BROKER_R), 0);
    CU_ASSERT_TRUE(site_wait_state(s, "g1", BROKER_R, 5));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group WHERE update_time >= '2020-01-01 00:00:00'"), 1);
    site_close(s);
}

static void register_broker_inserts_then_moves(void) {
    site_t *s = site_open(NULL);
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "10.0.0.1", "1", "2"}, "MASTER");
    int64_t id = site_number(s, "SELECT id FROM broker");
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "10.0.0.1", "1", "2"}, "MASTER"); /* again, unchanged */
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h2", "10.0.0.2", "7", "8"}, "MASTER");
    CU_ASSERT_EQUAL(site_number(s, "SELECT id FROM broker WHERE hostname = 'h2' AND ip = 167772162 AND serve_port = 7 AND sync_port = 8"),
                    id);
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h2", 7), "g||0");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h1", 1), "51");
    expect_added(s, "RegisterBroker", (broker_form_t){"other", "0", "h3", "10.0.0.3", "1", "2"}, "MASTER");
    expect_refused(s, "RegisterBroker", (broker_form_t){"g", "0", "h3", "10.0.0.3", "1", "2"},
                   "broker group's role already exist or broker already added");
    expect_refused(s, "RegisterBroker", (broker_form_t){"new", "0", "h3", "10.0.0.3", "1", "2"},
                   "broker group's role already exist or broker already added");
    expect_refused(s, "RegisterBroker", (broker_form_t){"g", "5", "h4", "10.0.0.3", "1", "2"},
                   "The brokerGroup: g holds brokers of kind NORMAL, role DELAY_MASTER needs a brokerGroup of its own");
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker"), 2);
    site_close(s);
}

static void register_broker_takes_no_place_that_another_host_is_on_line_at(void) {
    site_t *s = site_open(NULL);
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "127.0.0.1", "1", "2"}, "MASTER");
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "g", "127.0.0.1:1", ROLE_MASTER, BROKER_RW), 0);
    expect_refused(s, "RegisterBroker", (broker_form_t){"g", "0", "h2", "10.0.0.2", "1", "2"},
                   "The brokerGroup: g with role: MASTER is used by host h1 port 1 (127.0.0.1:1), which is on line: use other brokerGroup "
                   "name, or stop "
                   "that broker first");
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "127.0.0.1", "7", "8"}, "MASTER"); /* restarted with other ports */
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_OFFLINE, "g", "127.0.0.1:7", ROLE_MASTER, BROKER_NRW), 0);
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h2", "10.0.0.2", "1", "2"}, "MASTER");
    site_close(s);
}

/* The metaserver's own port is the broker that is there. */
static void register_broker_takes_no_place_from_a_broker_of_the_same_host_name(void) {
    site_t *s = site_open(NULL);
    char port[20], master[40], refusal[300];
    (void)snprintf(port, sizeof port, "%d", metaserver_tcp_port(s->m));
    (void)snprintf(master, sizeof master, "127.0.0.1:%s", port);
    (void)snprintf(
        refusal, sizeof refusal,
        "The brokerGroup: g with role: MASTER is used by host h1 port %s (%s), which is on line and has the same host name: use other "
        "brokerGroup name, or stop that broker first",
        port, master);
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "127.0.0.1", port, "2"}, "MASTER");
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "127.0.0.1", port, "3"},
                 "MASTER"); /* itself, before it was on line */
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "g", master, ROLE_MASTER, BROKER_RW), 0);
    expect_refused(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "127.0.0.1", "7", "8"}, refusal);
    expect_refused(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "127.0.0.9", port, "8"}, refusal); /* a machine of the same name */
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_OFFLINE, "g", master, ROLE_MASTER, BROKER_NRW), 0);
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "127.0.0.1", "1", "8"}, "MASTER");
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "g", "127.0.0.1:1", ROLE_MASTER, BROKER_RW), 0);
    expect_added(s, "RegisterBroker", (broker_form_t){"g", "0", "h1", "127.0.0.1", "7", "8"},
                 "MASTER"); /* it was killed: nobody is there */
    site_close(s);
}

static void group_names_that_differ_in_case_only(void) {
    site_t *s = site_open(NULL);
    expect_added(s, "AddBroker", (broker_form_t){"g", "0", "h1", "10.0.0.1", "1", "2"}, "MASTER");
    if (site_on_mysql(s)) {
        static const char refusal[] = "The brokerGroup: G is g in the database, which takes both for one name: use that, or another one";
        expect_refused(s, "AddBroker", (broker_form_t){"G", "1", "h2", "10.0.0.2", "1", "2"}, refusal);
        expect_refused(s, "RegisterBroker", (broker_form_t){"G", "0", "h2", "10.0.0.2", "1", "2"}, refusal);
    } else {
        expect_added(s, "AddBroker", (broker_form_t){"G", "0", "h2", "10.0.0.2", "1", "2"}, "MASTER");
    }
    site_close(s);
}

const test_case_t action_cases[] = {TEST(register_broker_takes_no_place_from_a_broker_of_the_same_host_name),
                                    TEST(group_names_that_differ_in_case_only),
                                    TEST(register_broker_takes_no_place_that_another_host_is_on_line_at),
                                    TEST(metaserver_58_messages_in_their_order),
                                    TEST(metaserver_58_59_what_the_database_says),
                                    TEST(list_brokers),
                                    TEST(metaserver_69_list_groups_and_routes),
                                    TEST(update_time_moves_with_a_real_change_only),
                                    TEST(register_broker_inserts_then_moves),
                                    TEST_END};
