/* Recovery of what groups and consumers did. */
#include "base/status.h"
#include "store/action_replay.h"
#include "store/recovery.h"

#define BASE_PERCENT 90
#define SHARE_PERCENT 10

static void action_progress(void *arg, int64_t offset) {
    recovery_t *r = arg;
    recovery_tell(r, &r->store->actions.segments, offset, BASE_PERCENT, SHARE_PERCENT, "replaying the action log");
}

static void visit_action(void *arg, int64_t end, const action_record_t *record) {
    recovery_t *r = arg;
    store_t *s = r->store;
    (void)end;
    s->recovered_records++;
    store_subject_t *subject = recovery_subject(r, record->subject);
    store_group_t *group = subject == NULL ? NULL : group_progress_get(&s->progress, subject, record->group);
    if (group == NULL) {
        s->skipped_records++;
        return;
    }
    store_action_t action = {(action_type_t)record->type, group,
                             record->consumer_id,         record->time_ms,
                             record->broadcast,           record->first_pull,
                             record->last_pull,           record->first_message,
                             record->last_message};
    group_progress_apply(&s->progress, &action);
}

apr_status_t recover_actions(recovery_t *r) {
    store_t *s = r->store;
    action_visitor_t visitor = {visit_action, action_progress, r};
    apr_status_t status = action_replay(&s->actions.segments, 0, &visitor, &s->skipped_bytes, &s->skipped_records);
    if (status != APR_SUCCESS) {
        char text[160];
        r->error = error_create(status, "Make the files readable for this user", "cannot replay the action log in %s: %s",
                                s->actions.segments.directory, status_text(status, text, sizeof text));
    }
    return status;
}
