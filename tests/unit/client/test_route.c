#include "base/memory.h"
#include "client/client.h"
#include "fake.h"
#include "portability/clock.h"
#include "protocol/client_register.h"
#include "protocol/codes.h"
#include "suites.h"

/* A route used from the test's thread through the loop. */
typedef struct use {
    qmq_client_t *client;
    route_t *route;
    int type;
    const char *subject;
    const char *group;
    size_t count;
    bool online;
    bool answered;
    char first[32];
} use_t;

static void acquire(void *arg) {
    use_t *u = arg;
    u->route = route_acquire(u->client, u->type, u->subject, u->group);
}

static void release(void *arg) {
    route_release(((use_t *)arg)->route);
}

static void refresh(void *arg) {
    route_refresh(((use_t *)arg)->route);
}

static void look(void *arg) {
    use_t *u = arg;
    u->count = u->route->count;
    u->online = u->route->online;
    u->answered = u->route->answered;
    if (u->count > 0) memcpy(u->first, u->route->groups[0]->name, strlen(u->route->groups[0]->name) + 1);
}

static bool is_answered(void *arg) {
    use_t *u = arg;
    client_call(u->client, look, u);
    return u->answered;
}

static bool has_groups(void *arg) {
    use_t *u = arg;
    client_call(u->client, look, u);
    return u->count > 0;
}

static bool is_offline(void *arg) {
    use_t *u = arg;
    client_call(u->client, look, u);
    return !u->online;
}

static bool has_none(void *arg) {
    return !has_groups(arg);
}

static use_t begin(qmq_client_t *c, int type, const char *subject, const char *group) {
    use_t u = {.client = c, .type = type, .subject = subject, .group = group};
    client_call(c, acquire, &u);
    return u;
}

static void end(use_t *u) {
    client_call(u->client, release, u);
    qmq_client_destroy(u->client);
}

/* The value of a key as it was sent; data NULL when the key is absent. */
static view_t value_of(const fake_request_t *r, const char *key) {
    cursor_t c = cursor_make(r->body, r->size);
    for (int16_t left = cursor_i16(&c); left > 0; left--) {
        view_t name = cursor_str(&c);
        view_t value = cursor_str(&c);
        if (!c.failed && view_equal(name, view_of(key))) return value;
    }
    return view_make(NULL, 0);
}

static void client_04_data_centre(void) {
    static const struct {
        const char *ldc;
        const char *sent;
    } cases[] = {{NULL, NULL}, {"", NULL}, {" \t", NULL}, {"cn1", "cn1"}};
    fake_t f;
    fake_start(&f, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        qmq_client_options_t o;
        fake_request_t r;
        qmq_client_options_init(&o);
        o.metaserver = f.metaserver;
        o.ldc = cases[i].ldc;
        qmq_client_t *c = qmq_client_create(&o, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(c);
        use_t u = begin(c, CLIENT_PRODUCER, "s", "");
        CU_ASSERT(test_wait(has_groups, &u, FAKE_PATIENCE));
        CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_CLIENT_REGISTER, i, &r));
        view_t sent = value_of(&r, "clientLDC");
        CU_ASSERT_EQUAL(sent.data != NULL, cases[i].sent != NULL);
        if (cases[i].sent != NULL) CU_ASSERT(view_equal(sent, view_of(cases[i].sent)));
        end(&u);
    }
    fake_stop(&f);
}

