/* GET /subject/consumers and /onoffline, byte for byte (metaserver.md 10.3, 10.4). */
#include "site.h"
#include "suites.h"

#include "base/memory.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>

static void expect_at(site_t *s, const char *token, const char *path, const char *wanted, int line) {
    http_answer_t answer = site_http(s, "GET", path, token, NULL);
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_STRING_EQUAL(answer.content_type, "application/json");
    size_t size = strlen(wanted);
    bool same = strncmp(answer.body, wanted, size) == 0 && strcmp(answer.body + size, "\n") == 0;
    CU_ASSERT_TRUE(same);
    if (!same) printf("line %d: got %s", line, answer.body);
    http_answer_free(&answer);
}

#define EXPECT(path, wanted) expect_at(s, NULL, path, wanted, __LINE__)
#define INVALID "{\"status\":-1,\"message\":\"invalid parameter\",\"data\":null}"
#define SAYS(word) "{\"status\":0,\"message\":\"" word "\",\"data\":null}"
#define POINT(group, points)                                                                                                               \
    "{\"namespace\":\"newqmq\",\"prefix\":\"s\",\"consumerGroup\":\"" group "\",\"owner\":null,\"endPoint\":[" points "]}"

static void metaserver_53_consumers_of_a_subject(void) {
    site_t *s = site_open(NULL);
    EXPECT("/subject/consumers", "{\"status\":-1,\"message\":\"请求的主题不能为空\",\"data\":null}");
    EXPECT("/subject/consumers?subject=", "{\"status\":-1,\"message\":\"请求的主题不能为空\",\"data\":null}");
    EXPECT("/subject/consumers?subject=s", "{\"status\":0,\"message\":\"成功\",\"data\":[]}");
    site_sql(s, "INSERT INTO client_meta_info (subject_info, client_type, consumer_group, client_id, app_code, room) VALUES "
                "('s', 2, 'g1', 'c1', 'a&b', ''), ('s', 2, 'g2', 'c2', 'app', 'bj'), ('s', 2, 'g1', '客', 'app', 'sh'), "
                "('s', 1, '', 'producer', 'app', 'bj'), ('%RETRY%s%g1', 2, 'g1', 'c1', 'app', '')");
    EXPECT("/subject/consumers?subject=s",
           "{\"status\":0,\"message\":\"成功\",\"data\":[" POINT(
               "g1", "\"qmq://c1?room=&appCode=a&b\",\"qmq://客?room=sh&appCode=app\"") "," POINT("g2",
                                                                                                  "\"qmq://c2?room=bj&appCode=app\"") "]}");
    EXPECT("/subject/consumers?subject=%25RETRY%25s%25g1",
           "{\"status\":0,\"message\":\"成功\",\"data\":[{\"namespace\":\"newqmq\",\"prefix\":\"%RETRY%s%g1\",\"consumerGroup\":\"g1\","
           "\"owner\":null,\"endPoint\":[\"qmq://c1?room=&appCode=app\"]}]}");
    http_answer_t posted = site_http(s, "POST", "/subject/consumers", NULL, NULL);
    CU_ASSERT_EQUAL(posted.status, 405);
    http_answer_free(&posted);
    site_close(s);
}

#define PLACE(client) "&clientId=" client "&subject=s&consumerGroup=g"
#define UPDATE(client, state) "/onoffline?operation=update" PLACE(client) "&state=" state
#define QUERY(client) "/onoffline?operation=query" PLACE(client) "&state=0"

static void metaserver_32_33_updates_and_queries(void) {
    site_t *s = site_open(NULL);
    EXPECT(QUERY("c"), SAYS("ON"));
    EXPECT(UPDATE("c", "7"), SAYS("ok"));
    EXPECT(UPDATE("c", "1"), SAYS("ok"));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_offline_state WHERE client_id = 'c' AND state = 1"), 1);
    EXPECT(QUERY("c"), SAYS("OFF"));
    EXPECT(UPDATE("d", "-1"), SAYS("ok"));
    EXPECT(UPDATE("*", "1"), SAYS("ok"));
    site_sql(s, "INSERT INTO client_offline_state (client_id, subject_info, consumer_group, state) VALUES ('c', 's', 'other', 1)");
    EXPECT(UPDATE("c", "0"), SAYS("ok")); /* its own row only */
    EXPECT(QUERY("c"), SAYS("ON"));
    EXPECT(QUERY("d"), SAYS("OFF"));
    EXPECT(UPDATE("*", "0"), SAYS("ok")); /* everybody's */
    EXPECT(QUERY("d"), SAYS("ON"));
    EXPECT(QUERY("*"), SAYS("ON"));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_offline_state"), 1);
    site_close(s);
}

