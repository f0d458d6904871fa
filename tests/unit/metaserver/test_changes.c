/* Actions that change subjects, routes, marks, brokers and offsets, byte for byte (metaserver.md 11.2, 11.6-11.12, 12, 20). */
#include "portability/thread.h"
#include "site.h"
#include "suites.h"

#include "base/memory.h"
#include "net/server.h"
#include "protocol/consume_manage.h"

#include <stdio.h>
#include <string.h>

/* The time of a row is not known beforehand: it becomes T. */
static void hide_times(char *body) {
    static const char key[] = "\"updateTime\":";
    for (char *p = body; (p = strstr(p, key)) != NULL;) {
        p += sizeof key - 1;
        size_t digits = strspn(p, "0123456789");
        CU_ASSERT_TRUE(digits >= 13);
        *p++ = 'T';
        memmove(p, p + digits - 1, strlen(p + digits - 1) + 1);
    }
}

/* form: action, then names and values, NULL at the end. */
static void expect_at(site_t *s, const char *const *form, const char *wanted, int line) {
    const char *full[20] = {"action"};
    size_t used = 1;
    while (form[used - 1] != NULL) {
        full[used] = form[used - 1];
        used++;
    }
    char *body = site_post(s, SITE_TOKEN, full);
    hide_times(body);
    size_t size = strlen(wanted);
    bool same = strncmp(body, wanted, size) == 0 && strcmp(body + size, "\n") == 0;
    CU_ASSERT_TRUE(same);
    if (!same) printf("line %d: got %s", line, body);
    memory_free(body);
}

#define EXPECT(wanted, ...) expect_at(s, (const char *const[]){__VA_ARGS__, NULL}, wanted, __LINE__)
#define OK_EMPTY "{\"status\":0,\"message\":\"\",\"data\":{}}"
#define OK_SUCCESS "{\"status\":0,\"message\":\"\",\"data\":\"success\"}"
#define REFUSED(message) "{\"status\":-1,\"message\":\"" message "\",\"data\":null}"
#define REFUSED_WITH(message, data) "{\"status\":-1,\"message\":\"" message "\",\"data\":" data "}"
#define ROUTE(subject, groups, version)                                                                                                    \
    "{\"subject\":\"" subject "\",\"brokerGroups\":[" groups "],\"version\":" version ",\"updateTime\":T}"

/* Groups g1 and g2 on line, g3 off line, d1 for delay; subjects s1 [g1], s2 [g1,g2], s3 [g2]. */
static site_t *open_with_routes(void) {
    static const char *const overrides[] = {"min.group.num=1", NULL};
    site_t *s = site_open(overrides);
    site_sql(s, "INSERT INTO broker_group (group_name, kind, master_address, broker_state) VALUES ('g1', 1, '10.0.0.1:1', 1), "
                "('g2', 1, '10.0.0.2:1', 1), ('g3', 1, '10.0.0.3:1', 1), ('d1', 2, '10.0.0.4:1', 1)");
    site_sql(s, "INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES ('s1', 1, '[\"g1\"]'), "
                "('s2', 4, '[\"g1\",\"g2\"]'), ('s3', 1, '[\"g2\"]'), ('bad', 1, 'x')");
    CU_ASSERT_TRUE(site_wait_names(s, "s1", "g1"));
    return s;
}

static void metaserver_61_a_subject_is_added_once(void) {
    site_t *s = site_open(NULL);
    EXPECT("{\"error\":\"必须同时提供 subject 和 tag 两个参数\"}", "AddNewSubject");
    EXPECT("{\"error\":\"必须同时提供 subject 和 tag 两个参数\"}", "AddNewSubject", "subject", "s", "tag", "");
    EXPECT("{\"data\":{\"name\":\"s\",\"tag\":\"t\",\"updateTime\":T}}", "AddNewSubject", "subject", "s", "tag", "t");
    EXPECT("{\"error\":\"主题已存在\",\"data\":{\"name\":\"s\",\"tag\":\"t\",\"updateTime\":T}}", "AddNewSubject", "subject", "s", "tag",
           "other");
    EXPECT("{\"error\":\"tag 不能超过 30 个字符\"}", "AddNewSubject", "subject", "s2", "tag", "a-tag-of-more-than-thirty-characters");
    EXPECT("{\"error\":\"subject 不合法：不能包含空白字符和 /，且不能超过 100 个字符\"}", "AddNewSubject", "subject", "a b", "tag", "t");
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_info"), 1);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_info WHERE create_time > '2020-01-01 00:00:00'"), 1);
    site_close(s);
}

