#include "broker/consume_manage.h"

#include "base/memory.h"
#include "broker/group.h"
#include "protocol/codes.h"
#include "protocol/consume_manage.h"

typedef struct reset {
    operation_t op; /* first */
    reply_to_t reply;
    int32_t where;
    position_wait_t wait;
    bool moved;
} reset_t;

static step_t reset_end(reset_t *r, int16_t code) {
    reply_send(&r->reply, code, NULL);
    memory_free(r);
    return STEP_DONE;
}

static void reset_saved(position_wait_t *wait) {
    reset_t *r = (reset_t *)((char *)wait - offsetof(reset_t, wait));
    group_continue(r->op.group);
}

/* In the group's turn, so that no pull under way can overwrite it (BUG-13); answered when no kill can take it back. */
static step_t reset_run(operation_t *op) {
    reset_t *r = (reset_t *)op;
    group_t *g = op->group;
    int64_t min, next;
    if (r->moved) return reset_end(r, r->wait.status == APR_SUCCESS ? RESPONSE_SUCCESS : RESPONSE_BROKER_ERROR);
    if (!store_subject_bounds(group_subject(g), &min, &next)) return reset_end(r, RESPONSE_SUCCESS);
    group_move_to(g, r->where == CONSUME_EARLIEST ? min : next);
    r->moved = true;
    r->wait.saved = reset_saved;
    worker_await_positions(group_home(g), &r->wait);
    return STEP_WAITS;
}

void consume_manage_command(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    broker_t *b = arg;
    (void)block;
    consume_manage_request_t r;
    if (!consume_manage_request_read(request->body, &r)) {
        connection_reply(c, request, RESPONSE_BROKER_ERROR, NULL);
        return;
    }
    store_subject_t *subject = store_subject_find(b->store, r.subject);
    group_t *g = subject == NULL || (r.where != CONSUME_EARLIEST && r.where != CONSUME_LATEST) ? NULL : group_get(b, r.subject, r.group);
    if (g == NULL) {
        log_info(b->log, "reset of group %.*s, subject %.*s to %d: nothing to do", VIEW_ARG(r.group), VIEW_ARG(r.subject), (int)r.where);
        connection_reply(c, request, RESPONSE_SUCCESS, NULL);
        return;
    }
    if (group_is_crowded(g)) {
        connection_reply(c, request, RESPONSE_BROKER_ERROR, NULL);
        return;
    }
    reset_t *reset = memory_zalloc(sizeof *reset);
    reset->op.run = reset_run;
    reset->op.knows = -1;
    reply_to_init(&reset->reply, c, request);
    reset->where = r.where;
    group_submit(g, &reset->op, broker_current_worker(b));
}
