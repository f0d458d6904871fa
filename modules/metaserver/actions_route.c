/* Changing the routes of subjects: QuerySubjectRoute, AddSubjectBrokerGroup, RemoveSubjectBrokerGroup, ExtendSubjectRoute (metaserver.md
 * 11.7-11.9, 20). What was written is in the catalog before the answer leaves. */
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_rows.h"
#include "metaserver/management.h"
#include "metaserver/stored_route.h"

#include <string.h>

#define NO_ROUTE_YET "提供的 subject 暂时没有分配过 brokerGroup"
#define CHANGES_A_TRANSACTION 1000

static bool is_wildcard(const char *subject) {
    return strcmp(subject, "*") == 0;
}

static void answer_error(action_call_t *call, const char *message, json_t *route) {
    log_info(call->m->log, "%s refused: %s", call->action->name, message);
    json_t *body = json_pack("{s:s}", "error", message);
    if (route != NULL) (void)json_object_set_new(body, "subjectRoute", route);
    action_answer_json(call, body);
}

static apr_status_t find_route(const action_call_t *call, db_session_t *session, const char *subject, stored_route_t *route) {
    *route = (stored_route_t){.subject = NULL};
    if (session == NULL) return call->query.work.status;
    return stored_route_find(route, call->m->database, session, subject, call->m->log);
}

/* QuerySubjectRoute. */

void action_query_route(action_call_t *call, db_session_t *session) {
    const char *subject = action_text(call, "subject");
    stored_route_t route = {.subject = NULL};
    apr_status_t rv = APR_SUCCESS;
    if (*subject == 0) {
        action_answer_refused(call, NULL, "subject不能为空");
    } else if (is_wildcard(subject)) {
        action_answer_refused(call, NULL, "subject不能为*通配符");
    } else if ((rv = find_route(call, session, subject, &route)) != APR_SUCCESS) {
        action_answer_failed(call, session, rv);
    } else if (route.subject == NULL) {
        action_answer_refused(call, NULL, "find no route");
    } else {
        action_answer_ok(call, stored_route_json(&route));
    }
    stored_route_clear(&route);
}

/* Groups. */

static bool take_kind(void *arg, const db_value_t *columns, size_t count) {
    live_group_t group;
    if (live_group_read(columns, count, &group)) *(int *)arg = group.kind;
    return false;
}

/* Whether the group can be in routes: it has been on line once, as a real-time one. */
static apr_status_t find_group(const action_call_t *call, db_session_t *session, const char *group, bool *found) {
    int kind = 0;
    *found = false;
    if (session == NULL) return call->query.work.status;
    db_value_t value = DB_TEXT_OF(view_of(group));
    apr_status_t rv = db_execute(session, database_statements(call->m->database)->group_by_name, &value, 1, take_kind, &kind, NULL);
    *found = kind == KIND_NORMAL;
    return rv;
}

/* AddSubjectBrokerGroup. */

static void add_to_route(action_call_t *call, db_session_t *session, stored_route_t *route, const char *group) {
    view_t name = view_of(group);
    group_names_t *names = group_names_extend(route->names, &name, 1);
    bool won = false;
    apr_status_t rv = stored_route_write(route, call->m->database, session, names, &won);
    bool too_long = rv == QMQ_E_TOO_LONG;
    char *subject = memory_strdup(route->subject);
    if (won) catalog_put_route(call->m->catalog, view_of(subject), names);
    memory_free(names);
    if (rv == APR_SUCCESS) {
        stored_route_clear(route);
        rv = find_route(call, session, subject, route);
        if (rv == APR_SUCCESS && route->subject == NULL) rv = APR_NOTFOUND;
    }
    memory_free(subject);
    if (too_long)
        answer_error(call, "扩充 subject 对应 brokerGroup 失败，路由不能超过 300 个字符", stored_route_json(route));
    else if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (won)
        action_answer_json(call, stored_route_json(route));
    else
        answer_error(call, "扩充 subject 对应 brokerGroup 失败，请参考下面的当前配置", stored_route_json(route));
}

