#include "fake.h"

#include "base/memory.h"
#include "portability/clock.h"
#include "protocol/ack.h"
#include "protocol/client_register.h"
#include "protocol/codes.h"
#include "protocol/pull.h"
#include "protocol/send.h"

#include <stdio.h>

typedef struct fake_message {
    uint8_t *payload;
    size_t size;
} fake_message_t;

/* One subject at one broker, and one group's position in it. */
struct fake_subject {
    fake_subject_t *next;
    int broker;
    char *name;
    fake_message_t *messages;
    size_t count;
    size_t handed; /* to the one group a test uses */
    size_t held;   /* pulls now, and at most */
    size_t most_held;
};

struct fake_parked {
    fake_parked_t *next;
    reply_to_t reply;
    fake_subject_t *subject;
    int wanted;
    int64_t last;
};

void fake_lock(fake_t *f) {
    mutex_lock(&f->lock);
}

void fake_unlock(fake_t *f) {
    mutex_unlock(&f->lock);
}

static void record(fake_t *f, int broker, const connection_t *c, const frame_t *request) {
    if (f->request_count == f->request_capacity) {
        f->request_capacity = f->request_capacity == 0 ? 64 : f->request_capacity * 2;
        f->requests = memory_realloc(f->requests, f->request_capacity * sizeof *f->requests);
    }
    fake_request_t *r = &f->requests[f->request_count++];
    r->code = request->code;
    r->version = request->version;
    r->broker = broker;
    r->at_us = clock_mono_us();
    (void)snprintf(r->peer, sizeof r->peer, "%s", connection_peer(c));
    r->size = request->body.size;
    r->body = memory_dup(request->body.data, request->body.size);
}

static bool speak_nonsense(fake_t *f, connection_t *c) {
    static const char nonsense[] = "HTTP/1.1 400 Bad Request\r\nConnection: keep-alive\r\n\r\n";
    if (f->nonsense_times == 0) return false;
    f->nonsense_times--;
    chain_t bytes;
    chain_init(&bytes);
    chain_append_copy(&bytes, nonsense, sizeof nonsense - 1);
    connection_send(c, &bytes);
    return true;
}

static void send_stray(fake_t *f, connection_t *c, const frame_t *request) {
    frame_t stray = *request;
    f->stray_times--;
    stray.opaque = request->opaque ^ 0x40000000;
    connection_reply(c, &stray, RESPONSE_BROKER_ERROR, NULL);
}

/* True when the request was refused (or dropped) as the test asked. */
static bool refuse(fake_t *f, int broker, connection_t *c, const frame_t *request) {
    bool is_send = request->code == REQUEST_SEND_MESSAGE && (f->refuse_broker == -2 || f->refuse_broker == broker);
    if (is_send && speak_nonsense(f, c)) return true;
    if (is_send && f->stray_times > 0) send_stray(f, c, request);
    if (f->refuse_times == 0 || f->refuse_request != request->code) return false;
    if (f->refuse_broker != -2 && f->refuse_broker != broker) return false;
    f->refuse_times--;
    if (f->refuse_code >= 0) connection_reply(c, request, (int16_t)f->refuse_code, NULL);
    return true;
}

static void reply_writer(connection_t *c, const frame_t *request, writer_t *w) {
    chain_t body;
    size_t size;
    chain_init(&body);
    uint8_t *bytes = writer_take(w, &size);
    chain_append_memory(&body, bytes, size);
    connection_reply(c, request, RESPONSE_SUCCESS, &body);
}

/* ---- subjects */

static fake_subject_t *subject_of(fake_t *f, int broker, view_t name) {
    for (fake_subject_t *s = f->subjects; s != NULL; s = s->next) {
        if (s->broker == broker && view_equal(view_of(s->name), name)) return s;
    }
    fake_subject_t *s = memory_zalloc(sizeof *s);
    s->broker = broker;
    s->name = memory_strndup(name.data, name.size);
    s->next = f->subjects;
    f->subjects = s;
    return s;
}

static size_t write_messages(fake_t *f, fake_subject_t *s, writer_t *w, int wanted, int64_t last) {
    size_t at = last < 0 ? 0 : (size_t)(last - f->first_offset + 1);
    if (at > s->handed) at = s->handed;
    size_t end = at + (size_t)wanted < s->count ? at + (size_t)wanted : s->count;
    writer_init(w, 256);
    pull_response_write_head(w, f->first_offset + (int64_t)at);
    for (size_t i = at; i < end; i++) writer_bytes(w, s->messages[i].payload, s->messages[i].size);
    if (end > s->handed) s->handed = end;
    return end - at;
}

