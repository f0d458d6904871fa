/* BROKER_REGISTER and BROKER_ACQUIRE_META (wire-protocol.md 9, metaserver.md 6.2, 6.3, 9). */
#include "site.h"
#include "suites.h"

#include "base/memory.h"
#include "base/writer.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "protocol/broker_acquire_meta.h"
#include "protocol/broker_register.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US 1000000

static void add(site_t *s, const char *group, int role, const char *host, int ip_end) {
    char sql[300];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO broker (group_name, role, hostname, ip, serve_port, sync_port) VALUES ('%s', %d, '%s', %d, 20881, 20882)",
                   group, role, host, 167772160 + ip_end);
    site_sql(s, sql);
}

static void metaserver_36_wire_27_master_address_by_role(void) {
    site_t *s = site_open(NULL);
    add(s, "bg1", ROLE_MASTER, "m", 1);
    add(s, "bg1", ROLE_SLAVE, "s", 2);
    add(s, "bg1", ROLE_BACKUP, "b", 3);
    add(s, "d1", ROLE_DELAY_MASTER, "dm", 4);
    add(s, "d1", ROLE_DELAY_SLAVE, "ds", 5);
    add(s, "d1", ROLE_DELAY_BACKUP, "db", 6);
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "m", 20881), "bg1||0");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "s", 20881), "bg1|10.0.0.1:20882|1");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "b", 20881), "bg1|10.0.0.2:20882|4");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "dm", 20881), "d1||5");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "ds", 20881), "d1|10.0.0.4:20882|6");
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "db", 20881), "d1|10.0.0.5:20882|7");
    site_sql(s, "UPDATE broker SET role = 2 WHERE hostname = 'm'"); /* never cached */
    CU_ASSERT_STRING_EQUAL(site_acquire(s, "m", 20881), "bg1||2");
    site_close(s);
}

static void metaserver_37_wire_28_unknown_brokers_are_answered_51(void) {
    site_t *s = site_open(NULL);
    add(s, "bg1", ROLE_SLAVE, "alone", 2);
    add(s, "bg2", ROLE_BACKUP, "backup", 3);
    static const struct {
        const char *host;
        int port;
    } asked[] = {{"unknown", 20881}, {"alone", 20880}, {"ALONE", 20881}, {"", 0}, {"alone", 20881}, {"backup", 20881}, {"x", -1}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) CU_ASSERT_STRING_EQUAL(site_acquire(s, asked[i].host, asked[i].port), "51");
    site_close(s);
}

static int64_t refused(site_t *s, const char *reason) {
    metric_labels_t labels = {"reason", view_of(reason), NULL, {NULL, 0}};
    return metric_value(metrics_counter(s->metrics, "brokerAcquireMetaRefused", labels));
}

/* How often the log of this program says it. */
static size_t lines_with(const char *text) {
    char *path = memory_printf("%s/log", test_directory());
    char *log = NULL;
    size_t size = 0, count = 0;
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, (size_t)256 * 1024 * 1024, &log, &size), APR_SUCCESS);
    for (const char *p = log; (p = strstr(p, text)) != NULL; p++) count++;
    memory_free(log);
    memory_free(path);
    return count;
}

static void metaserver_37_refusals_are_counted_and_told_once_a_minute_a_host(void) {
    site_t *s = site_open(NULL);
    site_sql(s,
             "INSERT INTO broker (group_name, role, hostname, ip, serve_port, sync_port) VALUES ('g1', 0, 'refused-1', 1, 20881, 20882), "
             "('g2', 0, 'named-otherwise', 2130706433, 21000, 21001), ('g3', 1, 'refused-4', 2, 20881, 20882)");
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_STRING_EQUAL(site_acquire(s, "refused-1", 20999), "51");
        CU_ASSERT_STRING_EQUAL(site_acquire(s, "refused-2", 21000), "51");
        CU_ASSERT_STRING_EQUAL(site_acquire(s, "refused-3", 20881), "51");
        CU_ASSERT_STRING_EQUAL(site_acquire(s, "refused-4", 20881), "51");
    }
    CU_ASSERT_EQUAL(refused(s, "the port differs"), 3);
    CU_ASSERT_EQUAL(refused(s, "the host name differs"), 3);
    CU_ASSERT_EQUAL(refused(s, "it is not registered"), 3);
    CU_ASSERT_EQUAL(refused(s, "there is nobody to copy from"), 3);
    CU_ASSERT_EQUAL(lines_with("of host refused-1 port 20999 from 127.0.0.1"), 1);
    CU_ASSERT_EQUAL(lines_with("refused: the port differs: registered is host refused-1 port 20881 (group g1, MASTER)"), 1);
    CU_ASSERT_EQUAL(lines_with("refused: the host name differs: registered is host named-otherwise port 21000 (group g2, MASTER)"), 1);
    CU_ASSERT_EQUAL(lines_with("of host refused-3 port 20881"), 1);
    CU_ASSERT_EQUAL(lines_with("refused: there is nobody to copy from: it is SLAVE of group g3, which has no master"), 1);
    site_close(s);
}