static void metaserver_62_a_group_is_added_to_a_route(void) {
    site_t *s = open_with_routes();
    EXPECT("{\"error\":\"必须同时提供 brokerGroup 和 subject 两个参数\"}", "AddSubjectBrokerGroup", "subject", "s1");
    EXPECT("{\"error\":\"提供的 brokerGroup 暂时不存在\"}", "AddSubjectBrokerGroup", "subject", "s1", "brokerGroup", "g9");
    EXPECT("{\"error\":\"提供的 brokerGroup 暂时不存在\"}", "AddSubjectBrokerGroup", "subject", "s1", "brokerGroup", "d1");
    EXPECT("{\"error\":\"提供的 subject 暂时没有分配过 brokerGroup，无法扩充\"}", "AddSubjectBrokerGroup", "subject", "*", "brokerGroup",
           "g2");
    EXPECT("{\"error\":\"提供的 subject 暂时没有分配过 brokerGroup，无法扩充\"}", "AddSubjectBrokerGroup", "subject", "bad", "brokerGroup",
           "g2");
    EXPECT(ROUTE("s1", "\"g1\",\"g2\"", "2"), "AddSubjectBrokerGroup", "subject", "s1", "brokerGroup", "g2");
    site_route_t now = site_register(s, "s1"); /* at once, not at the next refresh */
    CU_ASSERT_STRING_EQUAL(now.names, "g1,g2");
    EXPECT(ROUTE("s1", "\"g1\",\"g2\"", "3"), "AddSubjectBrokerGroup", "subject", "s1", "brokerGroup", "g2");
    /* Somebody else wins each race: the version has moved when ours is written. */
    site_lose_updates(s, "subject_route", "subject_info = 's3'");
    EXPECT("{\"error\":\"扩充 subject 对应 brokerGroup 失败，请参考下面的当前配置\",\"subjectRoute\":" ROUTE("s3", "\"g2\"", "1") "}",
           "AddSubjectBrokerGroup", "subject", "s3", "brokerGroup", "g1");
    char long_route[400];
    (void)snprintf(long_route, sizeof long_route,
                   "INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES ('long', 1, '[\"%0294d\"]')", 0);
    site_sql(s, long_route);
    const char *form[] = {"action", "AddSubjectBrokerGroup", "subject", "long", "brokerGroup", "g1", NULL};
    char *body = site_post(s, SITE_TOKEN, form);
    CU_ASSERT_PTR_NOT_NULL(strstr(body, "300"));
    memory_free(body);
    CU_ASSERT_EQUAL(site_number(s, "SELECT version FROM subject_route WHERE subject_info = 'long'"), 1);
    site_close(s);
}

