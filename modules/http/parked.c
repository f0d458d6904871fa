#include "http/server_internal.h"

#include "base/status.h"
#include "portability/clock.h"

#define COMPLAINT_US (10 * 1000000LL)

static void complain(const http_request_t *r) {
    http_server_t *s = r->server;
    int64_t left_out = 0;
    if (!log_permit(&s->overdue, COMPLAINT_US, &left_out)) return;
    log_warn(&s->log, "%s: %s %s of %s was not answered in time, it gets 503 (%lld such lines left out)", s->name, r->method, r->path,
             r->peer, (long long)left_out);
}

/* All requests of a server have the same time-out, so the list is in the order of the deadlines and only its head is looked at. */
static void run_timer(void *arg) {
    http_server_t *s = arg;
    mutex_lock(&s->lock);
    while (!s->stopping) {
        http_request_t *r = s->first_parked;
        if (r == NULL) {
            condition_wait(&s->changed, &s->lock);
            continue;
        }
        int64_t left = r->deadline_us - clock_mono_us();
        if (left > 0) {
            apr_status_t status = condition_wait_us(&s->changed, &s->lock, left);
            (void)status; /* time-out or not, the head is looked at again */
        } else {
            complain(r);
            request_answer_status(r, MHD_HTTP_SERVICE_UNAVAILABLE);
        }
    }
    mutex_unlock(&s->lock);
}

static bool has_timer(http_server_t *s) {
    if (s->timer != NULL) return true;
    apr_status_t status = thread_start(&s->timer, "http-deadline", run_timer, s);
    if (status == APR_SUCCESS) return true;
    char text[120];
    log_error(&s->log, "%s: cannot start the thread that watches deadlines: %s. Raise the limit of threads of this user", s->name,
              status_text(status, text, sizeof text));
    s->timer = NULL;
    return false;
}

void parked_add(http_request_t *r) {
    http_server_t *s = r->server;
    /* without a deadline a request whose client is gone would stay for ever */
    if (!has_timer(s)) {
        request_answer_status(r, MHD_HTTP_SERVICE_UNAVAILABLE);
        return;
    }
    MHD_suspend_connection(r->connection);
    r->parked = true;
    r->deadline_us = clock_mono_us() + s->answer_timeout_us;
    r->previous = s->last_parked;
    r->next = NULL;
    if (s->last_parked != NULL) {
        s->last_parked->next = r;
    } else {
        s->first_parked = r;
        condition_broadcast(&s->changed);
    }
    s->last_parked = r;
}

void parked_remove(http_request_t *r) {
    http_server_t *s = r->server;
    if (r->previous != NULL) {
        r->previous->next = r->next;
    } else {
        s->first_parked = r->next;
    }
    if (r->next != NULL) {
        r->next->previous = r->previous;
    } else {
        s->last_parked = r->previous;
    }
    r->previous = NULL;
    r->next = NULL;
    r->parked = false;
}

void parked_answer_all(http_server_t *s) {
    while (s->first_parked != NULL) request_answer_status(s->first_parked, MHD_HTTP_SERVICE_UNAVAILABLE);
}
