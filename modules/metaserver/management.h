/* POST /management: one table row an action (metaserver.md 10.5, 11). */
#ifndef QMQ_METASERVER_MANAGEMENT_H
#define QMQ_METASERVER_MANAGEMENT_H

#include "metaserver/metaserver_internal.h"

/* A request while its action runs, on a database thread. */
typedef struct action_call {
    query_t query;
    metaserver_t *m;
    http_request_t *request;
    const struct action *action;
} action_call_t;

typedef struct action {
    const char *name;
    bool token;  /* needs X-Api-Token */
    bool writes; /* runs on the writer */
    /* Answers exactly once with one of the functions below. session is NULL when the database cannot be reached. */
    void (*run)(action_call_t *call, db_session_t *session);
} action_t;

/* Parameters; "" when absent. */
const char *action_text(const action_call_t *call, const char *name);
/* A 32-bit integer as Java reads it; false with the text that Java would put into its exception. */
bool action_integer(const action_call_t *call, const char *name, int32_t *value, char *problem, size_t size);

/* Answers. JSON bodies take the reference over and end with a line feed; the envelope is {"status","message","data"}. */
void action_answer_json(action_call_t *call, json_t *body);
void action_answer_ok(action_call_t *call, json_t *data);
void action_answer_refused(action_call_t *call, json_t *data, const char *format, ...) QMQ_PRINTF(3, 4);
/* JSON text made by the caller. */
void action_answer_text(action_call_t *call, const char *json, size_t size);
/* HTTP 500, logged: the action could not be carried out. */
void action_answer_failed(action_call_t *call, db_session_t *session, apr_status_t status);
/* HTTP 500: a parameter cannot be used. */
void action_answer_unusable(action_call_t *call, const char *parameter, const char *problem);

void action_add_broker(action_call_t *call, db_session_t *session);
void action_register_broker(action_call_t *call, db_session_t *session);
void action_replace_broker(action_call_t *call, db_session_t *session);
void action_swap_broker(action_call_t *call, db_session_t *session);
void action_list_brokers(action_call_t *call, db_session_t *session);
void action_list_groups(action_call_t *call, db_session_t *session);
void action_list_routes(action_call_t *call, db_session_t *session);
void action_add_subject(action_call_t *call, db_session_t *session);
void action_query_route(action_call_t *call, db_session_t *session);
void action_add_subject_group(action_call_t *call, db_session_t *session);
void action_remove_subject_group(action_call_t *call, db_session_t *session);
void action_extend_route(action_call_t *call, db_session_t *session);
void action_mark_readonly(action_call_t *call, db_session_t *session);
void action_set_group_tag(action_call_t *call, db_session_t *session);
void action_set_group_ext(action_call_t *call, db_session_t *session);
void action_unmark_readonly(action_call_t *call, db_session_t *session);
void action_add_db(action_call_t *call, db_session_t *session);
void action_reset_offset(action_call_t *call, db_session_t *session);

#endif