static void metaserver_38_42_wire_30_online_stores_rw(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "bg1", "10.0.0.1:1", ROLE_MASTER, BROKER_NRW), 0);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "d1", "10.0.0.2:1", ROLE_DELAY_MASTER, BROKER_NRW), 0);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group WHERE group_name = 'bg1' AND kind = 1 AND broker_state = 1 AND "
                                   "master_address = '10.0.0.1:1' "
                                   "AND create_time >= '2020-01-01 00:00:00'"),
                    1);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group WHERE group_name = 'd1' AND kind = 2 AND broker_state = 1"), 1);
    static const int states[] = {BROKER_R, BROKER_W, BROKER_NRW, BROKER_RW};
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", states[i]), 0);
        CU_ASSERT_TRUE(site_wait_state(s, "bg1", states[i], 5));
    }
    site_close(s);
}

static void metaserver_39_online_keeps_the_kind(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "g", "10.0.0.1:1", ROLE_MASTER, BROKER_RW), 0);
    int64_t id = site_number(s, "SELECT id FROM broker_group");
    CU_ASSERT_EQUAL(site_heartbeat(s, "g", BROKER_R), 0);
    CU_ASSERT_TRUE(site_wait_state(s, "g", BROKER_R, 5));
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "g", "10.0.0.2:2", ROLE_DELAY_MASTER, BROKER_RW), 0);
    CU_ASSERT_EQUAL(site_number(s, "SELECT kind FROM broker_group"), 1);
    CU_ASSERT_EQUAL(site_number(s, "SELECT id FROM broker_group"), id);
    CU_ASSERT_EQUAL(site_state(s, "g"), BROKER_RW);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s").groups, "g=10.0.0.2:2/1");
    site_close(s);
}

static void metaserver_40_offline_is_seen_at_once(void) {
    static const char *const overrides[] = {"refresh.period.seconds=3600", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s").names, "bg1");
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_OFFLINE, "bg1", "10.0.0.1:20881", ROLE_MASTER, BROKER_NRW), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s").names, "");
    CU_ASSERT_EQUAL(site_state(s, "bg1"), BROKER_NRW);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_OFFLINE, "new", "10.0.0.1:20881", ROLE_MASTER, BROKER_NRW), 0);
    CU_ASSERT_EQUAL(site_state(s, "new"), BROKER_NRW);
    site_close(s);
}

static void metaserver_41_heartbeats_make_no_row(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_heartbeat(s, "nobody", BROKER_RW), 0);
    CU_ASSERT_EQUAL(site_heartbeat(s, "nobody", 77), 0);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_HEARTBEAT, "nobody", "x", 77, BROKER_RW), 0); /* the role is not looked at */
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);                                            /* the database has done what came before */
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group"), 1);
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", 77), 51);
    CU_ASSERT_EQUAL(site_state(s, "bg1"), BROKER_RW);
    site_close(s);
}

/* Heartbeats of groups that nobody knows leave room for those of brokers. */
static void strangers_leave_room_for_brokers(void) {
    static const char *const overrides[] = {"meta.server.requests.max=0", "heartbeat.timeout.ms=3600000", NULL};
    site_t *s = site_open(overrides);
    for (int i = 0; i < LIVENESS_WATCHES / 2 + 50; i++) {
        char name[30];
        (void)snprintf(name, sizeof name, "stranger%d", i);
        CU_ASSERT_EQUAL_FATAL(site_heartbeat(s, name, BROKER_NRW), 0);
    }
    CU_ASSERT_EQUAL(liveness_watched(s->m->liveness), LIVENESS_WATCHES / 2);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", BROKER_R), 0);
    CU_ASSERT_TRUE(site_wait_state(s, "bg1", BROKER_R, 20));
    site_close(s);
}