static void client_01_03_04_registration(void) {
    fake_t f;
    fake_request_t r;
    client_register_request_t q;
    fake_start(&f, 1);
    use_t u = begin(fake_client(&f), CLIENT_PRODUCER, "order.changed", "");
    CU_ASSERT(test_wait(has_groups, &u, FAKE_PATIENCE));
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_CLIENT_REGISTER, 0, &r));
    CU_ASSERT_EQUAL(r.version, 9);
    CU_ASSERT_FATAL(client_register_request_read(view_make(r.body, r.size), &q));
    CU_ASSERT_EQUAL(q.request_type, CLIENT_ONLINE);
    CU_ASSERT_EQUAL(q.client_type, CLIENT_PRODUCER);
    CU_ASSERT(view_equal(q.subject, view_of("order.changed")));
    CU_ASSERT(view_equal(q.app_code, view_of("unit_app")));
    CU_ASSERT(view_equal(q.client_id, view_of("host1@@unit")));
    CU_ASSERT_EQUAL(q.consumer_group.size, 0);
    cursor_t c = cursor_make(r.body, r.size);
    CU_ASSERT_EQUAL(cursor_i16(&c), 6); /* pairs: no clientLDC */
    CU_ASSERT(view_equal(value_of(&r, "requestType"), view_of("1")));
    CU_ASSERT(view_equal(value_of(&r, "clientTypeCode"), view_of("1")));
    CU_ASSERT_PTR_NOT_NULL(value_of(&r, "consumerGroup").data); /* there, and empty */
    client_call(u.client, refresh, &u);
    CU_ASSERT(fake_wait_count(&f, REQUEST_CLIENT_REGISTER, 2)); /* a second after the first, at the earliest */
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_CLIENT_REGISTER, 1, &r));
    CU_ASSERT_FATAL(client_register_request_read(view_make(r.body, r.size), &q));
    CU_ASSERT_EQUAL(q.request_type, CLIENT_HEARTBEAT);
    end(&u);
    fake_stop(&f);
}

/* The HTTP port answers 500, then works. */
static void client_05_06_metaserver_comes_later(void) {
    fake_t f;
    fake_start(&f, 1);
    f.http_status = 500;
    use_t u = begin(fake_client(&f), CLIENT_CONSUMER, "s", "g");
    use_t retry = {.client = u.client, .type = CLIENT_CONSUMER, .subject = "%RETRY%s%g", .group = "g"};
    client_call(u.client, acquire, &retry);
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_CLIENT_REGISTER, -1), 0);
    fake_lock(&f);
    f.http_status = 200;
    fake_unlock(&f);
    CU_ASSERT(test_wait(has_groups, &u, FAKE_PATIENCE));
    CU_ASSERT(test_wait(has_groups, &retry, FAKE_PATIENCE));
    client_call(u.client, release, &retry);
    end(&u);
    fake_stop(&f);
}

static bool is_past(void *arg) {
    return clock_mono_us() > *(int64_t *)arg;
}

/* Nobody listens on the port yet; the client was made all the same. */
static void client_05_nobody_listens_at_first(void) {
    fake_t f;
    fake_start(&f, 1);
    fake_close_http(&f);
    use_t u = begin(fake_client(&f), CLIENT_CONSUMER, "s", "g");
    use_t retry = {.client = u.client, .type = CLIENT_CONSUMER, .subject = "%RETRY%s%g", .group = "g"};
    client_call(u.client, acquire, &retry);
    int64_t later = clock_mono_us() + 1500000; /* more than one try */
    CU_ASSERT(test_wait(is_past, &later, FAKE_PATIENCE));
    CU_ASSERT_FALSE(has_groups(&u));
    fake_open_http(&f);
    CU_ASSERT(test_wait(has_groups, &u, FAKE_PATIENCE));
    CU_ASSERT(test_wait(has_groups, &retry, FAKE_PATIENCE));
    client_call(u.client, release, &retry);
    end(&u);
    fake_stop(&f);
}

/* The first registrations are lost. */
static void client_05_lost_registration_is_sent_again(void) {
    fake_t f;
    fake_request_t r;
    client_register_request_t q;
    fake_start(&f, 1);
    f.refuse_request = REQUEST_CLIENT_REGISTER;
    f.refuse_code = RESPONSE_BROKER_ERROR;
    f.refuse_times = 2;
    use_t u = begin(fake_client(&f), CLIENT_PRODUCER, "s", "");
    CU_ASSERT(test_wait(has_groups, &u, FAKE_PATIENCE));
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_CLIENT_REGISTER, 2, &r));
    CU_ASSERT_FATAL(client_register_request_read(view_make(r.body, r.size), &q));
    CU_ASSERT_EQUAL(q.request_type, CLIENT_ONLINE); /* until the first answer */
    end(&u);
    fake_stop(&f);
}

static void set_state(fake_t *f, int64_t timestamp, int8_t on_offline) {
    fake_lock(f);
    f->timestamp = timestamp;
    f->on_offline = on_offline;
    fake_unlock(f);
}

