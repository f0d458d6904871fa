#include "net/server.h"

#include "base/memory.h"
#include "base/status.h"
#include "net/pace.h"
#include "portability/clock.h"
#include "portability/host.h"
#include "portability/thread.h"

#include <stdio.h>

#define CODE_UNKNOWN 3
#define CODE_HEARTBEAT 100
#define STRANGER_LINE_US ((int64_t)10 * 1000)
#define UNKNOWN_LINE_US ((int64_t)10 * 1000000)
#define REFUSED_LINE_US ((int64_t)60 * 1000000)
/* Shorter breaks are not worth a timer; after a long one it is looked at again. */
#define PAUSE_LEAST_US ((int64_t)2000)
#define PAUSE_MOST_US ((int64_t)1000000)

/* A connection of the server, in the list of its loop. */
typedef struct member {
    net_server_t *server;
    connection_t *connection;
    struct member *next;
    struct member **link;
    int loop;
    uint32_t burst; /* requests that have come and are not counted yet, by their weight */
    loop_timer_t pause;
} member_t;

/* A socket on its way from the first loop to another. */
typedef struct arrival {
    task_t task;
    net_server_t *server;
    raw_socket_t *socket;
    int loop;
} arrival_t;

typedef struct loop_members {
    member_t *first;
    bool closing;
} loop_members_t;

struct net_server {
    net_server_options_t options;
    char *name;
    char *address;
    loops_t *loops;
    loop_listener_t *listener;
    int port;
    int next_loop;
    command_fn *by_code; /* index is the code */
    int codes;
    _Atomic int connections;
    log_limit_t strangers;
    log_limit_t unknown;
    log_limit_t refused;
    log_limit_t paced;
    pace_t pace;
    mutex_t lock; /* with `left`: a connection has gone */
    condition_t left;
    loop_members_t members[]; /* one a loop, only touched there */
};

/* The end of a limited line. */
static const char *left_out(int64_t lines, char *to, size_t size) {
    if (lines == 0) return "";
    (void)snprintf(to, size, " (%lld such lines left out)", (long long)lines);
    return to;
}

static void answer_unknown(net_server_t *s, connection_t *c, const frame_t *request) {
    connection_reply(c, request, CODE_UNKNOWN, NULL);
    char more[64];
    int64_t suppressed = 0;
    if (request->code == CODE_HEARTBEAT || !log_permit(&s->unknown, UNKNOWN_LINE_US, &suppressed)) return;
    log_warn(s->options.log, "%s %d: request code %d (version %d) of %s is not served here, answered %d%s", s->name, s->port, request->code,
             request->version, connection_peer(c), CODE_UNKNOWN, left_out(suppressed, more, sizeof more));
}

static void on_frame(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    member_t *m = arg;
    net_server_t *s = m->server;
    m->burst += s->options.weigh == NULL ? 1 : s->options.weigh(s->options.arg, request);
    if ((request->flag & FRAME_FLAG_RESPONSE) != 0) return;
    command_fn run = request->code >= 0 && request->code < s->codes ? s->by_code[request->code] : NULL;
    if (run == NULL) {
        answer_unknown(s, c, request);
    } else {
        run(s->options.arg, c, request, block);
    }
}

static view_t host_of(const connection_t *c) {
    view_t peer = view_of(connection_peer(c));
    while (peer.size > 0 && peer.data[peer.size - 1] != ':') peer.size--;
    return peer;
}

/* Whoever sends too fast is not read from for a while. */
static void keep_pace(member_t *m) {
    net_server_t *s = m->server;
    loop_t *loop = loops_at(s->loops, m->loop);
    int64_t wait_us = pace_take(&s->pace, host_of(m->connection), m->burst, clock_mono_us());
    m->burst = 0;
    if (wait_us < PAUSE_LEAST_US) return;
    char more[64];
    int64_t suppressed = 0;
    if (log_permit(&s->paced, REFUSED_LINE_US, &suppressed))
        log_warn(s->options.log, "%s %d: %s sends more than %d requests a second, it is read more slowly%s", s->name, s->port,
                 connection_peer(m->connection), s->options.max_requests, left_out(suppressed, more, sizeof more));
    connection_pause(m->connection, true);
    loop_timer_start(loop, &m->pause, wait_us < PAUSE_MOST_US ? wait_us : PAUSE_MOST_US);
}

static void pause_ended(loop_timer_t *t) {
    member_t *m = (member_t *)((char *)t - offsetof(member_t, pause));
    connection_pause(m->connection, false);
    keep_pace(m);
}

static void on_burst_end(void *arg, connection_t *c) {
    member_t *m = arg;
    net_server_t *s = m->server;
    if (s->options.burst_end != NULL) s->options.burst_end(s->options.arg, c);
    if (s->pace.cost_ns > 0 && connection_is_open(c)) keep_pace(m);
}