static void metaserver_63_a_group_is_removed_from_routes(void) {
    site_t *s = open_with_routes();
    EXPECT(REFUSED("必须同时提供 brokerGroup 和 subject 两个参数"), "RemoveSubjectBrokerGroup", "brokerGroup", "g1");
    EXPECT(REFUSED_WITH("提供的 subject 暂时没有分配过 brokerGroup", "{}"), "RemoveSubjectBrokerGroup", "brokerGroup", "g1", "subject",
           "nobody");
    EXPECT(OK_EMPTY, "RemoveSubjectBrokerGroup", "brokerGroup", "g9", "subject", "s1");
    CU_ASSERT_EQUAL(site_number(s, "SELECT SUM(version) FROM subject_route"), 7); /* nothing was written */
    EXPECT(REFUSED_WITH("路由缩减失败", "{\"s1\":\"不允许删除主题的最后一个 brokerGroup\"}"), "RemoveSubjectBrokerGroup", "brokerGroup",
           "g1", "subject", "s1");
    EXPECT(REFUSED_WITH("部分主题路由缩减失败", "{\"s1\":\"不允许删除主题的最后一个 brokerGroup\"}"), "RemoveSubjectBrokerGroup",
           "brokerGroup", "g1", "subject", "*");
    CU_ASSERT_EQUAL(site_number(s, "SELECT version FROM subject_route WHERE subject_info = 's2' AND broker_group_json = '[\"g2\"]'"), 5);
    site_route_t now = site_register(s, "s2");
    CU_ASSERT_STRING_EQUAL(now.names, "g2");
    EXPECT(ROUTE("s1", "\"g1\",\"g3\"", "2"), "AddSubjectBrokerGroup", "subject", "s1", "brokerGroup", "g3");
    EXPECT(OK_EMPTY, "RemoveSubjectBrokerGroup", "brokerGroup", "g1", "subject", "*");
    site_sql(s, "INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES ('s4', 1, '[\"g1\",\"g2\"]')");
    site_lose_updates(s, "subject_route", "subject_info <> ''");
    EXPECT(REFUSED_WITH("路由缩减失败", "{\"s4\":\"缩减 subject 对应 brokerGroup 失败\"}"), "RemoveSubjectBrokerGroup", "brokerGroup", "g1",
           "subject", "s4");
    site_close(s);
}

static void metaserver_64_only_changed_routes_are_counted(void) {
    site_t *s = open_with_routes();
    EXPECT(REFUSED("必须同时提供 relatedSubject、relatedBrokerGroup 和 newBrokerGroup 三个参数"), "ExtendSubjectRoute", "relatedSubject",
           "*", "relatedBrokerGroup", "g1");
    EXPECT(REFUSED("提供的 newBrokerGroup 暂时不存在"), "ExtendSubjectRoute", "relatedSubject", "*", "relatedBrokerGroup", "g1",
           "newBrokerGroup", "g9");
    EXPECT("{\"status\":0,\"message\":\"\",\"data\":\"成功更新0个subject的路由\"}", "ExtendSubjectRoute", "relatedSubject", "nobody",
           "relatedBrokerGroup", "g1", "newBrokerGroup", "g2");
    EXPECT("{\"status\":0,\"message\":\"\",\"data\":\"成功更新1个subject的路由\"}", "ExtendSubjectRoute", "relatedSubject", "*",
           "relatedBrokerGroup", "g1", "newBrokerGroup", "g2");
    EXPECT("{\"status\":0,\"message\":\"\",\"data\":\"成功更新3个subject的路由\"}", "ExtendSubjectRoute", "relatedSubject", "*",
           "relatedBrokerGroup", "g2", "newBrokerGroup", "g3");
    EXPECT("{\"status\":0,\"message\":\"\",\"data\":\"成功更新0个subject的路由\"}", "ExtendSubjectRoute", "relatedSubject", "*",
           "relatedBrokerGroup", "g2", "newBrokerGroup", "g3");
    site_route_t now = site_register(s, "s1");
    CU_ASSERT_STRING_EQUAL(now.names, "g1,g2,g3");
    site_close(s);
}

static void query_subject_route(void) {
    site_t *s = open_with_routes();
    EXPECT(REFUSED("subject不能为空"), "QuerySubjectRoute");
    EXPECT(REFUSED("subject不能为*通配符"), "QuerySubjectRoute", "subject", "*");
    EXPECT(REFUSED("find no route"), "QuerySubjectRoute", "subject", "nobody");
    EXPECT(REFUSED("find no route"), "QuerySubjectRoute", "subject", "bad");
    EXPECT("{\"status\":0,\"message\":\"\",\"data\":" ROUTE("s2", "\"g1\",\"g2\"", "4") "}", "QuerySubjectRoute", "subject", "s2");
    site_close(s);
}