static void answer_parked(fake_t *f, fake_parked_t *p) {
    writer_t w;
    size_t n = write_messages(f, p->subject, &w, p->wanted, p->last);
    chain_t body;
    size_t size;
    chain_init(&body);
    uint8_t *bytes = writer_take(&w, &size);
    chain_append_memory(&body, bytes, n == 0 ? 0 : size);
    p->subject->held--;
    if (n == 0) chain_clear(&body);
    reply_send(&p->reply, n == 0 ? RESPONSE_NO_MESSAGE : RESPONSE_SUCCESS, n == 0 ? NULL : &body);
    memory_free(p);
}

static void wake(fake_t *f, fake_subject_t *s) {
    for (fake_parked_t **at = &f->parked; *at != NULL;) {
        fake_parked_t *p = *at;
        if (s != NULL && p->subject != s) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        answer_parked(f, p);
    }
}

static void store(fake_t *f, fake_subject_t *s, view_t payload) {
    s->messages = memory_realloc(s->messages, (s->count + 1) * sizeof *s->messages);
    s->messages[s->count].payload = memory_dup(payload.data, payload.size);
    s->messages[s->count++].size = payload.size;
    (void)f;
}

/* ---- commands */

static void on_send(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    struct fake_port *port = arg;
    fake_t *f = port->fake;
    (void)block;
    mutex_lock(&f->lock);
    record(f, port->broker, c, request);
    if (!refuse(f, port->broker, c, request)) {
        writer_t w;
        message_t m;
        cursor_t in = cursor_of(request->body);
        writer_init(&w, 64);
        while (cursor_left(&in) > 0 && message_parse_wire(&in, &m)) {
            if (f->result_times > 0) {
                f->result_times--;
                send_result_t r = {m.id, f->result_code, view_of("as the test asked")};
                send_result_write(&w, &r);
                continue;
            }
            fake_subject_t *s = subject_of(f, port->broker, m.subject);
            store(f, s, m.payload);
            wake(f, s);
        }
        reply_writer(c, request, &w);
    }
    mutex_unlock(&f->lock);
}

static void on_pull(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    struct fake_port *port = arg;
    fake_t *f = port->fake;
    pull_request_t q;
    (void)block;
    mutex_lock(&f->lock);
    record(f, port->broker, c, request);
    if (!refuse(f, port->broker, c, request) && pull_request_read(request->body, request->version, &q)) {
        fake_subject_t *s = subject_of(f, port->broker, q.subject);
        bool redelivers = s->handed > 0 && q.pull_offset_last < f->first_offset + (int64_t)s->handed - 1;
        if (s->handed < s->count || redelivers) {
            writer_t w;
            (void)write_messages(f, s, &w, q.request_num, q.pull_offset_last);
            reply_writer(c, request, &w);
        } else if (q.timeout_ms <= 0) {
            connection_reply(c, request, RESPONSE_NO_MESSAGE, NULL);
        } else {
            fake_parked_t *p = memory_zalloc(sizeof *p);
            reply_to_init(&p->reply, c, request);
            p->subject = s;
            p->wanted = q.request_num;
            p->last = q.pull_offset_last;
            p->next = f->parked;
            f->parked = p;
            if (++s->held > s->most_held) s->most_held = s->held;
        }
    }
    mutex_unlock(&f->lock);
}

static void on_simple(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    struct fake_port *port = arg;
    (void)block;
    mutex_lock(&port->fake->lock);
    record(port->fake, port->broker, c, request);
    if (!refuse(port->fake, port->broker, c, request)) connection_reply(c, request, RESPONSE_SUCCESS, NULL);
    mutex_unlock(&port->fake->lock);
}

static void list_groups(fake_t *f, const client_register_request_t *q, client_register_response_t *a, route_group_t *groups,
                        char masters[][32], char names[][16]) {
    bool delayed = q->client_type == CLIENT_DELAY_PRODUCER;
    for (int i = 0; i < (delayed ? FAKE_BROKERS : f->broker_count); i++) {
        if (delayed && (i != FAKE_DELAY || !f->has_delay)) continue;
        (void)snprintf(masters[i], sizeof masters[i], "127.0.0.1:%d", net_server_port(f->brokers[i]));
        (void)snprintf(names[i], sizeof names[i], "group%d", i);
        groups[a->group_count++] = (route_group_t){view_of(names[i]), view_of(masters[i]), 1, f->state[i]};
    }
}

static void on_register(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    fake_t *f = arg;
    client_register_request_t q;
    (void)block;
    mutex_lock(&f->lock);
    record(f, -1, c, request);
    if (!refuse(f, -1, c, request) && client_register_request_read(request->body, &q)) {
        route_group_t groups[FAKE_BROKERS];
        char masters[FAKE_BROKERS][32];
        char names[FAKE_BROKERS][16];
        client_register_response_t a = {.timestamp = f->timestamp,
                                        .subject = q.subject,
                                        .consumer_group = q.consumer_group,
                                        .on_offline = f->on_offline,
                                        .client_type = (int8_t)q.client_type};
        if (f->timestamp >= -1) list_groups(f, &q, &a, groups, masters, names);
        writer_t w;
        writer_init(&w, 128);
        client_register_response_write(&w, &a, groups);
        reply_writer(c, request, &w);
    }
    mutex_unlock(&f->lock);
}