static void metaserver_44_wire_31_slaves_and_backups_change_nothing(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    static const int roles[] = {ROLE_SLAVE, ROLE_BACKUP, ROLE_DELAY_SLAVE, ROLE_DELAY_BACKUP};
    static const int types[] = {REGISTER_ONLINE, REGISTER_HEARTBEAT, REGISTER_OFFLINE, 9};
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 4; k++) {
            CU_ASSERT_EQUAL(site_broker(s, types[k], "bg1", "10.9.9.9:1", roles[i], BROKER_NRW), 0);
            CU_ASSERT_EQUAL(site_broker(s, types[k], "new", "10.9.9.9:1", roles[i], BROKER_NRW), 0);
        }
    }
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group"), 2);
    CU_ASSERT_EQUAL(
        site_number(
            s, "SELECT COUNT(*) FROM broker_group WHERE group_name = 'bg1' AND broker_state = 1 AND master_address = '10.0.0.1:20881'"),
        1);
    site_close(s);
}

static void metaserver_45_impossible_requests_are_answered_51(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_broker(s, 7, "bg1", "10.0.0.1:1", ROLE_MASTER, BROKER_RW), 51);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "bg1", "10.0.0.1:1", 77, BROKER_RW), 51);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_OFFLINE, "bg1", "10.0.0.1:1", -1, BROKER_RW), 51);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "a-group-name-of-31-characters-xx", "10.0.0.1:1", ROLE_MASTER, BROKER_RW), 51);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "bg1", "an.address.of.more.than.25:1", ROLE_MASTER, BROKER_RW), 51);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "", "10.0.0.1:1", ROLE_MASTER, BROKER_RW), 51);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM broker_group"), 0);
    site_close(s);
}

static void metaserver_47_unknown_codes_are_answered_3(void) {
    site_t *s = site_open(NULL);
    static const int16_t codes[] = {10, 24, 26, 27, 50, 51, 99, 100};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        wire_answer_t a;
        CU_ASSERT_TRUE_FATAL(wire_client_send(s->wire, codes[i], 9, (int32_t)i, 0, view_make(NULL, 0)));
        CU_ASSERT_TRUE_FATAL(wire_client_receive(s->wire, &a, 10));
        CU_ASSERT_EQUAL(a.frame.code, 3);
        CU_ASSERT_EQUAL(a.frame.body.size, 0);
        memory_free(a.bytes);
    }
    site_close(s);
}

static const char *const quick[] = {"heartbeat.timeout.ms=600", NULL};

static int64_t disconnects(site_t *s, const char *group) {
    metric_labels_t labels = {"groupName", view_of(group), NULL, {NULL, 0}};
    return metric_value(metrics_counter(s->metrics, "brokerDisconnectedCount", labels));
}

static void metaserver_43_wire_29_silence_turns_nrw_and_back(void) {
    site_t *s = site_open(quick);
    int64_t began = clock_mono_us();
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "d1", "10.0.0.2:1", ROLE_DELAY_MASTER, BROKER_RW), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s").names, "bg1");
    CU_ASSERT_TRUE(site_wait_state(s, "bg1", BROKER_NRW, 10));
    CU_ASSERT_TRUE(clock_mono_us() - began >= 600000);
    CU_ASSERT_TRUE(site_wait_state(s, "d1", BROKER_NRW, 10));
    CU_ASSERT_TRUE(site_wait_names(s, "s", ""));
    CU_ASSERT_EQUAL(disconnects(s, "bg1"), 1);
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", BROKER_RW), 0); /* a heartbeat restores it */
    CU_ASSERT_TRUE(site_wait_state(s, "bg1", BROKER_RW, 5));
    CU_ASSERT_TRUE(site_wait_state(s, "bg1", BROKER_NRW, 10));
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0); /* so does ONLINE */
    CU_ASSERT_EQUAL(site_state(s, "bg1"), BROKER_RW);
    CU_ASSERT_EQUAL(disconnects(s, "bg1"), 2);
    site_close(s);
}

static void heartbeats_keep_a_group_alive(void) {
    site_t *s = site_open(quick);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    for (int64_t end = clock_mono_us() + 2 * SECOND_US; clock_mono_us() < end;) {
        CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", BROKER_RW), 0);
        CU_ASSERT_EQUAL(site_state(s, "bg1"), BROKER_RW);
    }
    CU_ASSERT_EQUAL(disconnects(s, "bg1"), 0);
    site_close(s);
}

static bool has_passed(void *arg) {
    return clock_mono_us() >= *(int64_t *)arg;
}

static void metaserver_46_offline_cancels_the_timer(void) {
    site_t *s = site_open(quick);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_OFFLINE, "bg1", "10.0.0.1:20881", ROLE_MASTER, BROKER_NRW), 0);
    site_sql(s, "UPDATE broker_group SET broker_state = 1"); /* on line at another metaserver */
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    CU_ASSERT_TRUE(site_wait_state(s, "bg2", BROKER_NRW, 10)); /* its timer was armed later */
    CU_ASSERT_EQUAL(site_state(s, "bg1"), BROKER_RW);
    CU_ASSERT_EQUAL(disconnects(s, "bg1"), 0);
    CU_ASSERT_EQUAL(liveness_watched(s->m->liveness), 0);
    site_close(s);
}

