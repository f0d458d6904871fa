/* The database cannot be written for a while (metaserver.md 14, decisions 2 and 21): here somebody else holds SQLite's write lock. */
#include "site.h"
#include "suites.h"

#include "base/memory.h"
#include "portability/clock.h"
#include "portability/thread.h"
#include "protocol/broker_register.h"
#include "protocol/client_register.h"

#include <stdio.h>

/* Somebody who holds the lock until told to let go. */
typedef struct holder {
    site_t *site;
    thread_t *thread;
    mutex_t lock;
    condition_t changed;
    bool holds;
    bool let_go;
} holder_t;

static void hold(void *arg, db_session_t *session, apr_status_t status) {
    holder_t *h = arg;
    bool mysql = site_on_mysql(h->site);
    const char *begin = mysql ? "FLUSH TABLES WITH READ LOCK" : "BEGIN IMMEDIATE", *end = mysql ? "UNLOCK TABLES" : "COMMIT";
    bool begun = status == APR_SUCCESS && session != NULL && db_execute_script(session, begin) == APR_SUCCESS;
    CU_ASSERT_TRUE(begun);
    mutex_lock(&h->lock);
    h->holds = true;
    condition_broadcast(&h->changed);
    while (!h->let_go) condition_wait(&h->changed, &h->lock);
    mutex_unlock(&h->lock);
    if (begun) CU_ASSERT_EQUAL(db_execute_script(session, end), APR_SUCCESS);
}

static void hold_in_thread(void *arg) {
    holder_t *h = arg;
    db_call(h->site->db, true, hold, h);
}

static void hold_begin(holder_t *h, site_t *s) {
    *h = (holder_t){.site = s};
    mutex_init(&h->lock);
    condition_init(&h->changed);
    CU_ASSERT_EQUAL_FATAL(thread_start(&h->thread, "holder", hold_in_thread, h), APR_SUCCESS);
    mutex_lock(&h->lock);
    while (!h->holds) condition_wait(&h->changed, &h->lock);
    mutex_unlock(&h->lock);
}

static void hold_end(holder_t *h) {
    mutex_lock(&h->lock);
    h->let_go = true;
    condition_broadcast(&h->changed);
    mutex_unlock(&h->lock);
    thread_join(h->thread);
    condition_destroy(&h->changed);
    mutex_destroy(&h->lock);
}

static bool has_row(void *arg) {
    return site_number(arg, "SELECT COUNT(*) FROM client_meta_info WHERE client_id = 'during'") == 1;
}

static void metaserver_70_71_known_subjects_keep_their_groups(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_STRING_EQUAL(site_register(s, "s1").names, "bg1"); /* a single-group site */
    holder_t h;
    hold_begin(&h, s);
    int64_t began = clock_mono_us();
    site_route_t r = site_register(s, "s1");
    CU_ASSERT_STRING_EQUAL(r.names, "bg1");
    CU_ASSERT_TRUE(r.timestamp > 0);
    CU_ASSERT_STRING_EQUAL(site_register_as(s, "s1", CLIENT_CONSUMER, CLIENT_ONLINE, "g1", "during").names, "bg1");
    CU_ASSERT_TRUE(clock_mono_us() - began < 2000000);
    hold_end(&h);
    CU_ASSERT_TRUE(test_wait(has_row, s, 20)); /* the row comes later */
    site_close(s);
}

static void metaserver_72_heartbeats_are_answered_and_states_catch_up(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_broker(s, REGISTER_ONLINE, "d1", "10.0.0.2:1", ROLE_DELAY_MASTER, BROKER_RW), 0);
    holder_t h;
    hold_begin(&h, s);
    int64_t began = clock_mono_us();
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", BROKER_R), 0);
    CU_ASSERT_EQUAL(site_heartbeat(s, "d1", BROKER_NRW), 0);
    CU_ASSERT_EQUAL(site_heartbeat(s, "bg1", BROKER_W), 0); /* newer word */
    CU_ASSERT_TRUE(clock_mono_us() - began < 1000000);
    hold_end(&h);
    CU_ASSERT_TRUE(site_wait_state(s, "bg1", BROKER_W, 20));
    CU_ASSERT_TRUE(site_wait_state(s, "d1", BROKER_NRW, 20));
    site_close(s);
}

static void online_is_answered_51_within_two_seconds_and_unknown_subjects_fail_clean(void) {
    static const char *const overrides[] = {"refresh.period.seconds=1", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    holder_t h;
    hold_begin(&h, s);
    int64_t began = clock_mono_us();
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 51);
    int64_t took = clock_mono_us() - began;
    CU_ASSERT_TRUE(took >= 1700000 && took < 2500000);
    site_route_t r = site_register(s, "unknown"); /* after the database's own patience */
    CU_ASSERT_EQUAL(r.timestamp, -2);
    CU_ASSERT_EQUAL(r.on_offline, STATE_OFFLINE);
    CU_ASSERT_EQUAL(r.count, 0);
    hold_end(&h);
    CU_ASSERT_TRUE(site_wait_names(s, "unknown", "bg1"));
    site_close(s);
}