static void on_address(void *arg, http_request_t *r) {
    fake_t *f = arg;
    char text[40];
    mutex_lock(&f->lock);
    int status = f->http_status;
    mutex_unlock(&f->lock);
    int size = snprintf(text, sizeof text, "127.0.0.1:%d\n", net_server_port(f->meta));
    http_respond(r, status, "text/plain", text, (size_t)size);
}

static const command_t broker_commands[] = {{REQUEST_SEND_MESSAGE, on_send},
                                            {REQUEST_PULL_MESSAGE, on_pull},
                                            {REQUEST_ACK, on_simple},
                                            {REQUEST_CONSUME_MANAGE, on_simple},
                                            {0, NULL}};
static const command_t meta_commands[] = {{REQUEST_CLIENT_REGISTER, on_register}, {0, NULL}};

static net_server_t *serve(fake_t *f, const command_t *commands, void *arg) {
    qmq_error_t *error = NULL;
    net_server_t *server = NULL;
    net_server_options_t options = {.name = "fake",
                                    .address = "127.0.0.1",
                                    .commands = commands,
                                    .arg = arg,
                                    .max_frame = (size_t)64 * 1024 * 1024,
                                    .max_unsent = (size_t)64 * 1024 * 1024,
                                    .max_connections = 1000,
                                    .log = &f->log};
    CU_ASSERT_FATAL(net_server_start(&server, f->loops, &options, &error) == APR_SUCCESS);
    return server;
}

void fake_open_http(fake_t *f) {
    http_route_t routes[] = {{"GET", "/meta/address", on_address, f}, {NULL, NULL, NULL, NULL}};
    http_server_options_t options = {.name = "fake.http", .address = "127.0.0.1", .port = f->http_port, .routes = routes, .log = &f->log};
    qmq_error_t *error = NULL;
    CU_ASSERT_FATAL(http_server_start(&f->http, &options, &error) == APR_SUCCESS);
}

void fake_close_http(fake_t *f) {
    http_server_stop(f->http);
    f->http = NULL;
}

void fake_start(fake_t *f, int brokers) {
    memset(f, 0, sizeof *f);
    mutex_init(&f->lock);
    log_init(&f->log, "fake");
    f->http_status = 200;
    f->refuse_broker = -2;
    f->broker_count = brokers;
    f->timestamp = 1000;
    CU_ASSERT_FATAL(loops_start(&f->loops, "fake", 1) == APR_SUCCESS);
    f->meta = serve(f, meta_commands, f);
    for (int i = 0; i < FAKE_BROKERS; i++) {
        f->state[i] = BROKER_RW;
        f->ports[i].fake = f;
        f->ports[i].broker = i;
        f->brokers[i] = serve(f, broker_commands, &f->ports[i]);
    }
    fake_open_http(f);
    f->http_port = http_server_port(f->http);
    (void)snprintf(f->metaserver, sizeof f->metaserver, "127.0.0.1:%d", f->http_port);
}

void fake_stop(fake_t *f) {
    http_server_stop(f->http);
    fake_release_pulls(f);
    net_server_destroy(f->meta, 100000);
    for (int i = 0; i < FAKE_BROKERS; i++) net_server_destroy(f->brokers[i], 100000);
    fake_release_pulls(f); /* what came in the meantime */
    loops_stop(f->loops);
    for (size_t i = 0; i < f->request_count; i++) memory_free(f->requests[i].body);
    while (f->subjects != NULL) {
        fake_subject_t *next = f->subjects->next;
        for (size_t i = 0; i < f->subjects->count; i++) memory_free(f->subjects->messages[i].payload);
        memory_free(f->subjects->messages);
        memory_free(f->subjects->name);
        memory_free(f->subjects);
        f->subjects = next;
    }
    memory_free(f->requests);
    mutex_destroy(&f->lock);
}

static void drop_log(void *arg, qmq_log_level_t level, const char *line) {
    (void)arg, (void)level, (void)line;
}

