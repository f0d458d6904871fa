#include "net/requester_impl.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "portability/host.h"

#include <stdio.h>

#define PORT_MOST 65535
#define FAILURE_LINE_US ((int64_t)1000000)

/* Resolving a name and connecting. It outlives its peer: neither the resolver nor the loop can be told to give up. */
typedef struct connect_attempt {
    job_t job;
    task_t resolved;
    peer_t *peer; /* NULL: nobody waits for the connection any more */
    loop_t *loop;
    char *host;
    int port;
    char ip[64];
    bool connecting; /* the name is resolved */
    apr_status_t status;
} connect_attempt_t;

static void free_if_unused(peer_t *p) {
    if (p->state != PEER_ENDED || p->holds > 0) return;
    requester_t *r = p->requester;
    memory_free(p->key);
    memory_free(p);
    r->live_peers--;
    requester_end_if_idle(r);
}

static void let_go(peer_t *p) {
    p->holds--;
    free_if_unused(p);
}

static void free_attempt(connect_attempt_t *a) {
    memory_free(a->host);
    memory_free(a);
}

/* The attempt ends; its peer is no longer held by it. */
static peer_t *end_attempt(connect_attempt_t *a) {
    peer_t *p = a->peer;
    free_attempt(a);
    if (p != NULL) {
        p->attempt = NULL;
        p->holds--;
    }
    return p;
}

void peer_end(peer_t *p, apr_status_t status) {
    requester_t *r = p->requester;
    if (p->state == PEER_ENDED) return;
    p->state = PEER_ENDED;
    (void)table_remove(&r->peers, view_make(p->key, p->key_size));
    loop_timer_stop(r->loop, &p->idle);
    while (p->first != NULL) request_fail(r, p->first, status);
    if (p->connection != NULL) connection_close(p->connection, false, "no longer needed");
    /* A name being resolved is waited for: its end is posted to the loop. A connection being made is not. */
    if (p->attempt != NULL && p->attempt->connecting) {
        p->attempt->peer = NULL;
        p->attempt = NULL;
        p->holds--;
    }
    free_if_unused(p);
}

static void log_failure(const peer_t *p, apr_status_t status) {
    requester_t *r = p->requester;
    char text[120];
    char more[64] = "";
    int64_t suppressed = 0;
    if (r->options.log == NULL || !log_permit(&r->failures, FAILURE_LINE_US, &suppressed)) return;
    const char *why = status == QMQ_E_INVALID ? "an address is host:port" : status_text(status, text, sizeof text);
    if (suppressed > 0) (void)snprintf(more, sizeof more, " (%lld such lines left out)", (long long)suppressed);
    log_warn(r->options.log, "cannot connect to \"%.*s\": %s%s", (int)strcspn(p->key, " "), p->key, why, more);
}

static void fail_to_connect(peer_t *p, apr_status_t status) {
    log_failure(p, status);
    peer_end(p, QMQ_E_UNREACHABLE);
}

static void on_frame(void *arg, connection_t *c, const frame_t *frame, block_t *block) {
    (void)c;
    requester_answer(arg, frame, block);
}

static void on_gone(void *arg, connection_t *c, const char *reason) {
    peer_t *p = arg;
    const log_t *log = p->requester->options.log;
    if (log != NULL && connection_broke_protocol(c)) {
        log_warn(log, "closed the connection to %s: %s", connection_peer(c), reason);
    } else if (log != NULL) {
        log_debug(log, "connection to %s ended: %s", connection_peer(c), reason);
    }
    p->connection = NULL;
    peer_end(p, QMQ_E_CLOSED);
    let_go(p);
}

static const connection_events_t peer_events = {on_frame, NULL, on_gone};

static void send_request(peer_t *p, request_t *q) {
    frame_t head = {
        .code = q->options.code, .version = q->options.version, .opaque = q->opaque, .flag = 0, .request_code = q->options.request_code};
    connection_send_frame(p->connection, &head, &q->body);
}

static void run_idle(loop_timer_t *timer) {
    peer_t *p = (peer_t *)(void *)((char *)timer - offsetof(peer_t, idle));
    requester_t *r = p->requester;
    int64_t left = connection_moved_us(p->connection) + r->options.idle_close_us - loop_now_us(r->loop);
    if (left > 0) {
        loop_timer_start(r->loop, timer, left);
    } else {
        peer_end(p, QMQ_E_CLOSED);
    }
}

static void open_connection(peer_t *p, raw_socket_t *s) {
    requester_t *r = p->requester;
    /* What is unsent are our own requests, which their senders bound; answers are always read. */
    connection_options_t options = {
        .max_frame = r->options.max_frame, .max_unsent = SIZE_MAX, .keepalive = true, .events = &peer_events, .arg = p};
    apr_status_t status = connection_open(&p->connection, r->options.context, s, &options);
    if (status != APR_SUCCESS) {
        fail_to_connect(p, status);
        return;
    }
    p->holds++;
    p->state = PEER_OPEN;
    p->idle.fire = run_idle;
    if (r->options.idle_close_us > 0) loop_timer_start(r->loop, &p->idle, r->options.idle_close_us);
    for (request_t *q = p->first; q != NULL; q = q->next) send_request(p, q);
}