void action_add_subject_group(action_call_t *call, db_session_t *session) {
    const char *group = action_text(call, "brokerGroup"), *subject = action_text(call, "subject");
    if (*group == 0 || *subject == 0) {
        answer_error(call, "必须同时提供 brokerGroup 和 subject 两个参数", NULL);
        return;
    }
    bool found = false;
    stored_route_t route = {.subject = NULL};
    apr_status_t rv = find_group(call, session, group, &found);
    if (rv == APR_SUCCESS && found) rv = find_route(call, session, subject, &route);
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (!found)
        answer_error(call, "提供的 brokerGroup 暂时不存在", NULL);
    else if (route.subject == NULL)
        answer_error(call, NO_ROUTE_YET "，无法扩充", NULL);
    else
        add_to_route(call, session, &route, group);
    stored_route_clear(&route);
}

/* Changes of many routes: all that apply are read, then written, a bounded number in a transaction where the database is ours alone. */

typedef struct route_change {
    stored_route_t route;
    group_names_t *names; /* what it becomes; NULL: that must not be */
    bool won;
} route_change_t;

typedef struct route_changes {
    const action_call_t *call;
    group_names_t *(*change)(const struct route_changes *c, const group_names_t *names);
    view_t group;     /* routes that have this one */
    view_t new_group; /* and, when it is given, not this one */
    route_change_t *items;
    size_t count;
} route_changes_t;

static void note(route_changes_t *c, stored_route_t *route) {
    bool applies = group_names_have(route->names, c->group) && (c->new_group.size == 0 || !group_names_have(route->names, c->new_group));
    if (!applies) {
        stored_route_clear(route);
        return;
    }
    /* Grows at powers of two. */
    if ((c->count & (c->count + 1)) == 0) c->items = memory_realloc(c->items, (2 * c->count + 1) * sizeof *c->items);
    c->items[c->count++] = (route_change_t){.route = *route, .names = c->change(c, route->names)};
}

static bool take_route(void *arg, const db_value_t *columns, size_t count) {
    route_changes_t *c = arg;
    stored_route_t route;
    if (stored_route_read(&route, columns, count, c->call->m->log)) note(c, &route);
    return true;
}

/* Reads the routes of one subject (*found: whether it has one) or of all. */
static apr_status_t gather(route_changes_t *c, db_session_t *session, const char *subject, bool *found) {
    *found = true;
    if (session == NULL) return c->call->query.work.status;
    if (is_wildcard(subject)) return db_execute(session, database_statements(c->call->m->database)->routes, NULL, 0, take_route, c, NULL);
    stored_route_t route;
    apr_status_t rv = find_route(c->call, session, subject, &route);
    *found = route.subject != NULL;
    if (rv == APR_SUCCESS && *found) note(c, &route);
    return rv;
}

/* A route that has become too long for its column counts as lost. */
static apr_status_t write_some(const route_changes_t *c, db_session_t *session, size_t from, size_t to) {
    database_t *d = c->call->m->database;
    bool transaction = database_statements(d)->batches && to - from > 1;
    apr_status_t rv = transaction ? db_begin(session) : APR_SUCCESS;
    for (size_t i = from; i < to && rv == APR_SUCCESS; i++) {
        route_change_t *item = &c->items[i];
        if (item->names == NULL) continue;
        rv = stored_route_write(&item->route, d, session, item->names, &item->won);
        if (rv == QMQ_E_TOO_LONG) rv = APR_SUCCESS;
    }
    if (!transaction) return rv;
    if (rv == APR_SUCCESS) rv = db_commit(session);
    if (rv == APR_SUCCESS) return rv;
    db_rollback(session);
    for (size_t i = from; i < to; i++) c->items[i].won = false;
    return rv;
}

static apr_status_t write_all(const route_changes_t *c, db_session_t *session) {
    apr_status_t rv = APR_SUCCESS;
    for (size_t from = 0; from < c->count && rv == APR_SUCCESS; from += CHANGES_A_TRANSACTION) {
        size_t to = c->count - from < CHANGES_A_TRANSACTION ? c->count : from + CHANGES_A_TRANSACTION;
        rv = write_some(c, session, from, to);
    }
    for (size_t i = 0; i < c->count; i++) {
        const route_change_t *item = &c->items[i];
        if (item->won) catalog_put_route(c->call->m->catalog, view_of(item->route.subject), item->names);
    }
    return rv;
}

static void changes_clear(route_changes_t *c) {
    for (size_t i = 0; i < c->count; i++) {
        stored_route_clear(&c->items[i].route);
        memory_free(c->items[i].names);
    }
    memory_free(c->items);
}

