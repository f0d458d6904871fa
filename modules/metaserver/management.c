#include "metaserver/management.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_PLAIN "text/plain;charset=utf-8"
#define JSON "application/json"
#define NO_TOKEN "没有提供合法的 Api Token"

static const action_t actions[] = {
    {"AddBroker", true, true, action_add_broker},
    {"RegisterBroker", true, true, action_register_broker},
    {"ReplaceBroker", true, true, action_replace_broker},
    {"SwapBroker", true, true, action_swap_broker},
    {"ListBrokers", false, false, action_list_brokers},
    {"ListBrokerGroups", false, false, action_list_groups},
    {"ListSubjectRoutes", false, false, action_list_routes},
    {"QuerySubjectRoute", false, false, action_query_route},
    {"AddNewSubject", true, true, action_add_subject},
    {"AddSubjectBrokerGroup", true, true, action_add_subject_group},
    {"RemoveSubjectBrokerGroup", true, true, action_remove_subject_group},
    {"ExtendSubjectRoute", true, true, action_extend_route},
    {"MarkReadonlyBrokerGroup", true, true, action_mark_readonly},
    {"UnMarkReadonlyBrokerGroup", true, true, action_unmark_readonly},
    {"SetBrokerGroupTag", true, true, action_set_group_tag},
    {"SetBrokerGroupExt", true, true, action_set_group_ext},
    {"AddDb", true, true, action_add_db},
    {"ResetOffset", true, false, action_reset_offset},
};

/* Answers. */

static void respond(http_request_t *r, int status, const char *type, const char *format, ...) QMQ_PRINTF(4, 5);
static void respond(http_request_t *r, int status, const char *type, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *body = memory_vprintf(format, arguments);
    va_end(arguments);
    http_respond(r, status, type, body, strlen(body));
    memory_free(body);
}

static void respond_json(http_request_t *r, json_t *body) {
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    if (text != NULL)
        respond(r, 200, JSON, "%s\n", text);
    else
        respond(r, 500, TEXT_PLAIN, "the answer has text that is not UTF-8\n");
    free(text);
    json_decref(body);
}

static json_t *envelope(int status, const char *message, json_t *data) {
    return json_pack("{s:i, s:s, s:o}", "status", status, "message", message, "data", data == NULL ? json_null() : data);
}

void action_answer_json(action_call_t *call, json_t *body) {
    respond_json(call->request, body);
}

void action_answer_ok(action_call_t *call, json_t *data) {
    respond_json(call->request, envelope(0, "", data));
}

void action_answer_refused(action_call_t *call, json_t *data, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *message = memory_vprintf(format, arguments);
    va_end(arguments);
    log_info(call->m->log, "%s refused: %s", call->action->name, message);
    respond_json(call->request, envelope(-1, message, data));
    memory_free(message);
}

void action_answer_text(action_call_t *call, const char *json, size_t size) {
    http_respond(call->request, 200, JSON, json, size);
}

void action_answer_failed(action_call_t *call, db_session_t *session, apr_status_t status) {
    char text[DATABASE_CAUSE_BYTES];
    const char *cause = database_cause(call->m->database, session, status, text);
    log_error(call->m->log, "%s failed: %s", call->action->name, cause);
    respond(call->request, 500, TEXT_PLAIN, "%s failed: %s\n", call->action->name, cause);
}

void action_answer_unusable(action_call_t *call, const char *parameter, const char *problem) {
    log_info(call->m->log, "%s refused: %s: %s", call->action->name, parameter, problem);
    respond(call->request, 500, TEXT_PLAIN, "%s failed: %s: %s\n", call->action->name, parameter, problem);
}

/* Parameters. */

const char *action_text(const action_call_t *call, const char *name) {
    const char *value = http_request_parameter(call->request, name);
    return value == NULL ? "" : value;
}

bool action_integer(const action_call_t *call, const char *name, int32_t *value, char *problem, size_t size) {
    const char *text = http_request_parameter(call->request, name);
    if (text != NULL && id_parse_i32(view_of(text), value)) return true;
    if (text == NULL)
        (void)snprintf(problem, size, "null");
    else
        (void)snprintf(problem, size, "For input string: \"%s\"", text);
    return false;
}

/* Dispatch. */

static void run(query_t *q, db_session_t *session) {
    action_call_t *call = (action_call_t *)q;
    call->action->run(call, session);
    memory_free(call);
}

static bool is_permitted(metaserver_t *m, const action_t *action, http_request_t *r) {
    if (!action->token) return true;
    char who[128] = "";
    if (token_is_valid(m->token_file, m->internal_token, http_request_header(r, "X-Api-Token"), who, sizeof who)) {
        log_info(m->log, "%s from %s: %s passed token verification.", action->name, http_request_peer(r), who);
        return true;
    }
    log_warn(m->log, "%s from %s refused: no valid X-Api-Token; tokens stand in conf/valid-api-tokens.properties", action->name,
             http_request_peer(r));
    return false;
}

static const action_t *find_action(const char *name) {
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) == 0) return &actions[i];
    }
    return NULL;
}

void management_handle(void *arg, http_request_t *r) {
    metaserver_t *m = arg;
    const char *name = http_request_parameter(r, "action");
    if (name == NULL || *name == 0) {
        respond(r, 200, TEXT_PLAIN, "need provide action param\n");
        return;
    }
    const action_t *action = find_action(name);
    if (action == NULL) {
        respond(r, 200, TEXT_PLAIN, "不支持的 action: %s\n", name);
        return;
    }
    if (!is_permitted(m, action, r)) {
        respond_json(r, envelope(-1, NO_TOKEN, NULL));
        return;
    }
    action_call_t *call = memory_zalloc(sizeof *call);
    call->m = m;
    call->request = r;
    call->action = action;
    apr_status_t rv = database_submit(m->database, &call->query, action->writes, run);
    if (rv == APR_SUCCESS) return;
    memory_free(call);
    respond(r, 503, TEXT_PLAIN, rv == QMQ_E_FULL ? "too much work waits for the database\n" : "the metaserver stops\n");
}