static void metaserver_65_marks_are_idempotent(void) {
    site_t *s = open_with_routes();
    EXPECT(REFUSED("必须同时提供 subject 和 brokerGroup 两个参数"), "MarkReadonlyBrokerGroup", "subject", "s2");
    EXPECT(REFUSED("必须同时提供 subject 和 brokerGroup 两个参数"), "UnMarkReadonlyBrokerGroup", "brokerGroup", "g1");
    for (int i = 0; i < 2; i++) EXPECT(OK_SUCCESS, "MarkReadonlyBrokerGroup", "subject", "s2", "brokerGroup", "g1");
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM readonly_broker_group_setting"), 1);
    for (int i = 0; i < 2; i++) EXPECT(OK_SUCCESS, "UnMarkReadonlyBrokerGroup", "subject", "s2", "brokerGroup", "g1");
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM readonly_broker_group_setting"), 0);
    EXPECT(REFUSED("database failed during save readonly broker group setting"), "MarkReadonlyBrokerGroup", "subject", "*", "brokerGroup",
           "a-group-name-of-31-characters-xx");
    site_close(s);
}

typedef struct producer_waiting {
    site_t *site;
    const char *names;
} producer_waiting_t;

static bool producer_has(void *arg) {
    producer_waiting_t *w = arg;
    site_route_t r = site_register_as(w->site, "s2", CLIENT_PRODUCER, CLIENT_HEARTBEAT, "", "p1");
    return strcmp(r.names, w->names) == 0;
}

/* Well before the next reading of the database. */
static void tag_and_ext_of_a_group_are_set(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "g1"), 0);
    EXPECT(OK_SUCCESS, "SetBrokerGroupTag", "brokerGroup", "g1", "tag", "t");
    EXPECT(OK_SUCCESS, "SetBrokerGroupTag", "brokerGroup", "g1", "tag", "t"); /* unchanged is no other answer */
    EXPECT(OK_SUCCESS, "SetBrokerGroupExt", "brokerGroup", "g1", "ext", "{\"room\":\"bj\"}");
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group WHERE tag = 't' AND ext = '{\"room\":\"bj\"}'"), 1);
    EXPECT(REFUSED("提供的 brokerGroup 暂时不存在"), "SetBrokerGroupTag", "brokerGroup", "none", "tag", "t");
    EXPECT(REFUSED("please provide broker group name"), "SetBrokerGroupTag", "tag", "t");
    EXPECT(REFUSED("tag 不能超过 30 个字符"), "SetBrokerGroupTag", "brokerGroup", "g1", "tag", "a-tag-of-more-than-thirty-characters");
    static const char *const bad[] = {"", "[]", "{\"a\":1}", "text"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        EXPECT(REFUSED("ext must be a JSON object of texts, of at most 16384 bytes"), "SetBrokerGroupExt", "brokerGroup", "g1", "ext",
               bad[i]);
    CU_ASSERT_TRUE(site_wait_names(s, "s1", "")); /* an untagged subject gets no tagged group */
    EXPECT(OK_SUCCESS, "SetBrokerGroupTag", "brokerGroup", "g1", "tag", "");
    CU_ASSERT_TRUE(site_wait_names(s, "s1", "g1"));
    site_close(s);
}