static bool is_online_with_groups(void *arg) {
    return has_groups(arg) && ((use_t *)arg)->online;
}

static void client_07_08_wire_25_stale_answers(void) {
    fake_t f;
    fake_start(&f, 1);
    use_t u = begin(fake_client(&f), CLIENT_CONSUMER, "s", "g");
    CU_ASSERT(test_wait(is_online_with_groups, &u, FAKE_PATIENCE));
    set_state(&f, 999, STATE_OFFLINE); /* older than what was seen */
    client_call(u.client, refresh, &u);
    CU_ASSERT(fake_wait_count(&f, REQUEST_CLIENT_REGISTER, 2));
    CU_ASSERT(test_wait(is_online_with_groups, &u, FAKE_PATIENCE));
    set_state(&f, -2, STATE_OFFLINE); /* a refusal: no groups, no switch */
    client_call(u.client, refresh, &u);
    CU_ASSERT(fake_wait_count(&f, REQUEST_CLIENT_REGISTER, 3));
    CU_ASSERT(test_wait(has_none, &u, FAKE_PATIENCE)); /* the refusal has been read */
    CU_ASSERT(u.online);
    set_state(&f, 1001, STATE_OFFLINE);
    CU_ASSERT(test_wait(is_offline, &u, FAKE_PATIENCE));
    end(&u);
    fake_stop(&f);
}

static void client_09_wire_26_usable_states(void) {
    static const struct {
        int type;
        int8_t state;
        bool usable;
    } cases[] = {{CLIENT_PRODUCER, BROKER_RW, true},   {CLIENT_PRODUCER, BROKER_R, false},  {CLIENT_PRODUCER, BROKER_W, true},
                 {CLIENT_PRODUCER, BROKER_NRW, false}, {CLIENT_CONSUMER, BROKER_RW, true},  {CLIENT_CONSUMER, BROKER_R, true},
                 {CLIENT_CONSUMER, BROKER_W, false},   {CLIENT_CONSUMER, BROKER_NRW, false}};
    fake_t f;
    fake_start(&f, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f.state[0] = cases[i].state;
        use_t u = begin(fake_client(&f), cases[i].type, "s", cases[i].type == CLIENT_CONSUMER ? "g" : "");
        CU_ASSERT(test_wait(is_answered, &u, FAKE_PATIENCE));
        CU_ASSERT_EQUAL(u.count > 0, cases[i].usable);
        end(&u);
    }
    fake_stop(&f);
}

static void client_10_wire_25_empty_list_leaves_a_producers_groups(void) {
    fake_t f;
    fake_start(&f, 1);
    use_t producer = begin(fake_client(&f), CLIENT_PRODUCER, "s", "");
    use_t consumer = {.client = producer.client, .type = CLIENT_CONSUMER, .subject = "s", .group = "g"};
    client_call(producer.client, acquire, &consumer);
    CU_ASSERT(test_wait(has_groups, &producer, FAKE_PATIENCE));
    CU_ASSERT(test_wait(has_groups, &consumer, FAKE_PATIENCE));
    fake_lock(&f);
    f.broker_count = 0;
    fake_unlock(&f);
    client_call(producer.client, refresh, &producer);
    client_call(producer.client, refresh, &consumer);
    CU_ASSERT(fake_wait_count(&f, REQUEST_CLIENT_REGISTER, 4));
    CU_ASSERT(test_wait(has_none, &consumer, FAKE_PATIENCE));
    CU_ASSERT(has_groups(&producer));
    client_call(producer.client, release, &consumer);
    end(&producer);
    fake_stop(&f);
}

const test_case_t route_cases[] = {
    TEST(client_01_03_04_registration),
    TEST(client_04_data_centre),
    TEST(client_05_06_metaserver_comes_later),
    TEST(client_05_nobody_listens_at_first),
    TEST(client_05_lost_registration_is_sent_again),
    TEST(client_07_08_wire_25_stale_answers),
    TEST(client_09_wire_26_usable_states),
    TEST(client_10_wire_25_empty_list_leaves_a_producers_groups),
    TEST_END,
};
