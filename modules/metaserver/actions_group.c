/* What was only to be set by hand in the database before: tag and ext of a broker group. */
#include "metaserver/broker_rows.h"
#include "metaserver/management.h"

#include "base/status.h"

#define TAG_CHARACTERS 30 /* VARCHAR(30) */
#define EXT_BYTES 16384   /* far below TEXT's 64 KiB */

static void update(action_call_t *call, db_session_t *session, const char *statement, const char *value) {
    db_value_t values[] = {DB_TEXT_OF(view_of(value)), DB_TEXT_OF(view_of(action_text(call, "brokerGroup")))};
    int64_t affected = 0;
    apr_status_t rv = session == NULL ? call->query.work.status : db_execute(session, statement, values, 2, NULL, NULL, &affected);
    if (rv != APR_SUCCESS) {
        action_answer_failed(call, session, rv);
    } else if (affected == 0) {
        action_answer_refused(call, NULL, "提供的 brokerGroup 暂时不存在");
    } else {
        refresh_soon(call->m->refresh);
        action_answer_ok(call, json_string("success"));
    }
}

static bool has_group(action_call_t *call) {
    if (*action_text(call, "brokerGroup") != 0) return true;
    action_answer_refused(call, NULL, "please provide broker group name");
    return false;
}

void action_set_group_tag(action_call_t *call, db_session_t *session) {
    const char *tag = action_text(call, "tag");
    if (!has_group(call)) return;
    if (text_characters(view_of(tag)) > TAG_CHARACTERS)
        action_answer_refused(call, NULL, "tag 不能超过 30 个字符");
    else
        update(call, session, database_statements(call->m->database)->group_tag, tag);
}

/* Readers of the table expect an object of texts. */
static bool is_ext(const char *text) {
    json_t *ext = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(ext);
    const char *key;
    json_t *value;
    json_object_foreach(ext, key, value) good = good && json_is_string(value);
    json_decref(ext);
    return good;
}

void action_set_group_ext(action_call_t *call, db_session_t *session) {
    const database_t *d = call->m->database;
    const char *ext = action_text(call, "ext");
    if (!has_group(call)) return;
    if (strlen(ext) > EXT_BYTES || !is_ext(ext))
        action_answer_refused(call, NULL, "ext must be a JSON object of texts, of at most %d bytes", EXT_BYTES);
    else if (database_groups_statement(d) != database_statements(d)->groups)
        action_answer_refused(call, NULL, "the table broker_group has no column ext; let somebody who may alter it add it");
    else
        update(call, session, database_statements(d)->group_ext, ext);
}
