/* ResetOffset (metaserver.md 11.12, 12): every broker group of the subject's route is told where the consumer group goes on, all at the
 * same time; one that does not say yes makes the answer a failure. */
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_requests.h"
#include "metaserver/management.h"
#include "metaserver/routing.h"
#include "metaserver/stored_route.h"
#include "protocol/codes.h"
#include "protocol/consume_manage.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_TIMEOUT_US ((int64_t)2 * 1000000)

typedef struct reset reset_t;

typedef struct reset_target {
    reset_t *reset;
    char *group;
    char *address; /* NULL: the group has no row */
    bool done;     /* it said yes */
} reset_target_t;

struct reset {
    task_t task;
    action_call_t call; /* a copy that outlives the database's part */
    consume_manage_request_t request;
    char *subject;
    char *group;
    size_t count;
    size_t left;
    reset_target_t targets[];
};

static void reset_free(reset_t *r) {
    for (size_t i = 0; i < r->count; i++) {
        memory_free(r->targets[i].group);
        memory_free(r->targets[i].address);
    }
    memory_free(r->subject);
    memory_free(r->group);
    memory_free(r);
}

/* When everybody has answered: the first group, in the route's order, that failed. */
static void finish(reset_t *r) {
    const reset_target_t *failed = NULL;
    size_t good = 0;
    for (size_t i = 0; i < r->count; i++) {
        good += r->targets[i].done;
        if (failed == NULL && !r->targets[i].done) failed = &r->targets[i];
    }
    if (failed == NULL) {
        action_answer_ok(&r->call, json_string("success"));
    } else {
        log_warn(r->call.m->log, "ResetOffset of subject %s, group %s: done in %zu of %zu broker groups, which stay reset", r->subject,
                 r->group, good, r->count);
        action_answer_refused(&r->call, NULL, "reset failed: brokerGroupName=%s", failed->group);
    }
    reset_free(r);
}

static void one_finished(reset_t *r) {
    if (--r->left == 0) finish(r);
}

static void on_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    reset_target_t *t = arg;
    reset_t *r = t->reset;
    (void)block;
    t->done = status == APR_SUCCESS && response->code == RESPONSE_SUCCESS;
    char text[128];
    if (status != APR_SUCCESS)
        log_warn(r->call.m->log, "ResetOffset: broker group %s at %s: %s", t->group, t->address, status_text(status, text, sizeof text));
    else if (!t->done)
        log_warn(r->call.m->log, "ResetOffset: broker group %s at %s answers code %d", t->group, t->address, response->code);
    one_finished(r);
}

static void send_one(reset_t *r, reset_target_t *t) {
    if (t->address == NULL) {
        log_warn(r->call.m->log, "ResetOffset: broker group %s of the route was never on line, its address is not known", t->group);
        one_finished(r);
        return;
    }
    request_options_t o = {.code = REQUEST_CONSUME_MANAGE, .version = VERSION_8, .request_code = -1, .timeout_us = ANSWER_TIMEOUT_US};
    writer_t w;
    writer_init(&w, 64);
    consume_manage_request_write(&w, &r->request);
    chain_t body;
    chain_init(&body);
    size_t size = 0;
    uint8_t *bytes = writer_take(&w, &size);
    if (bytes != NULL) chain_append_memory(&body, bytes, size);
    requester_send(broker_requests_requester(r->call.m->broker_requests), t->address, &o, &body, on_answer, t);
}

/* On the loop. The count of those left keeps one more until all are sent, so that r stays. */
static void send_all(task_t *task) {
    reset_t *r = (reset_t *)(void *)task;
    r->left = r->count + 1;
    for (size_t i = 0; i < r->count; i++) send_one(r, &r->targets[i]);
    one_finished(r);
}

static bool take_address(void *arg, const db_value_t *columns, size_t count) {
    live_group_t group;
    if (live_group_read(columns, count, &group) && group.master.size > 0)
        *(char **)arg = memory_strndup(group.master.data, group.master.size);
    return false;
}

static apr_status_t find_addresses(reset_t *r, db_session_t *session, const group_names_t *names) {
    const char *statement = database_statements(r->call.m->database)->group_by_name;
    apr_status_t rv = APR_SUCCESS;
    for (size_t i = 0; i < names->count && rv == APR_SUCCESS; i++) {
        reset_target_t *t = &r->targets[r->count++];
        *t = (reset_target_t){.reset = r, .group = memory_strndup(names->items[i].data, names->items[i].size)};
        db_value_t value = DB_TEXT_OF(names->items[i]);
        rv = db_execute(session, statement, &value, 1, take_address, (void *)&t->address, NULL);
    }
    return rv;
}

static void reset_route(action_call_t *call, db_session_t *session, const group_names_t *names, int32_t code) {
    reset_t *r = memory_zalloc(sizeof *r + names->count * sizeof r->targets[0]);
    r->call = *call;
    r->subject = memory_strdup(action_text(call, "subject"));
    r->group = memory_strdup(action_text(call, "group"));
    r->request = (consume_manage_request_t){view_of(r->subject), view_of(r->group), code};
    apr_status_t rv = find_addresses(r, session, names);
    if (rv != APR_SUCCESS) {
        action_answer_failed(call, session, rv);
        reset_free(r);
        return;
    }
    r->task.run = send_all;
    loop_post(broker_requests_loop(call->m->broker_requests), &r->task);
}

/* False when it was answered. */
static bool read_request(action_call_t *call, int32_t *code) {
    char problem[256];
    bool is_number = action_integer(call, "code", code, problem, sizeof problem);
    if (is_number && (*action_text(call, "subject") == 0 || *action_text(call, "group") == 0)) {
        action_answer_refused(call, NULL, "subject and consumerGroup required");
        return false;
    }
    if (is_number && (*code == CONSUME_LATEST || *code == CONSUME_EARLIEST)) return true;
    action_answer_refused(call, NULL, "action must 1 or 2, LATEST=1, EARLIEST=2");
    return false;
}

void action_reset_offset(action_call_t *call, db_session_t *session) {
    int32_t code;
    if (!read_request(call, &code)) return;
    view_t real;
    char *subject = routing_real_subject(view_of(action_text(call, "subject")), &real) ? memory_strndup(real.data, real.size) : NULL;
    stored_route_t route = {.subject = NULL};
    apr_status_t rv = session == NULL ? call->query.work.status : APR_SUCCESS;
    if (rv == APR_SUCCESS && subject != NULL) rv = stored_route_find(&route, call->m->database, session, subject, call->m->log);
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (route.subject == NULL || route.names->count == 0)
        action_answer_refused(call, NULL, "find no route");
    else
        reset_route(call, session, route.names, code);
    stored_route_clear(&route);
    memory_free(subject);
}