static void metaserver_73_pending_nrw_is_written_when_the_database_is_back(void) {
    static const char *const overrides[] = {"heartbeat.timeout.ms=300", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    holder_t h;
    hold_begin(&h, s);
    int64_t until = clock_mono_us() + 6500000; /* longer than the database's own patience: the write has failed once */
    while (clock_mono_us() < until) thread_sleep_us(50000);
    hold_end(&h);
    CU_ASSERT_TRUE(site_wait_state(s, "bg1", BROKER_NRW, 20));
    site_close(s);
}

static void stopping_answers_what_waits(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    for (int i = 0; i < 200; i++) {
        char subject[32];
        (void)snprintf(subject, sizeof subject, "stop.%d", i);
        writer_t w;
        client_register_request_t r = {.subject = view_of(subject), .client_type = 2, .request_type = 1, .client_id = view_of("c")};
        writer_init(&w, 128);
        client_register_request_write(&w, &r);
        CU_ASSERT_TRUE(wire_client_send(s->wire, REQUEST_CLIENT_REGISTER, 9, i, 0, writer_view(&w)));
        writer_free(&w);
    }
    site_close(s); /* the sanitizers say whether anything is left */
}

/* A peer that goes on while the server closes. */
typedef struct hammer {
    site_t *site;
    int tcp;
    int http;
    _Atomic bool stop;
    _Atomic int rounds;
} hammer_t;

static void hammer_tcp(void *arg) {
    hammer_t *h = arg;
    wire_client_t *w = wire_client_open(h->tcp);
    for (int i = 0; w != NULL && !h->stop; i++) {
        char subject[32];
        (void)snprintf(subject, sizeof subject, "hammer.%d", i);
        client_register_request_t r = {.subject = view_of(subject), .client_type = 2, .request_type = 1, .client_id = view_of("c")};
        broker_register_request_t b = {REGISTER_ONLINE, view_of("bg1"), view_of("10.0.0.1:1"), ROLE_MASTER, BROKER_RW};
        writer_t body;
        writer_init(&body, 128);
        if (i % 2 == 0)
            client_register_request_write(&body, &r);
        else
            broker_register_request_write(&body, &b);
        wire_answer_t a;
        bool good = wire_client_send(w, i % 2 == 0 ? REQUEST_CLIENT_REGISTER : REQUEST_BROKER_REGISTER, 9, i, 0, writer_view(&body)) &&
                    (i % 8 != 0 || wire_client_receive(w, &a, 5));
        if (good && i % 8 == 0) memory_free(a.bytes);
        writer_free(&body);
        h->rounds++;
        if (!good) break;
    }
    wire_client_close(w);
}

static void hammer_http(void *arg) {
    hammer_t *h = arg;
    static const char *const form[] = {"action", "ListSubjectRoutes", NULL};
    for (int i = 0; !h->stop; i++) {
        char *url = memory_printf("http://127.0.0.1:%d/%s", h->http, i % 2 == 0 ? "health" : "management");
        http_call_t call = {.url = url, .method = i % 2 == 0 ? "GET" : "POST", .form = i % 2 == 0 ? NULL : form};
        http_answer_t answer;
        bool good = http_fetch(&call, &answer, NULL) == APR_SUCCESS;
        if (good) http_answer_free(&answer);
        memory_free(url);
        h->rounds++;
        if (!good) break;
    }
}

static bool is_under_way(void *arg) {
    return ((hammer_t *)arg)->rounds > 200;
}

static void closing_under_load(void) {
    static const char *const overrides[] = {"io.loops=2", NULL};
    for (int round = 0; round < 5; round++) {
        site_t *s = site_open(overrides);
        CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
        hammer_t h = {.site = s, .tcp = metaserver_tcp_port(s->m), .http = metaserver_http_port(s->m)};
        thread_t *threads[3];
        for (int i = 0; i < 3; i++)
            CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], "hammer", i == 0 ? hammer_http : hammer_tcp, &h), APR_SUCCESS);
        CU_ASSERT_TRUE(test_wait(is_under_way, &h, 10));
        site_close(s);
        h.stop = true;
        for (int i = 0; i < 3; i++) thread_join(threads[i]);
    }
}

const test_case_t trouble_cases[] = {TEST(metaserver_70_71_known_subjects_keep_their_groups),
                                     TEST(metaserver_72_heartbeats_are_answered_and_states_catch_up),
                                     TEST(online_is_answered_51_within_two_seconds_and_unknown_subjects_fail_clean),
                                     TEST(metaserver_73_pending_nrw_is_written_when_the_database_is_back),
                                     TEST(stopping_answers_what_waits),
                                     TEST(closing_under_load),
                                     TEST_END};