static void on_connected(void *arg, apr_status_t status, raw_socket_t *s) {
    peer_t *p = end_attempt(arg);
    if (p == NULL) {
        raw_socket_close(s);
    } else if (status != APR_SUCCESS) {
        fail_to_connect(p, status);
    } else {
        open_connection(p, s);
    }
}

static apr_status_t begin_connecting(connect_attempt_t *a) {
    int64_t timeout_us = a->peer->requester->options.connect_timeout_us;
    a->connecting = true;
    return loop_connect(a->loop, a->ip, a->port, timeout_us > 0 ? timeout_us : -1, on_connected, a);
}

static void run_resolved(task_t *task) {
    connect_attempt_t *a = (connect_attempt_t *)(void *)((char *)task - offsetof(connect_attempt_t, resolved));
    apr_status_t status = a->status;
    if (status == APR_SUCCESS && a->peer->state == PEER_CONNECTING) {
        status = begin_connecting(a);
        if (status == APR_SUCCESS) return;
    }
    peer_t *p = end_attempt(a);
    if (p->state == PEER_CONNECTING) {
        fail_to_connect(p, status);
    } else {
        free_if_unused(p);
    }
}

/* On a thread of the executor. */
static void run_resolve(job_t *job) {
    connect_attempt_t *a = (connect_attempt_t *)(void *)job;
    a->status = host_resolve(a->host, a->ip, sizeof a->ip);
    loop_post(a->loop, &a->resolved);
}

static bool is_ipv4_text(const char *host) {
    return host[strspn(host, "0123456789.")] == 0;
}

static apr_status_t start_attempt(connect_attempt_t *a) {
    requester_t *r = a->peer->requester;
    if (r->options.resolver != NULL && !is_ipv4_text(a->host)) {
        a->job.run = run_resolve;
        a->resolved.run = run_resolved;
        return executor_submit(r->options.resolver, &a->job);
    }
    if (strlen(a->host) >= sizeof a->ip) return QMQ_E_TOO_LONG;
    memcpy(a->ip, a->host, strlen(a->host) + 1);
    return begin_connecting(a);
}

/* "host:port"; further parts are ignored, as the other implementations do. NULL: malformed. */
static connect_attempt_t *parse_address(const char *address) {
    const char *colon = strchr(address, ':');
    if (colon == NULL || colon == address) return NULL;
    int32_t port = 0;
    if (!id_parse_i32(view_make(colon + 1, strcspn(colon + 1, ":")), &port) || port < 1 || port > PORT_MOST) return NULL;
    connect_attempt_t *a = memory_zalloc(sizeof *a);
    a->host = memory_strndup(address, (size_t)(colon - address));
    a->port = port;
    return a;
}

static apr_status_t connect_peer(peer_t *p, const char *address) {
    connect_attempt_t *a = parse_address(address);
    if (a == NULL) return QMQ_E_INVALID;
    a->peer = p;
    a->loop = p->requester->loop;
    apr_status_t status = start_attempt(a);
    if (status != APR_SUCCESS) {
        free_attempt(a);
        return status;
    }
    p->attempt = a;
    p->holds++;
    return APR_SUCCESS;
}

static peer_t *create_peer(requester_t *r, const char *address, char *key) {
    peer_t *p = memory_zalloc(sizeof *p);
    p->requester = r;
    p->key = key;
    p->key_size = strlen(key);
    p->last = &p->first;
    r->live_peers++;
    apr_status_t status = connect_peer(p, address);
    if (status != APR_SUCCESS) {
        log_failure(p, status);
        p->state = PEER_ENDED;
        free_if_unused(p);
        return NULL;
    }
    table_put(&r->peers, p);
    return p;
}

peer_t *peer_find(requester_t *r, const char *address, bool separate) {
    char *key = memory_printf("%s%s", address, separate ? " " : "");
    peer_t *p = table_get(&r->peers, view_of(key));
    /* One that is closing only has its end to report. */
    if (p != NULL && p->state == PEER_OPEN && !connection_is_open(p->connection)) {
        peer_end(p, QMQ_E_CLOSED);
        p = NULL;
    }
    if (p == NULL) return create_peer(r, address, key);
    memory_free(key);
    return p;
}

void peer_add(peer_t *p, request_t *q) {
    q->peer = p;
    q->next = NULL;
    q->link = p->last;
    *p->last = q;
    p->last = &q->next;
    if (p->state == PEER_OPEN) send_request(p, q);
}

void peer_remove(request_t *q) {
    peer_t *p = q->peer;
    *q->link = q->next;
    if (q->next != NULL) {
        q->next->link = q->link;
    } else {
        p->last = q->link;
    }
}
