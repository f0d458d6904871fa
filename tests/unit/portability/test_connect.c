#include "suites.h"

#include "base/status.h"
#include "peer.h"
#include "portability/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A server on a loop that takes connections as peers, and a client that makes them. */
typedef struct scene {
    loop_t *loop;
    loop_listener_t *listener;
    int port;
    int accepted;
    int connected;
    apr_status_t status;
    int wanted;
    bool refuse;
    peer_t server, client;
    char peer_name[32];
} scene_t;

static void proceed(scene_t *s) {
    if (s->accepted >= s->wanted && s->connected >= s->wanted) loop_stop(s->loop);
}

static void scene_accept(void *arg, raw_socket_t *raw) {
    scene_t *s = arg;
    s->accepted++;
    if (s->refuse || s->accepted > 1) {
        raw_socket_close(raw);
    } else {
        CU_ASSERT_EQUAL(raw_socket_peer(raw, s->peer_name, sizeof s->peer_name), APR_SUCCESS);
        CU_ASSERT_EQUAL(raw_socket_peer(raw, s->peer_name + 30, 2), APR_EINVAL);
        peer_open(&s->server, s->loop, raw);
    }
    proceed(s);
}

static void scene_connected(void *arg, apr_status_t status, raw_socket_t *raw) {
    scene_t *s = arg;
    s->connected++;
    s->status = status;
    CU_ASSERT_EQUAL(status == APR_SUCCESS, raw != NULL);
    if (status == APR_SUCCESS && s->connected == 1) {
        peer_open(&s->client, s->loop, raw);
    } else {
        raw_socket_close(raw);
    }
    proceed(s);
}

static void scene_open(scene_t *s, int wanted) {
    memset(s, 0, sizeof *s);
    s->loop = guarded_loop_create();
    s->wanted = wanted;
    CU_ASSERT_EQUAL_FATAL(loop_listen(&s->listener, s->loop, "127.0.0.1", 0, scene_accept, s, &s->port), APR_SUCCESS);
    CU_ASSERT_TRUE_FATAL(s->port > 0);
}

static void scene_connect(scene_t *s) {
    CU_ASSERT_EQUAL_FATAL(loop_connect(s->loop, "127.0.0.1", s->port, 10000000, scene_connected, s), APR_SUCCESS);
    CU_ASSERT_EQUAL(s->connected, 0); /* never inside the call */
}

static void one_closed(peer_t *p) {
    scene_t *s = p->context;
    if (s->server.closed_calls == 1 && s->client.closed_calls == 1) loop_stop(s->loop);
}

static void scene_close(scene_t *s) {
    s->server.context = s->client.context = s;
    s->server.on_closed = s->client.on_closed = one_closed;
    loop_listener_close(s->listener);
    loop_listener_close(s->listener);
    loop_socket_close(s->server.socket);
    loop_socket_close(s->client.socket);
    guarded_loop_run(s->loop);
    loop_destroy(s->loop);
}

static void connections_are_made(void) {
    scene_t s;
    scene_open(&s, 1);
    scene_connect(&s);
    guarded_loop_run(s.loop);
    CU_ASSERT_EQUAL(s.status, APR_SUCCESS);
    CU_ASSERT_NSTRING_EQUAL(s.peer_name, "127.0.0.1:", 10);
    scene_close(&s);
}

static void many_connections_are_accepted(void) {
    scene_t s;
    scene_open(&s, 300);
    for (int i = 0; i < s.wanted; i++) scene_connect(&s);
    guarded_loop_run(s.loop);
    CU_ASSERT_EQUAL(s.accepted, 300);
    CU_ASSERT_EQUAL(s.connected, 300);
    CU_ASSERT_EQUAL(s.status, APR_SUCCESS);
    scene_close(&s);
}

static void a_free_port_refuses(void) {
    scene_t s;
    scene_open(&s, 0);
    loop_listener_close(s.listener);
    s.accepted = 1;
    s.wanted = 1;
    scene_connect(&s);
    guarded_loop_run(s.loop);
    CU_ASSERT_TRUE(APR_STATUS_IS_ECONNREFUSED(s.status));
    loop_destroy(s.loop);
}

static void a_taken_port_is_told(void) {
    scene_t s;
    scene_open(&s, 0);
    loop_listener_t *second = NULL;
    CU_ASSERT_EQUAL(loop_listen(&second, s.loop, "127.0.0.1", s.port, scene_accept, &s, NULL), APR_FROM_OS_ERROR(EADDRINUSE));
    CU_ASSERT_EQUAL(loop_listen(&second, s.loop, "0.0.0.0", s.port, scene_accept, &s, NULL), APR_FROM_OS_ERROR(EADDRINUSE));
    CU_ASSERT_EQUAL(loop_listen(&second, s.loop, "localhost", 0, scene_accept, &s, NULL), APR_EINVAL);
    CU_ASSERT_EQUAL(loop_listen(&second, s.loop, "127.0.0.1", 65536, scene_accept, &s, NULL), APR_EINVAL);
    CU_ASSERT_EQUAL(loop_listen(&second, s.loop, "127.0.0.1", -1, scene_accept, &s, NULL), APR_EINVAL);
    loop_listener_close(s.listener);
    loop_destroy(s.loop);
}

static void bad_addresses_are_refused_without_callback(void) {
    scene_t s;
    scene_open(&s, 0);
    CU_ASSERT_EQUAL(loop_connect(s.loop, "127.0.0.1.5", s.port, 0, scene_connected, &s), APR_EINVAL);
    CU_ASSERT_EQUAL(loop_connect(s.loop, "", s.port, 0, scene_connected, &s), APR_EINVAL);
    CU_ASSERT_EQUAL(loop_connect(s.loop, "127.0.0.1", 70000, 0, scene_connected, &s), APR_EINVAL);
    loop_listener_close(s.listener);
    loop_destroy(s.loop);
    CU_ASSERT_EQUAL(s.connected, 0);
}