qmq_client_t *fake_client(fake_t *f) {
    qmq_client_options_t o;
    qmq_error_t *error = NULL;
    qmq_client_options_init(&o);
    o.metaserver = f->metaserver;
    o.client_id = "host1@@unit";
    o.app_code = "unit_app";
    o.log = drop_log;
    qmq_client_t *c = qmq_client_create(&o, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

/* tag NULL: none. */
static void put(fake_t *f, int broker, const char *subject, const char *id, const char *tag, view_t attributes) {
    writer_t w;
    writer_init(&w, 256);
    writer_i8(&w, tag == NULL ? 0 : MESSAGE_HAS_TAGS);
    writer_i64(&w, 1);
    writer_i64(&w, 2);
    writer_str(&w, view_of(subject));
    writer_str(&w, view_of(id));
    if (tag != NULL) {
        writer_i8(&w, 1);
        writer_str(&w, view_of(tag));
    }
    writer_i32(&w, (int32_t)attributes.size);
    writer_bytes(&w, attributes.data, attributes.size);
    mutex_lock(&f->lock);
    fake_subject_t *s = subject_of(f, broker, view_of(subject));
    store(f, s, writer_view(&w));
    wake(f, s);
    mutex_unlock(&f->lock);
    writer_free(&w);
}

void fake_put_raw(fake_t *f, int broker, const char *subject, const char *id, view_t attributes) {
    put(f, broker, subject, id, NULL, attributes);
}

void fake_put_tagged(fake_t *f, int broker, const char *subject, const char *id, const char *tag) {
    put(f, broker, subject, id, tag, view_make(NULL, 0));
}

void fake_put(fake_t *f, int broker, const char *subject, const char *id, const char *const *attributes) {
    writer_t w;
    writer_init(&w, 256);
    writer_str(&w, view_of("qmq_createTime"));
    writer_str(&w, view_of("1554190212345"));
    for (; attributes != NULL && *attributes != NULL; attributes++) writer_str(&w, view_of(*attributes));
    fake_put_raw(f, broker, subject, id, writer_view(&w));
    writer_free(&w);
}

void fake_release_pulls(fake_t *f) {
    mutex_lock(&f->lock);
    wake(f, NULL);
    mutex_unlock(&f->lock);
}

/* ---- looking */

size_t fake_count(fake_t *f, int code, int broker) {
    size_t n = 0;
    mutex_lock(&f->lock);
    for (size_t i = 0; i < f->request_count; i++) n += f->requests[i].code == code && (broker == -2 || f->requests[i].broker == broker);
    mutex_unlock(&f->lock);
    return n;
}

typedef struct wanted {
    fake_t *fake;
    int code;
    size_t count;
    const char *subject;
} wanted_t;

static bool has_count(void *arg) {
    wanted_t *w = arg;
    return fake_count(w->fake, w->code, -2) >= w->count;
}

bool fake_wait_count(fake_t *f, int code, size_t at_least) {
    wanted_t w = {f, code, at_least, NULL};
    return test_wait(has_count, &w, FAKE_PATIENCE);
}

bool fake_request_at(fake_t *f, int code, size_t n, fake_request_t *out) {
    bool found = false;
    mutex_lock(&f->lock);
    for (size_t i = 0; i < f->request_count && !found; i++) {
        if (f->requests[i].code != code || n-- > 0) continue;
        *out = f->requests[i];
        found = true;
    }
    mutex_unlock(&f->lock);
    return found;
}

size_t fake_stored(fake_t *f, const char *subject) {
    size_t n = 0;
    mutex_lock(&f->lock);
    for (fake_subject_t *s = f->subjects; s != NULL; s = s->next) n += strcmp(s->name, subject) == 0 ? s->count : 0;
    mutex_unlock(&f->lock);
    return n;
}

static bool has_stored(void *arg) {
    wanted_t *w = arg;
    return fake_stored(w->fake, w->subject) >= w->count;
}

bool fake_wait_stored(fake_t *f, const char *subject, size_t at_least) {
    wanted_t w = {f, 0, at_least, subject};
    return test_wait(has_stored, &w, FAKE_PATIENCE);
}

void fake_sent_attribute(fake_t *f, const char *subject, const char *id, const char *key, char *to, size_t size) {
    *to = 0;
    mutex_lock(&f->lock);
    for (fake_subject_t *s = f->subjects; s != NULL; s = s->next) {
        for (size_t i = 0; strcmp(s->name, subject) == 0 && i < s->count; i++) {
            message_t m;
            view_t value;
            cursor_t c = cursor_make(s->messages[i].payload, s->messages[i].size);
            if (!message_parse(&c, &m) || !view_equal(m.id, view_of(id)) || !message_attribute(&m, view_of(key), &value)) continue;
            (void)snprintf(to, size, "%.*s", VIEW_ARG(value));
        }
    }
    mutex_unlock(&f->lock);
}

size_t fake_most_pulls(fake_t *f) {
    size_t most = 0;
    mutex_lock(&f->lock);
    for (fake_subject_t *s = f->subjects; s != NULL; s = s->next) most = s->most_held > most ? s->most_held : most;
    mutex_unlock(&f->lock);
    return most;
}