static void count_down(net_server_t *s) {
    mutex_lock(&s->lock);
    atomic_fetch_sub(&s->connections, 1);
    condition_signal(&s->left);
    mutex_unlock(&s->lock);
}

static void log_end(net_server_t *s, const connection_t *c, const char *reason) {
    char more[64];
    int64_t suppressed = 0;
    if (!connection_broke_protocol(c)) {
        log_debug(s->options.log, "%s %d: connection of %s ended: %s", s->name, s->port, connection_peer(c), reason);
    } else if (log_permit(&s->strangers, STRANGER_LINE_US, &suppressed)) {
        log_warn(s->options.log, "%s %d: closed the connection of %s, which sent no QMQ frame: %s%s", s->name, s->port, connection_peer(c),
                 reason, left_out(suppressed, more, sizeof more));
    }
}

static void on_gone(void *arg, connection_t *c, const char *reason) {
    member_t *m = arg;
    net_server_t *s = m->server;
    *m->link = m->next;
    if (m->next != NULL) m->next->link = m->link;
    loop_timer_stop(loops_at(s->loops, m->loop), &m->pause);
    memory_free(m);
    log_end(s, c, reason);
    if (s->options.closed != NULL) s->options.closed(s->options.arg, c);
    count_down(s);
}

static const connection_events_t member_events = {on_frame, on_burst_end, on_gone};

static void enlist(member_t *m, loop_members_t *list) {
    m->next = list->first;
    m->link = &list->first;
    if (m->next != NULL) m->next->link = &m->next;
    list->first = m;
}

/* On the loop the connection will live on; it is already counted. */
static void admit(net_server_t *s, raw_socket_t *socket, int loop) {
    if (s->members[loop].closing) {
        raw_socket_close(socket);
        count_down(s);
        return;
    }
    member_t *m = memory_zalloc(sizeof *m);
    m->server = s;
    m->loop = loop;
    m->pause.fire = pause_ended;
    connection_options_t options = {
        .max_frame = s->options.max_frame, .max_unsent = s->options.max_unsent, .keepalive = true, .events = &member_events, .arg = m};
    apr_status_t status = connection_open(&m->connection, loops_context(s->loops, loop), socket, &options);
    if (status != APR_SUCCESS) {
        char text[120];
        log_warn(s->options.log, "%s %d: cannot take a new connection: %s", s->name, s->port, status_text(status, text, sizeof text));
        memory_free(m);
        count_down(s);
        return;
    }
    enlist(m, &s->members[loop]);
    keep_pace(m); /* its address may be in debt */
    if (s->options.opened != NULL) s->options.opened(s->options.arg, m->connection);
}

static void run_arrival(task_t *task) {
    arrival_t *a = (arrival_t *)(void *)task;
    admit(a->server, a->socket, a->loop);
    memory_free(a);
}

static void refuse(net_server_t *s, raw_socket_t *socket, bool scarce) {
    char peer[32] = "unknown";
    char more[64];
    int64_t suppressed = 0;
    if (log_permit(&s->refused, REFUSED_LINE_US, &suppressed)) {
        if (raw_socket_peer(socket, peer, sizeof peer) != APR_SUCCESS) memcpy(peer, "unknown", sizeof "unknown");
        if (scarce)
            log_warn(s->options.log, "%s %d: refused %s: hardly a file descriptor is left. Raise the limit of open files of this user%s",
                     s->name, s->port, peer, left_out(suppressed, more, sizeof more));
        else
            log_warn(s->options.log, "%s %d: refused %s: all %d connections are in use%s", s->name, s->port, peer,
                     s->options.max_connections, left_out(suppressed, more, sizeof more));
    }
    raw_socket_close(socket);
}

static void on_accept(void *arg, raw_socket_t *socket) {
    net_server_t *s = arg;
    bool scarce = raw_socket_is_scarce(socket);
    if (scarce || atomic_load(&s->connections) >= s->options.max_connections) {
        refuse(s, socket, scarce);
        return;
    }
    atomic_fetch_add(&s->connections, 1);
    int loop = s->next_loop;
    s->next_loop = (loop + 1) % loops_count(s->loops);
    if (loop == 0) {
        admit(s, socket, loop);
        return;
    }
    arrival_t *a = memory_alloc(sizeof *a);
    *a = (arrival_t){{NULL, run_arrival}, s, socket, loop};
    loop_post(loops_at(s->loops, loop), &a->task);
}

static void on_loop(loops_t *loops, int index, void (*fn)(void *arg), void *arg) {
    if (loops_current(loops) == index) {
        fn(arg);
    } else {
        loops_call(loops, index, fn, arg);
    }
}

static void index_commands(net_server_t *s, const command_t *commands) {
    for (const command_t *c = commands; c->code != 0; c++) {
        if (c->code >= s->codes) s->codes = c->code + 1;
    }
    s->by_code = memory_zalloc((size_t)s->codes * sizeof *s->by_code);
    for (const command_t *c = commands; c->code != 0; c++) {
        if (c->code > 0) s->by_code[c->code] = c->run;
    }
}