static void a_mark_acts_at_once(void) {
    static const char *const overrides[] = {"min.group.num=1", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "g1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "g2"), 0);
    site_sql(s, "INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES ('s2', 1, '[\"g1\",\"g2\"]')");
    producer_waiting_t both = {s, "g1,g2"}, one = {s, "g2"};
    CU_ASSERT_TRUE(test_wait(producer_has, &both, 10));
    for (int i = 0; i < 20; i++) {
        EXPECT(OK_SUCCESS, "MarkReadonlyBrokerGroup", "subject", "*", "brokerGroup", "g1");
        CU_ASSERT_TRUE(producer_has(&one));
        EXPECT(OK_SUCCESS, "UnMarkReadonlyBrokerGroup", "subject", "*", "brokerGroup", "g1");
        CU_ASSERT_TRUE(producer_has(&both));
    }
    site_close(s);
}

static void metaserver_66_databases_are_added(void) {
    site_t *s = site_open(NULL);
    static const char good[] = "{\"status\":0,\"message\":\"\",\"data\":\"register success\"}";
    for (int i = 0; i < 2; i++)
        EXPECT(good, "AddDb", "type", "mmm", "host", "db1", "port", "3306", "username", "u", "password", "p w", "room", " ");
    EXPECT(good, "AddDb", "type", "mysql", "host", "db2", "port", "3306", "username", "u", "password", "p", "room", "bj");
    CU_ASSERT_EQUAL(site_number(s,
                                "SELECT COUNT(*) FROM datasource_config WHERE url = 'mmm://db1:3306' AND room = 'default' AND user_name = "
                                "'u' AND password = 'p w' AND status = 0"),
                    1);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM datasource_config"), 2);
    EXPECT(REFUSED("register failed host is missing"), "AddDb", "type", "mmm", "port", "3306", "username", "u", "password", "p");
    EXPECT(REFUSED("register failed password is missing"), "AddDb", "type", "mmm", "host", "h", "port", "3306", "username", "u");
    const char *form[] = {"action", "AddDb", "port", "x", NULL};
    http_answer_t answer = site_http(s, "POST", "/management", SITE_TOKEN, form);
    CU_ASSERT_EQUAL(answer.status, 500);
    CU_ASSERT_STRING_EQUAL(answer.body, "AddDb failed: port: For input string: \"x\"\n");
    http_answer_free(&answer);
    site_close(s);
}

static void metaserver_56_57_changes_need_a_token(void) {
    site_t *s = site_open(NULL);
    static const char *const protected[] = {"AddBroker",
                                            "RegisterBroker",
                                            "ReplaceBroker",
                                            "SwapBroker",
                                            "AddNewSubject",
                                            "AddSubjectBrokerGroup",
                                            "RemoveSubjectBrokerGroup",
                                            "ExtendSubjectRoute",
                                            "AddDb",
                                            "MarkReadonlyBrokerGroup",
                                            "UnMarkReadonlyBrokerGroup",
                                            "ResetOffset"};
    static const char *const tokens[] = {NULL, "", "wrong", "test-toke", "test-token2"};
    for (size_t i = 0; i < sizeof protected / sizeof protected[0]; i++) {
        for (size_t k = 0; k < sizeof tokens / sizeof tokens[0]; k++) {
            const char *form[] = {"action", protected[i], NULL};
            char *body = site_post(s, tokens[k], form);
            CU_ASSERT_STRING_EQUAL(body, REFUSED("没有提供合法的 Api Token") "\n");
            memory_free(body);
        }
    }
    static const char *const open[] = {"ListBrokers", "ListBrokerGroups", "ListSubjectRoutes", "QuerySubjectRoute"};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        const char *form[] = {"action", open[i], NULL};
        char *body = site_post(s, NULL, form);
        CU_ASSERT_PTR_NULL(strstr(body, "Token"));
        memory_free(body);
    }
    site_close(s);
}

#define BROKER(group, role, host, ip, serve, sync)                                                                                         \
    "{\"group\":\"" group "\",\"role\":\"" role "\",\"hostname\":\"" host "\",\"ip\":\"" ip "\",\"servePort\":" serve                      \
    ",\"syncPort\":" sync "}"