/* RemoveSubjectBrokerGroup. */

static group_names_t *without(const route_changes_t *c, const group_names_t *names) {
    view_t *kept = memory_alloc(names->count * sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (!view_equal(names->items[i], c->group)) kept[count++] = names->items[i];
    }
    group_names_t *made = count == 0 ? NULL : group_names_make(kept, count);
    memory_free(kept);
    return made;
}

/* {subject: why not} of what was not changed. */
static json_t *removal_failures(const route_changes_t *c) {
    json_t *failures = json_object();
    for (size_t i = 0; i < c->count; i++) {
        const route_change_t *item = &c->items[i];
        if (item->won) continue;
        (void)json_object_set_new(
            failures, item->route.subject,
            json_string(item->names == NULL ? "不允许删除主题的最后一个 brokerGroup" : "缩减 subject 对应 brokerGroup 失败"));
    }
    return failures;
}

/* Routes that the next client would make longer again, perhaps with the group that was just removed. */
static void warn_of_top_up(const route_changes_t *c) {
    size_t wanted = atomic_load(&c->call->m->wanted_groups), count = 0;
    for (size_t i = 0; i < c->count; i++) count += c->items[i].won && c->items[i].names->count < wanted;
    if (count == 0) return;
    char *text =
        memory_printf("%zu of the subjects have fewer than min.group.num=%zu broker groups now; the next client gives them another "
                      "one, perhaps %.*s again unless it is off line",
                      count, wanted, VIEW_ARG(c->group));
    log_warn(c->call->m->log, "%s", text);
    http_request_warn(c->call->request, text);
    memory_free(text);
}

static void answer_removed(action_call_t *call, const route_changes_t *c, bool all) {
    warn_of_top_up(c);
    json_t *failures = removal_failures(c);
    if (json_object_size(failures) == 0)
        action_answer_ok(call, failures);
    else
        action_answer_refused(call, failures, "%s", all ? "部分主题路由缩减失败" : "路由缩减失败");
}

void action_remove_subject_group(action_call_t *call, db_session_t *session) {
    const char *group = action_text(call, "brokerGroup"), *subject = action_text(call, "subject");
    if (*group == 0 || *subject == 0) {
        action_answer_refused(call, NULL, "必须同时提供 brokerGroup 和 subject 两个参数");
        return;
    }
    route_changes_t c = {.call = call, .change = without, .group = view_of(group)};
    bool found = false;
    apr_status_t rv = gather(&c, session, subject, &found);
    if (rv == APR_SUCCESS) rv = write_all(&c, session);
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (!found)
        action_answer_refused(call, json_object(), NO_ROUTE_YET);
    else
        answer_removed(call, &c, is_wildcard(subject));
    changes_clear(&c);
}

/* ExtendSubjectRoute. */

static group_names_t *with(const route_changes_t *c, const group_names_t *names) {
    return group_names_extend(names, &c->new_group, 1);
}

static void extend(action_call_t *call, db_session_t *session, const char *subject, const char *group, const char *new_group) {
    route_changes_t c = {.call = call, .change = with, .group = view_of(group), .new_group = view_of(new_group)};
    bool found = false;
    apr_status_t rv = gather(&c, session, subject, &found);
    if (rv == APR_SUCCESS) rv = write_all(&c, session);
    int changed = 0;
    for (size_t i = 0; i < c.count; i++) changed += c.items[i].won;
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else
        action_answer_ok(call, json_sprintf("成功更新%d个subject的路由", changed));
    changes_clear(&c);
}

void action_extend_route(action_call_t *call, db_session_t *session) {
    const char *subject = action_text(call, "relatedSubject");
    const char *group = action_text(call, "relatedBrokerGroup"), *new_group = action_text(call, "newBrokerGroup");
    bool found = false;
    if (*subject == 0 || *group == 0 || *new_group == 0) {
        action_answer_refused(call, NULL, "必须同时提供 relatedSubject、relatedBrokerGroup 和 newBrokerGroup 三个参数");
        return;
    }
    apr_status_t rv = find_group(call, session, new_group, &found);
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (!found)
        action_answer_refused(call, NULL, "提供的 newBrokerGroup 暂时不存在");
    else
        extend(call, session, subject, group, new_group);
}