/* The broker was restarted and registered at another metaserver: this one must not declare it silent. */
static void metaserver_04_06_heartbeat_timeout_acts_at_the_next_heartbeat(void) {
    site_t *s = site_open(NULL); /* 30 s */
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    site_reconfigure(s, "heartbeat.timeout.ms=500\n");
    site_reconfigure(s, "heartbeat.timeout.ms=soon\n"); /* the last good value stays in force */
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", BROKER_RW), 0);
    CU_ASSERT_TRUE(site_wait_state(s, "bg1", BROKER_NRW, 20));
    site_close(s);
}

static void a_group_that_somebody_else_changed_is_left_alone(void) {
    static const char *const slow[] = {"heartbeat.timeout.ms=6000", NULL};
    site_t *s = site_open(slow);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    int64_t later = clock_mono_us() + 4 * SECOND_US; /* two seconds before the time-out, three after what counts as old */
    CU_ASSERT_TRUE(test_wait(has_passed, &later, 10));
    site_sql(s, "UPDATE broker_group SET master_address = '10.0.0.7:1' WHERE group_name = 'bg1'");
    CU_ASSERT_TRUE(site_wait_state(s, "bg2", BROKER_NRW, 10));
    CU_ASSERT_EQUAL(site_state(s, "bg1"), BROKER_RW);
    site_close(s);
}

/* A heartbeat is answered at once, ONLINE after its commit: the answers keep the requests' order all the same. */
static void answers_of_a_connection_keep_their_order(void) {
    site_t *s = site_open(NULL);
    writer_t w;
    writer_init(&w, 4096);
    enum { REQUESTS = 300 };
    for (int i = 0; i < REQUESTS; i++) {
        uint8_t body[128], head[FRAME_HEAD];
        writer_t b;
        writer_init_fixed(&b, body, sizeof body);
        char group[16];
        (void)snprintf(group, sizeof group, "bg%d", i % 50);
        broker_register_request_t r = {i % 3 == 0 ? REGISTER_ONLINE : REGISTER_HEARTBEAT, view_of(group), view_of("10.0.0.1:1"),
                                       ROLE_MASTER, BROKER_RW};
        broker_acquire_meta_request_t q = {view_of("h"), 1};
        bool acquires = i % 5 == 0;
        if (acquires)
            broker_acquire_meta_request_write(&b, &q);
        else
            broker_register_request_write(&b, &r);
        frame_write_head(head, acquires ? REQUEST_BROKER_ACQUIRE_META : REQUEST_BROKER_REGISTER, 8, i, 0, -1, b.used);
        writer_bytes(&w, head, sizeof head);
        writer_bytes(&w, body, b.used);
    }
    CU_ASSERT_TRUE_FATAL(wire_client_send_bytes(s->wire, w.data, w.used));
    writer_free(&w);
    for (int i = 0; i < REQUESTS; i++) {
        wire_answer_t a;
        CU_ASSERT_TRUE_FATAL(wire_client_receive(s->wire, &a, 10));
        CU_ASSERT_EQUAL(a.frame.opaque, i);
        CU_ASSERT_EQUAL(a.frame.code, i % 5 == 0 ? 51 : 0);
        CU_ASSERT_EQUAL(a.frame.version, 8);
        memory_free(a.bytes);
    }
    site_close(s);
}

/* One-way: no answer when all is well, an error is told (metaserver.md 6). */
static void one_way_requests_are_answered_only_with_errors(void) {
    site_t *s = site_open(NULL);
    broker_register_request_t good = {REGISTER_HEARTBEAT, view_of("bg1"), view_of("10.0.0.1:1"), ROLE_MASTER, BROKER_RW};
    broker_register_request_t bad = good;
    bad.request_type = 7;
    const broker_register_request_t *both[] = {&good, &bad};
    for (int i = 0; i < 2; i++) {
        uint8_t body[128];
        writer_t b;
        writer_init_fixed(&b, body, sizeof body);
        broker_register_request_write(&b, both[i]);
        CU_ASSERT_TRUE(wire_client_send(s->wire, REQUEST_BROKER_REGISTER, 8, i, FRAME_FLAG_ONEWAY, writer_view(&b)));
    }
    wire_answer_t a;
    CU_ASSERT_TRUE_FATAL(wire_client_receive(s->wire, &a, 10));
    CU_ASSERT_EQUAL(a.frame.opaque, 1);
    CU_ASSERT_EQUAL(a.frame.code, 51);
    memory_free(a.bytes);
    site_close(s);
}