static void metaserver_60_a_broker_is_replaced(void) {
    site_t *s = site_open(NULL);
    site_sql(s, "INSERT INTO broker (group_name, hostname, ip, role, serve_port, sync_port) VALUES ('g', 'h0', 167772161, 0, 1, 2), "
                "('g', 'h1', 167772162, 1, 1, 2)");
#define REPLACE(group, role, host, ip, serve, sync)                                                                                        \
    "ReplaceBroker", "brokerGroup", group, "role", role, "hostname", host, "ip", ip, "servePort", serve, "syncPort", sync
    static const char old[] = "{\"status\":0,\"message\":\"\",\"data\":" BROKER("g", "MASTER", "h0", "10.0.0.1", "1", "2") "}";
    EXPECT(REFUSED("replace broker action failed, caused by: null"), "ReplaceBroker");
    EXPECT(REFUSED("replace broker action failed, caused by: Unknown broker role code 9"), "ReplaceBroker", "role", "9");
    EXPECT(REFUSED("should provide broker group name"), "ReplaceBroker", "role", "0", "servePort", "x");
    EXPECT(REFUSED("replace broker action failed, caused by: For input string: \\\"x\\\""), REPLACE("g", "0", "", "", "x", "2"));
    EXPECT(REFUSED("replace broker action failed, caused by: null"), "ReplaceBroker", "brokerGroup", "g", "role", "4", "servePort", "1");
    EXPECT(REFUSED("please provide broker hostname"), REPLACE("g", "0", "", "", "1", "1"));
    EXPECT(REFUSED("please provide broker ip"), REPLACE("g", "0", "h", "", "1", "1"));
    EXPECT(REFUSED("serve port and sync port should valid and should be different port"), REPLACE("g", "4", "h", "1.2.3.4", "1", "-1"));
    EXPECT(REFUSED("replace broker action failed, caused by: invalid ip bogus"), REPLACE("g", "0", "h", "bogus", "1", "2"));
    EXPECT(REFUSED("no exist broker with this broker group name and role"), REPLACE("g", "4", "h", "1.2.3.4", "1", "2"));
    EXPECT(old, REPLACE("g", "0", "h0", "10.0.0.1", "1", "2")); /* nothing changes */
    EXPECT(REFUSED("replace broker action failed, caused by: host h1 port 1 is SLAVE of brokerGroup g already; SwapBroker exchanges master "
                   "and slave of a group"),
           REPLACE("g", "0", "h1", "10.0.0.2", "1", "2"));
    EXPECT(old, REPLACE("g", "0", "h2", "10.0.0.3", "7", "8"));
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h2", 7), "g||0");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h1", 1), "g|10.0.0.3:8|1");
    site_lose_updates(s, "broker", "hostname <> ''");
    EXPECT(REFUSED("replace broker failed. retry count: 20"), REPLACE("g", "0", "h0", "10.0.0.1", "1", "2"));
    site_close(s);
}

static void master_and_slave_are_swapped(void) {
    site_t *s = site_open(NULL);
    site_sql(s, "INSERT INTO broker (group_name, hostname, ip, role, serve_port, sync_port) VALUES ('g', 'h0', 167772161, 0, 1, 2), "
                "('g', 'h1', 167772162, 1, 3, 4), ('g', 'h2', 167772163, 4, 5, -1), ('alone', 'h3', 167772164, 5, 1, 2)");
    EXPECT(REFUSED("please provide broker group name"), "SwapBroker");
    EXPECT(REFUSED("brokerGroup nobody has no master to swap"), "SwapBroker", "brokerGroup", "nobody");
    EXPECT(REFUSED("brokerGroup alone has no slave to swap"), "SwapBroker", "brokerGroup", "alone");
    EXPECT("{\"status\":0,\"message\":\"\",\"data\":[" BROKER("g", "MASTER", "h1", "10.0.0.2", "3",
                                                              "4") "," BROKER("g", "SLAVE", "h0", "10.0.0.1", "1", "2") "]}",
           "SwapBroker", "brokerGroup", "g");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h1", 3), "g||0");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h0", 1), "g|10.0.0.2:4|1");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h2", 5), "g|10.0.0.1:2|4");
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker"), 4);
    /* A swap that does not end changes nothing. */
    site_lose_updates(s, "broker", "hostname = 'h0'");
    EXPECT(REFUSED("the brokers of brokerGroup g were changed by somebody else meanwhile, nothing was swapped"), "SwapBroker",
           "brokerGroup", "g");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h1", 3), "g||0");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h0", 1), "g|10.0.0.2:4|1");
    site_close(s);
}

/* Somebody who has locked the slave's row, and wants the master's as soon as the swap has it and waits. */
typedef struct contender {
    site_t *site;
    mutex_t lock;
    condition_t changed;
    bool holds;
} contender_t;

static bool somebody_waits(void *site) {
    return site_number(site, "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = "
                             "'INNODB_ROW_LOCK_CURRENT_WAITS'") > 0;
}

