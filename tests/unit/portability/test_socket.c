#include "suites.h"

#include "base/status.h"
#include "peer.h"

#include <stdlib.h>
#include <string.h>

static void stop_when_closed_twice(peer_t *p) {
    peer_t *other = p->context;
    if (other->closed_calls > 0) loop_stop(p->loop);
}

/* Closes both ends and runs until that is done. */
static void end_pair(peer_t *a, peer_t *b, loop_t *l) {
    a->on_closed = b->on_closed = stop_when_closed_twice;
    a->context = b;
    b->context = a;
    loop_socket_close(a->socket);
    loop_socket_close(b->socket);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(a->closed_calls, 1);
    CU_ASSERT_EQUAL(b->closed_calls, 1);
}

static void send_text(peer_t *p, const char *text) {
    io_slice_t slice = {text, strlen(text)};
    CU_ASSERT_EQUAL(loop_socket_write(p->socket, &slice, 1), APR_SUCCESS);
}

static void echo(peer_t *p, const unsigned char *bytes, size_t size) {
    io_slice_t slice = {bytes, size};
    CU_ASSERT_EQUAL(loop_socket_write(p->socket, &slice, 1), APR_SUCCESS);
}

static void stop_after_five(peer_t *p, const unsigned char *bytes, size_t size) {
    (void)bytes, (void)size;
    if (p->received >= 5) loop_stop(p->loop);
}

static void bytes_come_back(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    peer_pair(&a, l, &b, l);
    a.on_bytes = stop_after_five;
    b.on_bytes = echo;
    loop_socket_read_on(a.socket, true);
    loop_socket_read_on(b.socket, true);
    send_text(&a, "hello");
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(a.received, 5);
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(a.read_status));
    CU_ASSERT_EQUAL(a.written_calls + b.written_calls, 0); /* completion inside the call is a return value only */
    end_pair(&a, &b, l);
    loop_destroy(l);
}

#define SLICES 5000
#define BIG_SIZE ((size_t)24 << 20)

typedef struct big {
    unsigned char *bytes;
    bool equal;
    bool ended;
} big_t;

static void read_a_little(peer_t *p) {
    unsigned char block[30000];
    size_t got = 0;
    big_t *big = p->context;
    CU_ASSERT_EQUAL_FATAL(loop_socket_read(p->socket, block, sizeof block, &got), APR_SUCCESS);
    if (p->received + got > BIG_SIZE || memcmp(block, big->bytes + p->received, got) != 0) big->equal = false;
    p->received += got;
    if (p->received >= BIG_SIZE) loop_stop(p->loop);
}

static void write_again(peer_t *p) {
    CU_ASSERT_FALSE(((big_t *)p->context)->ended);
    ((big_t *)p->context)->ended = true;
}

/* Many MiB in more slices than the system takes, empty ones among them, to a reader that takes a little at a time. */
static void a_slow_reader_gets_everything(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    big_t big = {.bytes = malloc(BIG_SIZE), .equal = true};
    io_slice_t *slices = calloc(SLICES, sizeof *slices), *before = calloc(SLICES, sizeof *before);
    if (big.bytes == NULL || slices == NULL || before == NULL) abort();
    for (size_t i = 0; i < BIG_SIZE; i++) big.bytes[i] = (unsigned char)(i * 2654435761U >> 13);
    size_t used = 0, step = BIG_SIZE / SLICES * 3 / 2;
    for (size_t i = 0; i < SLICES; i++) {
        size_t size = i % 3 == 0 ? 0 : i == SLICES - 1 || used + step > BIG_SIZE ? BIG_SIZE - used : step;
        slices[i] = (io_slice_t){big.bytes + used, size};
        used += size;
    }
    CU_ASSERT_EQUAL_FATAL(used, BIG_SIZE);
    memcpy(before, slices, SLICES * sizeof *slices);
    peer_pair(&a, l, &b, l);
    a.context = b.context = &big;
    a.on_written = write_again;
    b.on_readable = read_a_little;
    loop_socket_read_on(b.socket, true);
    CU_ASSERT_EQUAL_FATAL(loop_socket_write(a.socket, slices, SLICES), QMQ_E_PENDING);
    io_slice_t second = {"x", 1};
    CU_ASSERT_EQUAL(loop_socket_write(a.socket, &second, 1), QMQ_E_INVALID);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(b.received, BIG_SIZE);
    CU_ASSERT_TRUE(big.equal);
    CU_ASSERT_EQUAL(a.written_calls, 1);
    CU_ASSERT_EQUAL(a.written_status, APR_SUCCESS);
    CU_ASSERT_EQUAL(memcmp(before, slices, SLICES * sizeof *slices), 0);
    send_text(&a, "and again");
    end_pair(&a, &b, l);
    loop_destroy(l);
    free(big.bytes), free(slices), free(before);
}

