#include "metaserver/assign.h"

#include "base/memory.h"
#include "base/status.h"
#include "metaserver/routing.h"

#define TRIES 5

typedef struct stored_route {
    bool found;
    int64_t version;
    group_names_t *names; /* NULL: the row's JSON is broken */
} stored_route_t;

static bool take_stored(void *arg, const db_value_t *columns, size_t count) {
    stored_route_t *s = arg;
    if (count < 3) return false;
    s->found = true;
    s->version = columns[1].number;
    s->names = group_names_parse(columns[2].text);
    return false;
}

static apr_status_t insert(database_t *d, db_session_t *session, const catalog_view_t *look, view_t real, size_t wanted,
                           group_names_t **names) {
    view_t *chosen;
    size_t count = routing_choose(look, real, NULL, wanted, &chosen);
    group_names_t *made = group_names_make(chosen, count);
    memory_free(chosen);
    apr_status_t rv = APR_SUCCESS;
    int64_t inserted = 0;
    if (made->count > 0) {
        char *json = group_names_json(made);
        db_value_t values[] = {DB_TEXT_OF(real), DB_INT_OF(1), DB_TEXT_OF(view_of(json))};
        rv = json == NULL ? QMQ_E_TOO_LONG : db_execute(session, database_statements(d)->route_insert, values, 3, NULL, NULL, &inserted);
        memory_free(json);
    }
    if (rv == APR_SUCCESS && inserted > 0) {
        *names = made;
    } else {
        memory_free(made);
    }
    return rv;
}

/* One try of step 5: *done when *names stands. */
static apr_status_t top_up(database_t *d, db_session_t *session, const catalog_view_t *look, view_t real, size_t wanted,
                           group_names_t **names, bool *done) {
    stored_route_t stored = {.names = NULL};
    db_value_t subject = DB_TEXT_OF(real);
    apr_status_t rv = db_execute(session, database_statements(d)->route_by_subject, &subject, 1, take_stored, &stored, NULL);
    *done = true;
    if (rv != APR_SUCCESS || !stored.found || stored.names == NULL) return rv;
    view_t *chosen = NULL;
    size_t count = stored.names->count >= wanted ? 0 : routing_choose(look, real, stored.names, wanted - stored.names->count, &chosen);
    if (count == 0) {
        *names = stored.names;
        memory_free(chosen);
        return APR_SUCCESS;
    }
    group_names_t *longer = group_names_extend(stored.names, chosen, count);
    char *json = group_names_json(longer);
    int64_t updated = 0;
    db_value_t values[] = {DB_TEXT_OF(view_of(json)), subject, DB_INT_OF(stored.version)};
    rv = json == NULL ? QMQ_E_TOO_LONG : db_execute(session, database_statements(d)->route_update, values, 3, NULL, NULL, &updated);
    *done = rv != APR_SUCCESS || updated > 0;
    if (rv == APR_SUCCESS && updated > 0) {
        *names = longer;
        longer = NULL;
    } else if (rv == QMQ_E_TOO_LONG) {
        *names = stored.names;
        stored.names = NULL;
    }
    memory_free(longer);
    memory_free(stored.names);
    memory_free(chosen);
    memory_free(json);
    return rv;
}

apr_status_t assign_route(database_t *d, db_session_t *session, catalog_t *catalog, view_t real, size_t wanted, group_names_t **names) {
    *names = NULL;
    catalog_view_t look;
    catalog_look(catalog, real, &look);
    apr_status_t rv = APR_SUCCESS;
    if (look.route == NULL) rv = insert(d, session, &look, real, wanted, names);
    bool done = rv != APR_SUCCESS || *names != NULL;
    for (int i = 0; i < TRIES && !done; i++) rv = top_up(d, session, &look, real, wanted, names, &done);
    catalog_done(&look);
    return rv;
}
