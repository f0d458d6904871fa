#include "net/requester_impl.h"

#include "base/memory.h"
#include "base/status.h"

static view_t opaque_of(const void *value) {
    const request_t *q = value;
    return view_make(&q->opaque, sizeof q->opaque);
}

static view_t key_of(const void *value) {
    const peer_t *p = value;
    return view_make(p->key, p->key_size);
}

static request_t *find_request(const requester_t *r, int32_t opaque) {
    return table_get(&r->requests, view_make(&opaque, sizeof opaque));
}

/* Takes it out of everything it is in. */
static void detach(requester_t *r, request_t *q) {
    loop_timer_stop(r->loop, &q->timer);
    if (q->peer == NULL) return;
    (void)table_remove(&r->requests, opaque_of(q));
    peer_remove(q);
    q->peer = NULL;
}

static void finish(request_t *q, apr_status_t status, const frame_t *response, block_t *block) {
    response_fn done = q->done;
    void *arg = q->arg;
    chain_clear(&q->body);
    memory_free(q);
    done(arg, status, response, block);
}

static void run_report(task_t *task) {
    requester_t *r = (requester_t *)(void *)((char *)task - offsetof(requester_t, report));
    r->report_queued = false;
    while (r->ended != NULL) {
        request_t *q = r->ended;
        r->ended = q->next;
        if (r->ended == NULL) r->last_ended = &r->ended;
        finish(q, q->status, NULL, NULL);
    }
    requester_end_if_idle(r);
}

void request_fail(requester_t *r, request_t *q, apr_status_t status) {
    detach(r, q);
    q->status = status;
    q->next = NULL;
    *r->last_ended = q;
    r->last_ended = &q->next;
    if (r->report_queued) return;
    r->report_queued = true;
    loop_defer(r->loop, &r->report);
}

static void run_timeout(loop_timer_t *timer) {
    request_t *q = (request_t *)(void *)((char *)timer - offsetof(request_t, timer));
    detach(q->peer->requester, q);
    finish(q, APR_TIMEUP, NULL, NULL);
}

void requester_answer(peer_t *p, const frame_t *response, block_t *block) {
    requester_t *r = p->requester;
    request_t *q = find_request(r, response->opaque);
    if (q == NULL || q->peer != p) {
        if (r->options.log != NULL) {
            log_debug(r->options.log, "%s answered %d to opaque %d, which is not (or no longer) asked", connection_peer(p->connection),
                      response->code, response->opaque);
        }
        return;
    }
    detach(r, q);
    finish(q, APR_SUCCESS, response, block);
}

static request_t *create_request(const request_options_t *options, chain_t *body, response_fn done, void *arg) {
    request_t *q = memory_zalloc(sizeof *q);
    q->options = *options;
    q->done = done;
    q->arg = arg;
    q->timer.fire = run_timeout;
    chain_init(&q->body);
    if (body != NULL) chain_append_chain(&q->body, body);
    return q;
}

/* After 2^32 requests a number may still be in use by one without a time-out. */
static int32_t fresh_opaque(requester_t *r) {
    int32_t opaque;
    do {
        opaque = r->next_opaque;
        r->next_opaque = (int32_t)((uint32_t)opaque + 1);
    } while (find_request(r, opaque) != NULL);
    return opaque;
}

void requester_send(requester_t *r, const char *address, const request_options_t *options, chain_t *body, response_fn done, void *arg) {
    request_t *q = create_request(options, body, done, arg);
    if (r->stopping) {
        request_fail(r, q, QMQ_E_CLOSED);
        return;
    }
    peer_t *p = peer_find(r, address, options->separate);
    if (p == NULL) {
        request_fail(r, q, QMQ_E_UNREACHABLE);
        return;
    }
    q->opaque = fresh_opaque(r);
    table_put(&r->requests, q);
    if (options->timeout_us > 0) loop_timer_start(r->loop, &q->timer, options->timeout_us);
    peer_add(p, q);
}

apr_status_t requester_create(requester_t **out, const requester_options_t *options) {
    requester_t *r = memory_zalloc(sizeof *r);
    r->options = *options;
    r->loop = connection_context_loop(options->context);
    r->last_ended = &r->ended;
    r->report.run = run_report;
    table_init(&r->peers, key_of);
    table_init(&r->requests, opaque_of);
    *out = r;
    return APR_SUCCESS;
}

static void run_end(task_t *task) {
    requester_t *r = (requester_t *)(void *)((char *)task - offsetof(requester_t, end));
    r->end_queued = false;
    /* A callback of the last round may have sent once more; its failure is reported first. */
    if (r->report_queued) return;
    void (*stopped)(void *arg) = r->stopped;
    void *arg = r->stopped_arg;
    table_free(&r->peers);
    table_free(&r->requests);
    memory_free(r);
    if (stopped != NULL) stopped(arg);
}

void requester_end_if_idle(requester_t *r) {
    if (!r->stopping || r->live_peers > 0 || r->report_queued || r->end_queued) return;
    r->end_queued = true;
    loop_defer(r->loop, &r->end);
}

void requester_destroy(requester_t *r, void (*stopped)(void *arg), void *arg) {
    r->stopping = true;
    r->stopped = stopped;
    r->stopped_arg = arg;
    r->end.run = run_end;
    size_t at = 0;
    for (peer_t *p = table_next(&r->peers, &at); p != NULL; p = table_next(&r->peers, &at)) peer_end(p, QMQ_E_CLOSED);
    requester_end_if_idle(r);
}