static void reconnect(void *arg, apr_status_t status, raw_socket_t *raw) {
    scene_t *s = arg;
    scene_connected(arg, status, raw);
    apr_status_t again = loop_connect(s->loop, "127.0.0.1", s->port, -1, reconnect, s);
    CU_ASSERT_EQUAL(again, QMQ_E_CLOSED);
}

/* Whatever became of the attempts, each is called back once, and none can be started there. */
static void destroy_ends_attempts(void) {
    scene_t s;
    scene_open(&s, 100);
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(loop_connect(s.loop, "127.0.0.1", s.port, -1, reconnect, &s), APR_SUCCESS);
    s.connected = 1; /* keeps scene_connected from opening a peer */
    loop_listener_close(s.listener);
    loop_destroy(s.loop);
    CU_ASSERT_EQUAL(s.connected, 4);
}

static void close_listener(void *arg, raw_socket_t *raw) {
    scene_t *s = arg;
    s->accepted++;
    raw_socket_close(raw);
    loop_listener_close(s->listener);
    loop_stop(s->loop);
}

static void a_listener_closes_itself_while_accepting(void) {
    scene_t s;
    scene_open(&s, 100);
    loop_listener_close(s.listener);
    CU_ASSERT_EQUAL_FATAL(loop_listen(&s.listener, s.loop, "127.0.0.1", 0, close_listener, &s, &s.port), APR_SUCCESS);
    s.connected = 1;
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(loop_connect(s.loop, "127.0.0.1", s.port, -1, scene_connected, &s), APR_SUCCESS);
    }
    guarded_loop_run(s.loop);
    CU_ASSERT_EQUAL(s.accepted, 1);
    loop_destroy(s.loop);
}

/* A socket accepted by one loop and bound to another, in a thread of its own, which echoes. */
typedef struct passing {
    task_t task;
    loop_t *from, *to;
    raw_socket_t *raw;
    peer_t server, client;
    io_slice_t question, reply;
    char *bytes;
} passing_t;

#define PASSED_SIZE ((size_t)3 << 20)

static void answer(peer_t *p) {
    passing_t *x = p->context;
    peer_drain(p);
    if (p->received < PASSED_SIZE) return;
    loop_socket_read_on(p->socket, false);
    x->reply = (io_slice_t){x->bytes, PASSED_SIZE};
    apr_status_t status = loop_socket_write(p->socket, &x->reply, 1);
    CU_ASSERT_TRUE(status == APR_SUCCESS || status == QMQ_E_PENDING);
    if (status == APR_SUCCESS) loop_socket_close(p->socket);
}

static void close_peer(peer_t *p) {
    loop_socket_close(p->socket);
}

static void take_over(task_t *task) {
    passing_t *x = OWNER_OF(task, passing_t, task);
    peer_open(&x->server, x->to, x->raw);
    x->server.context = x;
    x->server.on_readable = answer;
    x->server.on_written = close_peer;
    loop_socket_read_on(x->server.socket, true);
}

static void pass_on(void *arg, raw_socket_t *raw) {
    passing_t *x = arg;
    x->raw = raw;
    loop_post(x->to, &x->task);
}

static void read_answer(peer_t *p) {
    peer_drain(p);
    if (p->read_status == APR_EOF) loop_socket_close(p->socket);
}

static void send_question(void *arg, apr_status_t status, raw_socket_t *raw) {
    passing_t *x = arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    peer_open(&x->client, x->from, raw);
    x->client.on_readable = read_answer;
    loop_socket_read_on(x->client.socket, true);
    x->question = (io_slice_t){x->bytes, PASSED_SIZE};
    status = loop_socket_write(x->client.socket, &x->question, 1);
    CU_ASSERT_TRUE(status == APR_SUCCESS || status == QMQ_E_PENDING);
}

static void run_other(void *arg) {
    guarded_loop_run(arg);
}

static void an_accepted_socket_moves_to_another_loop(void) {
    passing_t x = {.task.run = take_over, .from = guarded_loop_create(), .to = guarded_loop_create()};
    loop_listener_t *listener = NULL;
    thread_t *other = NULL;
    int port = 0;
    x.bytes = calloc(1, PASSED_SIZE);
    if (x.bytes == NULL) abort();
    CU_ASSERT_EQUAL_FATAL(loop_listen(&listener, x.from, "127.0.0.1", 0, pass_on, &x, &port), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(thread_start(&other, "other-loop", run_other, x.to), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(loop_connect(x.from, "127.0.0.1", port, -1, send_question, &x), APR_SUCCESS);
    guarded_loop_run(x.from);
    thread_join(other); /* its loop is stopped by the server's end */
    CU_ASSERT_EQUAL(x.client.received, PASSED_SIZE);
    CU_ASSERT_EQUAL(x.server.received, PASSED_SIZE);
    CU_ASSERT_EQUAL(x.client.closed_calls + x.server.closed_calls, 2);
    loop_listener_close(listener);
    loop_destroy(x.from);
    loop_destroy(x.to);
    free(x.bytes);
}

const test_case_t connect_cases[] = {
    TEST(connections_are_made),
    TEST(many_connections_are_accepted),
    TEST(a_free_port_refuses),
    TEST(a_taken_port_is_told),
    TEST(bad_addresses_are_refused_without_callback),
    TEST(destroy_ends_attempts),
    TEST(a_listener_closes_itself_while_accepting),
    TEST(an_accepted_socket_moves_to_another_loop),
    TEST_END,
};