static void contend(void *arg, db_session_t *session, apr_status_t status) {
    contender_t *c = arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_begin(session), APR_SUCCESS);
    for (int i = 0; i < 100; i++) /* the server undoes who has done less */
        CU_ASSERT_EQUAL(db_execute(session, "INSERT INTO leader_election (name) VALUES (UUID())", NULL, 0, NULL, NULL, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(db_execute(session, "UPDATE broker SET sync_port = 9 WHERE hostname = 'h1'", NULL, 0, NULL, NULL, NULL), APR_SUCCESS);
    mutex_lock(&c->lock);
    c->holds = true;
    condition_broadcast(&c->changed);
    mutex_unlock(&c->lock);
    CU_ASSERT_TRUE(test_wait(somebody_waits, c->site, 20));
    CU_ASSERT_EQUAL(db_execute(session, "UPDATE broker SET sync_port = 9 WHERE hostname = 'h0'", NULL, 0, NULL, NULL, NULL), APR_SUCCESS);
    db_rollback(session);
}

static void contend_in_thread(void *arg) {
    contender_t *c = arg;
    db_call(c->site->db, true, contend, c);
}

static void a_swap_that_a_deadlock_undid_is_repeated(void) {
    site_t *s = site_open(NULL);
    contender_t c = {.site = s};
    thread_t *thread = NULL;
    site_sql(s, "INSERT INTO broker (group_name, hostname, ip, role, serve_port, sync_port) VALUES ('g', 'h0', 167772161, 0, 1, 2), "
                "('g', 'h1', 167772162, 1, 3, 4)");
    if (!site_on_mysql(s)) {
        test_skip("SQLite knows no deadlock");
        site_close(s);
        return;
    }
    mutex_init(&c.lock);
    condition_init(&c.changed);
    CU_ASSERT_EQUAL_FATAL(thread_start(&thread, "contender", contend_in_thread, &c), APR_SUCCESS);
    mutex_lock(&c.lock);
    while (!c.holds) condition_wait(&c.changed, &c.lock);
    mutex_unlock(&c.lock);
    EXPECT("{\"status\":0,\"message\":\"\",\"data\":[" BROKER("g", "MASTER", "h1", "10.0.0.2", "3",
                                                              "4") "," BROKER("g", "SLAVE", "h0", "10.0.0.1", "1", "2") "]}",
           "SwapBroker", "brokerGroup", "g");
    thread_join(thread);
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "h1", 3), "g||0");
    condition_destroy(&c.changed);
    mutex_destroy(&c.lock);
    site_close(s);
}

/* A broker that notes what it is told. */
typedef struct broker {
    loops_t *loops;
    net_server_t *server;
    log_t log;
    _Atomic int code; /* it answers; -1: nothing */
    char got[200];
} broker_t;

static void take_manage(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    broker_t *b = arg;
    consume_manage_request_t r;
    (void)block;
    CU_ASSERT_TRUE(consume_manage_request_read(request->body, &r));
    CU_ASSERT_EQUAL(request->version, VERSION_8);
    CU_ASSERT_EQUAL(request->request_code, -1);
    (void)snprintf(b->got, sizeof b->got, "%.*s|%.*s|%d", VIEW_ARG(r.subject), VIEW_ARG(r.group), (int)r.where);
    if (b->code >= 0) connection_reply(c, request, (int16_t)b->code, NULL);
}

static void broker_start(broker_t *b, int16_t code) {
    static const command_t commands[] = {{REQUEST_CONSUME_MANAGE, take_manage}, {0, NULL}};
    *b = (broker_t){.code = code};
    log_init(&b->log, "broker");
    CU_ASSERT_EQUAL_FATAL(loops_start(&b->loops, "broker", 1), APR_SUCCESS);
    net_server_options_t o = {.name = "broker.port",
                              .address = "127.0.0.1",
                              .commands = commands,
                              .arg = b,
                              .max_frame = 65536,
                              .max_unsent = 65536,
                              .max_connections = 10,
                              .log = &b->log};
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(net_server_start(&b->server, b->loops, &o, &error), APR_SUCCESS);
}