static void empty_writes_are_done_at_once(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    peer_pair(&a, l, &b, l);
    io_slice_t empty[2] = {{"", 0}, {NULL, 0}};
    CU_ASSERT_EQUAL(loop_socket_write(a.socket, empty, 2), APR_SUCCESS);
    CU_ASSERT_EQUAL(loop_socket_write(a.socket, empty, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(loop_socket_keepalive(a.socket, true), APR_SUCCESS);
    CU_ASSERT_EQUAL(loop_socket_keepalive(a.socket, false), APR_SUCCESS);
    end_pair(&a, &b, l);
    loop_destroy(l);
}

static void close_itself(peer_t *p) {
    loop_socket_close(p->socket);
    CU_ASSERT_EQUAL(p->closed_calls, 0);
    loop_socket_close(p->socket);
    size_t got = 0;
    unsigned char byte;
    io_slice_t slice = {"x", 1};
    CU_ASSERT_EQUAL(loop_socket_read(p->socket, &byte, 1, &got), QMQ_E_CLOSED);
    CU_ASSERT_EQUAL(loop_socket_write(p->socket, &slice, 1), QMQ_E_CLOSED);
}

static void do_nothing(peer_t *p) {
    (void)p;
}

static void a_socket_closes_itself_while_readable(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    peer_pair(&a, l, &b, l);
    b.on_readable = close_itself;
    loop_socket_read_on(b.socket, true);
    send_text(&a, "x");
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(b.readable_calls, 1);
    CU_ASSERT_EQUAL(b.closed_calls, 1);
    loop_socket_close(a.socket);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(a.closed_calls, 1);
    loop_destroy(l);
}

static void close_all_four(peer_t *p) {
    peer_t *all = p->context;
    for (int i = 0; i < 4; i++) loop_socket_close(all[i].socket);
}

/* Two are ready in one batch; the first closes the other, whose event must not arrive. */
static void stale_events_are_not_delivered(void) {
    loop_t *l = guarded_loop_create();
    peer_t p[4];
    peer_pair(&p[0], l, &p[1], l);
    peer_pair(&p[2], l, &p[3], l);
    for (int i = 0; i < 4; i++) {
        p[i].context = p;
        p[i].on_readable = close_all_four;
        p[i].on_closed = do_nothing;
        loop_socket_read_on(p[i].socket, true);
        send_text(&p[i], "x");
    }
    stopper_t stopper;
    stopper_init(&stopper, l);
    loop_post(l, &stopper.task);
    guarded_loop_run(l);
    int readable = 0, closed = 0;
    for (int i = 0; i < 4; i++) readable += p[i].readable_calls, closed += p[i].closed_calls;
    CU_ASSERT_EQUAL(readable, 1);
    CU_ASSERT_EQUAL(closed, 4);
    loop_destroy(l);
}

static void closing_cancels_a_pending_write(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    peer_pair(&a, l, &b, l);
    char *bytes = calloc(1, BIG_SIZE);
    io_slice_t slice = {bytes, BIG_SIZE};
    CU_ASSERT_EQUAL(loop_socket_write(a.socket, &slice, 1), QMQ_E_PENDING);
    end_pair(&a, &b, l);
    CU_ASSERT_EQUAL(a.written_calls, 0);
    free(bytes);
    loop_destroy(l);
}

static void stop_loop(peer_t *p) {
    loop_stop(p->loop);
}

static void read_and_stop(peer_t *p) {
    peer_drain(p);
    loop_stop(p->loop);
}

/* The first writes may go out before the system has heard that nobody takes them. */
static bool is_refused(void *arg) {
    io_slice_t slice = {"x", 1};
    apr_status_t status = loop_socket_write(arg, &slice, 1);
    return status != APR_SUCCESS && status != QMQ_E_PENDING;
}

static void the_peers_end_is_told(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    peer_pair(&a, l, &b, l);
    b.on_readable = read_and_stop;
    loop_socket_read_on(b.socket, true);
    send_text(&a, "last");
    loop_socket_close(a.socket);
    a.on_closed = do_nothing;
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(b.received, 4);
    CU_ASSERT_EQUAL(b.read_status, APR_EOF);
    CU_ASSERT_TRUE(test_wait(is_refused, b.socket, 30)); /* no signal either */
    loop_socket_close(b.socket);
    b.on_closed = NULL;
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(b.closed_calls, 1);
    loop_destroy(l);
}

static void a_pending_write_ends_when_the_peer_goes(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    peer_pair(&a, l, &b, l);
    char *bytes = calloc(1, BIG_SIZE);
    io_slice_t slice = {bytes, BIG_SIZE};
    a.on_written = stop_loop;
    b.on_closed = do_nothing;
    CU_ASSERT_EQUAL(loop_socket_write(a.socket, &slice, 1), QMQ_E_PENDING);
    loop_socket_close(b.socket);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(a.written_calls, 1);
    CU_ASSERT_NOT_EQUAL(a.written_status, APR_SUCCESS);
    loop_socket_close(a.socket);
    guarded_loop_run(l);
    free(bytes);
    loop_destroy(l);
}

typedef struct stop_timer {
    loop_timer_t timer;
    loop_t *loop;
} stop_timer_t;

static void stop_timer_fired(loop_timer_t *t) {
    loop_stop(OWNER_OF(t, stop_timer_t, timer)->loop);
}

static void run_for(loop_t *l, int64_t us) {
    stop_timer_t s = {.timer.fire = stop_timer_fired, .loop = l};
    loop_timer_start(l, &s.timer, us);
    guarded_loop_run(l);
}

static void reading_is_switched_off_and_on(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    peer_pair(&a, l, &b, l);
    send_text(&a, "x");
    run_for(l, 2000);
    CU_ASSERT_EQUAL(b.readable_calls, 0);
    b.on_readable = stop_loop; /* leaves the byte: it comes again */
    loop_socket_read_on(b.socket, true);
    guarded_loop_run(l);
    guarded_loop_run(l);
    int calls = b.readable_calls;
    CU_ASSERT_EQUAL(calls, 2);
    loop_socket_read_on(b.socket, false);
    run_for(l, 2000);
    CU_ASSERT_EQUAL(b.readable_calls, calls);
    b.on_readable = read_and_stop;
    loop_socket_read_on(b.socket, true);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(b.received, 1);
    end_pair(&a, &b, l);
    loop_destroy(l);
}

/* The system reports a hang-up always; with reading off the loop must sleep nevertheless. */
static void a_hang_up_does_not_spin(void) {
    loop_t *l = guarded_loop_create();
    peer_t a, b;
    peer_pair(&a, l, &b, l);
    loop_socket_read_on(b.socket, true);
    loop_socket_read_on(b.socket, false);
    a.on_closed = do_nothing;
    loop_socket_close(a.socket);
    double start = processor_seconds();
    run_for(l, 200000);
    CU_ASSERT_TRUE(processor_seconds() - start < 0.1);
    CU_ASSERT_EQUAL(b.readable_calls, 0);
    b.on_readable = read_and_stop;
    loop_socket_read_on(b.socket, true);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(b.read_status, APR_EOF);
    loop_socket_close(b.socket);
    guarded_loop_run(l);
    loop_destroy(l);
}

typedef struct many {
    peer_t *peers;
    int closed;
    int expected;
} many_t;

static void count_closed(peer_t *p) {
    many_t *m = p->context;
    if (++m->closed == m->expected) loop_stop(p->loop);
}

static void close_next(peer_t *p) {
    many_t *m = p->context;
    loop_socket_close(p->socket);
    if (p + 1 < m->peers + m->expected) loop_socket_close(p[1].socket);
}

static void many_sockets_close_each_other(void) {
    const size_t count = 400;
    loop_t *l = guarded_loop_create();
    many_t m = {.peers = calloc(count, sizeof(peer_t)), .expected = (int)count};
    if (m.peers == NULL) abort();
    for (size_t i = 0; i < count; i += 2) peer_pair(&m.peers[i], l, &m.peers[i + 1], l);
    for (size_t i = 0; i < count; i++) {
        m.peers[i].context = &m;
        m.peers[i].on_closed = count_closed;
        m.peers[i].on_readable = close_next;
        loop_socket_read_on(m.peers[i].socket, true);
        send_text(&m.peers[i], "x");
    }
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(m.closed, m.expected);
    loop_destroy(l);
    free(m.peers);
}

const test_case_t socket_cases[] = {
    TEST(bytes_come_back),
    TEST(a_slow_reader_gets_everything),
    TEST(empty_writes_are_done_at_once),
    TEST(a_socket_closes_itself_while_readable),
    TEST(stale_events_are_not_delivered),
    TEST(closing_cancels_a_pending_write),
    TEST(the_peers_end_is_told),
    TEST(a_pending_write_ends_when_the_peer_goes),
    TEST(reading_is_switched_off_and_on),
    TEST(a_hang_up_does_not_spin),
    TEST(many_sockets_close_each_other),
    TEST_END,
};