static net_server_t *create(loops_t *loops, const net_server_options_t *options) {
    net_server_t *s = memory_zalloc(sizeof *s + (size_t)loops_count(loops) * sizeof *s->members);
    s->options = *options;
    s->name = memory_strdup(options->name);
    s->address = memory_strdup(options->address);
    s->loops = loops;
    pace_init(&s->pace, options->max_requests);
    index_commands(s, options->commands);
    mutex_init(&s->lock);
    condition_init(&s->left);
    return s;
}

static void discard(net_server_t *s) {
    condition_destroy(&s->left);
    mutex_destroy(&s->lock);
    memory_free(s->by_code);
    memory_free(s->address);
    memory_free(s->name);
    memory_free(s);
}

static qmq_error_t *listen_error(const net_server_t *s, apr_status_t status) {
    const char *name = s->name;
    int port = s->options.port;
    char text[160];
    if (status == APR_FROM_OS_ERROR(EADDRINUSE)) {
        bool known = process_listening(port, text, sizeof text) == APR_SUCCESS;
        qmq_error_t *e = error_create(status, NULL, "%s: port %d of %s is in use by %s", name, port, s->address,
                                      known ? text : "another process that the system does not name");
        error_set_remedy(e, "Stop that process, or set %s to another port", name);
        return e;
    }
    qmq_error_t *e = error_create(status, NULL, "%s: cannot listen on port %d of %s: %s", name, port, s->address,
                                  status_text(status, text, sizeof text));
    error_set_remedy(e, "Set %s to a port, and the address to one of this machine, that this user may listen on", name);
    return e;
}

typedef struct listen_call {
    net_server_t *server;
    apr_status_t status;
} listen_call_t;

static void listen_on_loop(void *arg) {
    listen_call_t *call = arg;
    net_server_t *s = call->server;
    call->status = loop_listen(&s->listener, loops_at(s->loops, 0), s->address, s->options.port, on_accept, s, &s->port);
}

apr_status_t net_server_start(net_server_t **out, loops_t *loops, const net_server_options_t *options, qmq_error_t **error) {
    listen_call_t call = {create(loops, options), APR_SUCCESS};
    on_loop(loops, 0, listen_on_loop, &call);
    if (call.status != APR_SUCCESS) {
        *error = listen_error(call.server, call.status);
        discard(call.server);
        return call.status;
    }
    *out = call.server;
    return APR_SUCCESS;
}

int net_server_port(const net_server_t *s) {
    return s->port;
}

int net_server_connections(const net_server_t *s) {
    return atomic_load(&s->connections);
}

static void close_listener(void *arg) {
    net_server_t *s = arg;
    loop_listener_close(s->listener);
    s->listener = NULL;
}

void net_server_stop_accepting(net_server_t *s) {
    loops_call(s->loops, 0, close_listener, s);
}

typedef struct close_call {
    net_server_t *server;
    int loop;
    bool flush;
} close_call_t;

static void close_members(void *arg) {
    close_call_t *call = arg;
    loop_members_t *list = &call->server->members[call->loop];
    list->closing = true;
    /* gone never comes inside connection_close, so the list stays as it is. */
    for (member_t *m = list->first; m != NULL; m = m->next) connection_close(m->connection, call->flush, "the server stops");
}

static void close_everywhere(net_server_t *s, bool flush) {
    for (int i = 0; i < loops_count(s->loops); i++) {
        close_call_t call = {s, i, flush};
        loops_call(s->loops, i, close_members, &call);
    }
}

static void wait_until_empty(net_server_t *s, int64_t at_most_us) {
    int64_t end = clock_mono_us() + at_most_us;
    mutex_lock(&s->lock);
    while (atomic_load(&s->connections) > 0) {
        int64_t left = at_most_us < 0 ? 0 : end - clock_mono_us();
        if (at_most_us < 0) {
            condition_wait(&s->left, &s->lock);
        } else if (left <= 0 || condition_wait_us(&s->left, &s->lock, left) == APR_TIMEUP) {
            break;
        }
    }
    mutex_unlock(&s->lock);
}

static void do_nothing(void *arg) {
    (void)arg;
}

void net_server_destroy(net_server_t *s, int64_t flush_us) {
    if (s == NULL) return;
    net_server_stop_accepting(s);
    close_everywhere(s, true);
    wait_until_empty(s, flush_us > 0 ? flush_us : 0);
    close_everywhere(s, false);
    wait_until_empty(s, -1);
    /* The loop that counted the last one down has left the server's code when it gets to this. */
    for (int i = 0; i < loops_count(s->loops); i++) loops_call(s->loops, i, do_nothing, NULL);
    discard(s);
}