static void broker_stop(broker_t *b) {
    net_server_stop_accepting(b->server);
    net_server_destroy(b->server, 1000000);
    loops_stop(b->loops);
}

static void put_group(site_t *s, const char *group, int port) {
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO broker_group (group_name, kind, master_address, broker_state) VALUES ('%s', 1, '127.0.0.1:%d', 1)", group,
                   port);
    site_sql(s, sql);
}

static void metaserver_67_68_offsets_are_reset_in_every_group(void) {
    site_t *s = site_open(NULL);
    broker_t a, b;
    broker_start(&a, RESPONSE_SUCCESS);
    broker_start(&b, RESPONSE_SUCCESS);
    put_group(s, "a", net_server_port(a.server));
    put_group(s, "b", net_server_port(b.server));
    put_group(s, "gone", 1); /* nobody listens there */
    site_sql(s, "INSERT INTO subject_route (subject_info, version, broker_group_json) VALUES ('s', 1, '[\"a\",\"b\"]'), ('t', 1, "
                "'[\"a\",\"none\"]'), ('u', 1, '[\"gone\",\"b\"]')");
    static const char number[] = REFUSED("action must 1 or 2, LATEST=1, EARLIEST=2");
    EXPECT(number, "ResetOffset", "subject", "s", "group", "c");
    EXPECT(number, "ResetOffset", "subject", "s", "group", "c", "code", "x");
    EXPECT(number, "ResetOffset", "subject", "s", "group", "c", "code", "3");
    EXPECT(REFUSED("subject and consumerGroup required"), "ResetOffset", "subject", "s", "code", "1");
    EXPECT(REFUSED("find no route"), "ResetOffset", "subject", "nobody", "group", "c", "code", "1");
    EXPECT(OK_SUCCESS, "ResetOffset", "subject", "s", "group", "c", "code", "2");
    CU_ASSERT_STRING_EQUAL(a.got, "s|c|2");
    CU_ASSERT_STRING_EQUAL(b.got, "s|c|2");
    EXPECT(OK_SUCCESS, "ResetOffset", "subject", "%RETRY%s%c", "group", "c", "code", "1");
    CU_ASSERT_STRING_EQUAL(a.got, "%RETRY%s%c|c|1");
    EXPECT(REFUSED("reset failed: brokerGroupName=none"), "ResetOffset", "subject", "t", "group", "c", "code", "1");
    EXPECT(REFUSED("reset failed: brokerGroupName=gone"), "ResetOffset", "subject", "u", "group", "c", "code", "2");
    b.code = RESPONSE_BROKER_ERROR;
    EXPECT(REFUSED("reset failed: brokerGroupName=b"), "ResetOffset", "subject", "s", "group", "c", "code", "2");
    b.code = -1; /* never answers: 2 s */
    EXPECT(REFUSED("reset failed: brokerGroupName=b"), "ResetOffset", "subject", "s", "group", "c", "code", "2");
    broker_stop(&a);
    broker_stop(&b);
    site_close(s);
}

const test_case_t change_cases[] = {TEST(metaserver_61_a_subject_is_added_once),
                                    TEST(metaserver_62_a_group_is_added_to_a_route),
                                    TEST(metaserver_63_a_group_is_removed_from_routes),
                                    TEST(metaserver_64_only_changed_routes_are_counted),
                                    TEST(query_subject_route),
                                    TEST(metaserver_65_marks_are_idempotent),
                                    TEST(tag_and_ext_of_a_group_are_set),
                                    TEST(a_mark_acts_at_once),
                                    TEST(metaserver_66_databases_are_added),
                                    TEST(metaserver_56_57_changes_need_a_token),
                                    TEST(metaserver_60_a_broker_is_replaced),
                                    TEST(master_and_slave_are_swapped),
                                    TEST(a_swap_that_a_deadlock_undid_is_repeated),
                                    TEST(metaserver_67_68_offsets_are_reset_in_every_group),
                                    TEST_END};