static void metaserver_35_each_error_of_onoffline(void) {
    site_t *s = site_open(NULL);
    EXPECT("/onoffline", INVALID);
    EXPECT("/onoffline?operation=query&clientId=c&subject=s&consumerGroup=g", INVALID);
    EXPECT("/onoffline?operation=query&clientId=c&subject=s&consumerGroup=g&state=", INVALID);
    EXPECT(UPDATE("c", "x"), INVALID);
    EXPECT(UPDATE("c", "2147483648"), INVALID);
    EXPECT(UPDATE("", "1"), INVALID);
    EXPECT("/onoffline?operation=update&clientId=c&subject=&consumerGroup=g&state=1", INVALID);
    EXPECT("/onoffline?operation=drop" PLACE("c") "&state=1", "{\"status\":-1,\"message\":\"unsupport: drop\",\"data\":null}");
    char *long_one = memory_printf("/onoffline?operation=update&clientId=%0101d&subject=s&consumerGroup=g&state=1", 1);
    EXPECT(long_one, INVALID);
    memory_free(long_one);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_offline_state"), 0);
    site_close(s);
}

static void onoffline_may_want_a_token(void) {
    static const char *const overrides[] = {"meta.server.onoffline.token=true", NULL};
    site_t *s = site_open(overrides);
    EXPECT(UPDATE("c", "1"), "{\"status\":-1,\"message\":\"没有提供合法的 Api Token\",\"data\":null}");
    expect_at(s, SITE_TOKEN, UPDATE("c", "1"), SAYS("ok"), __LINE__);
    site_close(s);
}

static bool slave_is(site_t *s, const char *group, const char *wanted) {
    char *path = memory_printf("/slave/meta?groupName=%s", group);
    http_answer_t answer = site_http(s, "GET", path, NULL, NULL);
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT(answer.content_type == NULL || *answer.content_type == 0);
    bool same = strcmp(answer.body, wanted) == 0;
    http_answer_free(&answer);
    memory_free(path);
    return same;
}

typedef struct expected_slave {
    site_t *site;
    const char *group;
    const char *wanted;
} expected_slave_t;

static bool slave_is_as_expected(void *arg) {
    const expected_slave_t *e = arg;
    return slave_is(e->site, e->group, e->wanted);
}

static bool wait_slave(site_t *s, const char *group, const char *wanted) {
    expected_slave_t e = {s, group, wanted};
    return test_wait(slave_is_as_expected, &e, 20);
}

#define MACHINE(group, host, ip, role, port)                                                                                               \
    "INSERT INTO broker (group_name, hostname, ip, role, serve_port, sync_port) VALUES ('" group "', '" host "', " ip ", " role ", " port  \
    ", 2);"

static void metaserver_51_52_the_slave_of_a_group(void) {
    site_t *s = site_open(NULL);
    site_write(s, "conf/broker-http-port-map.properties", "h2/20881=8081\nh4/20881=x\n");
    site_sql(s, MACHINE("g1", "h1", "16909060", "0", "20881") MACHINE("g1", "h2", "16909061", "1", "20881")
                    MACHINE("d1", "h3", "16909062", "6", "20881") MACHINE("g2", "h4", "16909063", "1", "20881")
                        MACHINE("bad", "h5", "16909064", "99", "1"));
    http_answer_t answer = site_http(s, "GET", "/slave/meta", NULL, NULL);
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_STRING_EQUAL(answer.body, "");
    http_answer_free(&answer);
    CU_ASSERT_TRUE(wait_slave(s, "g1", "1.2.3.5:8081"));
    CU_ASSERT_TRUE(wait_slave(s, "d1", "1.2.3.6:8080"));
    CU_ASSERT_TRUE(slave_is(s, "g2", "")); /* its port is none */
    CU_ASSERT_TRUE(slave_is(s, "unknown", ""));
    CU_ASSERT_TRUE(slave_is(s, "", ""));
    site_sql(s, "UPDATE broker SET ip = 16909070 WHERE hostname = 'h3'; DELETE FROM broker WHERE hostname = 'h2'");
    CU_ASSERT_TRUE(wait_slave(s, "d1", "1.2.3.14:8080"));
    CU_ASSERT_TRUE(wait_slave(s, "g1", ""));
    site_sql(s, "ALTER TABLE broker RENAME TO away"); /* an outage of this table */
    CU_ASSERT_TRUE(slave_is(s, "d1", "1.2.3.14:8080"));
    site_sql(s, "UPDATE away SET ip = 16909071 WHERE hostname = 'h3'; ALTER TABLE away RENAME TO broker");
    CU_ASSERT_TRUE(wait_slave(s, "d1", "1.2.3.15:8080"));
    site_close(s);
}

const test_case_t endpoint_cases[] = {TEST(metaserver_53_consumers_of_a_subject),  TEST(metaserver_32_33_updates_and_queries),
                                      TEST(metaserver_35_each_error_of_onoffline), TEST(onoffline_may_want_a_token),
                                      TEST(metaserver_51_52_the_slave_of_a_group), TEST_END};