/* Answers that wait belong to a connection that is gone before they come. */
static void a_connection_may_go_while_its_answers_wait(void) {
    site_t *s = site_open(NULL);
    for (int round = 0; round < 20; round++) {
        wire_client_t *w = wire_client_open(metaserver_tcp_port(s->m));
        CU_ASSERT_PTR_NOT_NULL_FATAL(w);
        for (int i = 0; i < 10; i++) {
            uint8_t body[128];
            writer_t b;
            writer_init_fixed(&b, body, sizeof body);
            broker_register_request_t r = {REGISTER_ONLINE, view_of("bg1"), view_of("10.0.0.1:1"), ROLE_MASTER, BROKER_RW};
            broker_register_request_write(&b, &r);
            CU_ASSERT_TRUE(wire_client_send(w, REQUEST_BROKER_REGISTER, 8, i, 0, writer_view(&b)));
        }
        wire_client_close(w);
    }
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
    site_close(s);
}

/* They were on line when a metaserver stopped; only one of them still answers at its address when it starts again. */
static void groups_that_died_meanwhile_go_off_line(void) {
    site_t *s = site_open(quick);
    site_t *other = site_open(NULL); /* something that answers frames */
    char rows[400];
    (void)snprintf(rows, sizeof rows,
                   "INSERT INTO broker_group (group_name, kind, broker_state, master_address) VALUES ('dead', 1, 1, '127.0.0.1:1'), "
                   "('gone', 2, 2, 'nowhere'), ('alive', 1, 1, '127.0.0.1:%d')",
                   metaserver_tcp_port(other->m));
    site_sql(s, rows);
    int64_t began = clock_mono_us();
    site_restart(s);
    CU_ASSERT_TRUE(site_wait_state(s, "dead", BROKER_NRW, 20));
    CU_ASSERT_TRUE(clock_mono_us() - began >= 1200000); /* two time-outs */
    CU_ASSERT_TRUE(site_wait_state(s, "gone", BROKER_NRW, 20));
    CU_ASSERT_EQUAL(site_state(s, "alive"), BROKER_RW);
    CU_ASSERT_EQUAL(disconnects(s, "dead"), 1);
    site_close(other);
    site_close(s);
}

/* What costs a query counts as many requests: who asks for it again and again is read later, and answered all the same. */
static void who_asks_too_much_is_answered_later(void) {
    static const char *const overrides[] = {"meta.server.requests.max=100", NULL};
    site_t *s = site_open(overrides);
    int64_t began = clock_mono_us();
    for (int i = 0; i < 5; i++) CU_ASSERT_STRING_EQUAL(site_acquire(s, "nobody", 1), "51");
    CU_ASSERT_TRUE(clock_mono_us() - began >= 900000);
    site_close(s);
}

const test_case_t broker_cases[] = {TEST(who_asks_too_much_is_answered_later),
                                    TEST(metaserver_36_wire_27_master_address_by_role),
                                    TEST(metaserver_37_wire_28_unknown_brokers_are_answered_51),
                                    TEST(metaserver_37_refusals_are_counted_and_told_once_a_minute_a_host),
                                    TEST(metaserver_38_42_wire_30_online_stores_rw),
                                    TEST(metaserver_39_online_keeps_the_kind),
                                    TEST(metaserver_40_offline_is_seen_at_once),
                                    TEST(metaserver_41_heartbeats_make_no_row),
                                    TEST(strangers_leave_room_for_brokers),
                                    TEST(metaserver_44_wire_31_slaves_and_backups_change_nothing),
                                    TEST(metaserver_45_impossible_requests_are_answered_51),
                                    TEST(metaserver_47_unknown_codes_are_answered_3),
                                    TEST(metaserver_43_wire_29_silence_turns_nrw_and_back),
                                    TEST(heartbeats_keep_a_group_alive),
                                    TEST(metaserver_04_06_heartbeat_timeout_acts_at_the_next_heartbeat),
                                    TEST(groups_that_died_meanwhile_go_off_line),
                                    TEST(metaserver_46_offline_cancels_the_timer),
                                    TEST(a_group_that_somebody_else_changed_is_left_alone),
                                    TEST(answers_of_a_connection_keep_their_order),
                                    TEST(one_way_requests_are_answered_only_with_errors),
                                    TEST(a_connection_may_go_while_its_answers_wait),
                                    TEST_END};
