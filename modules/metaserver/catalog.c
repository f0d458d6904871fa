#include "metaserver/catalog.h"

#include "base/memory.h"
#include "portability/thread.h"

/* A route this metaserver has written, or read alone; kept until a reading of all routes that began later. */
typedef struct own_route {
    shared_t shared;
    int64_t sequence;
    bool added; /* `routes` has no such subject */
    group_names_t *names;
    size_t size;
    char subject[];
} own_route_t;

/* Likewise a group: sequence of the last write. The group itself lies in `written`. */
typedef struct own_group {
    struct own_group *next;
    int64_t sequence;
    size_t size;
    char name[];
} own_group_t;

struct catalog {
    mutex_t lock; /* everything */
    broker_groups_t *groups;
    routes_t *routes;
    subject_tags_t *tags;
    marks_t *readonly;
    marks_t *offline;
    int64_t offline_time;
    int64_t sequence;       /* number of the last write */
    int64_t marks_sequence; /* of the last that changed a mark: what a refresh read before is not believed, the next one comes at once */
    table_t own_routes;
    size_t added_routes; /* of own_routes */
    own_group_t *own_groups;
};

static view_t own_subject(const void *value) {
    const own_route_t *r = value;
    return view_make(r->subject, r->size);
}

static void own_route_destroy(shared_t *s) {
    own_route_t *r = (own_route_t *)s;
    memory_free(r->names);
    memory_free(r);
}

catalog_t *catalog_create(void) {
    catalog_t *c = memory_zalloc(sizeof *c);
    mutex_init(&c->lock);
    c->groups = broker_groups_create();
    c->routes = routes_create();
    c->tags = subject_tags_create();
    c->readonly = marks_create();
    c->offline = marks_create();
    c->offline_time = -1;
    table_init(&c->own_routes, own_subject);
    return c;
}

void catalog_destroy(catalog_t *c) {
    if (c == NULL) return;
    size_t at = 0;
    own_route_t *r;
    while ((r = table_next(&c->own_routes, &at)) != NULL) shared_release(&r->shared);
    table_free(&c->own_routes);
    while (c->own_groups != NULL) {
        own_group_t *next = c->own_groups->next;
        memory_free(c->own_groups);
        c->own_groups = next;
    }
    broker_groups_release(c->groups);
    subject_texts_release(c->routes);
    subject_texts_release(c->tags);
    marks_release(c->readonly);
    marks_release(c->offline);
    mutex_destroy(&c->lock);
    memory_free(c);
}

void catalog_look(catalog_t *c, view_t subject, catalog_view_t *view) {
    mutex_lock(&c->lock);
    *view = (catalog_view_t){.groups = c->groups,
                             .routes = c->routes,
                             .tags = c->tags,
                             .readonly = c->readonly,
                             .offline = c->offline,
                             .offline_time = c->offline_time,
                             .own = table_get(&c->own_routes, subject)};
    shared_retain(&view->groups->shared);
    shared_retain(&view->routes->shared);
    shared_retain(&view->tags->shared);
    shared_retain(&view->readonly->shared);
    shared_retain(&view->offline->shared);
    if (view->own != NULL) shared_retain(&view->own->shared);
    mutex_unlock(&c->lock);
    view->route = view->own != NULL ? view->own->names : routes_find(view->routes, subject);
}

void catalog_done(catalog_view_t *view) {
    broker_groups_release(view->groups);
    subject_texts_release(view->routes);
    subject_texts_release(view->tags);
    marks_release(view->readonly);
    marks_release(view->offline);
    if (view->own != NULL) shared_release(&view->own->shared);
}

int64_t catalog_begin(catalog_t *c) {
    mutex_lock(&c->lock);
    int64_t since = c->sequence;
    mutex_unlock(&c->lock);
    return since;
}

/* Groups written since the refresh began win over what it has read; older ones it has seen. */
static void carry_groups(catalog_t *c, int64_t since, broker_groups_t *fresh) {
    own_group_t **link = &c->own_groups;
    while (*link != NULL) {
        own_group_t *own = *link;
        if (own->sequence <= since) {
            *link = own->next;
            memory_free(own);
            continue;
        }
        const live_group_t *group = broker_groups_find(c->groups, view_make(own->name, own->size));
        if (group != NULL) broker_groups_put(fresh, group);
        link = &own->next;
    }
}

static void drop_routes(catalog_t *c, int64_t since) {
    size_t at = 0;
    own_route_t *r;
    c->added_routes = 0;
    while ((r = table_next(&c->own_routes, &at)) != NULL) {
        if (r->sequence > since) {
            r->added = routes_find(c->routes, own_subject(r)) == NULL;
            c->added_routes += r->added;
            continue;
        }
        (void)table_remove(&c->own_routes, own_subject(r));
        shared_release(&r->shared);
    }
}

void catalog_publish(catalog_t *c, int64_t since, broker_groups_t *groups, routes_t *routes, subject_tags_t *tags, marks_t *readonly) {
    broker_groups_t *old_groups = NULL;
    routes_t *old_routes = NULL;
    subject_tags_t *old_tags = NULL;
    marks_t *old_readonly = NULL;
    mutex_lock(&c->lock);
    if (groups != NULL) {
        carry_groups(c, since, groups);
        old_groups = c->groups;
        c->groups = groups;
    }
    if (routes != NULL) {
        old_routes = c->routes;
        c->routes = routes;
        drop_routes(c, since);
    }
    if (tags != NULL) {
        old_tags = c->tags;
        c->tags = tags;
    }
    if (readonly != NULL) {
        bool believed = c->marks_sequence <= since;
        old_readonly = believed ? c->readonly : readonly;
        if (believed) c->readonly = readonly;
    }
    mutex_unlock(&c->lock);
    broker_groups_release(old_groups);
    subject_texts_release(old_routes);
    subject_texts_release(old_tags);
    marks_release(old_readonly);
}

void catalog_publish_offline(catalog_t *c, marks_t *offline, int64_t time) {
    mutex_lock(&c->lock);
    marks_t *old = c->offline;
    c->offline = offline;
    c->offline_time = time;
    mutex_unlock(&c->lock);
    marks_release(old);
}

/* Under the lock. */
static void note_own_group(catalog_t *c, view_t name) {
    own_group_t *own = c->own_groups;
    while (own != NULL && !view_equal(view_make(own->name, own->size), name)) own = own->next;
    if (own == NULL) {
        own = memory_alloc(sizeof *own + name.size);
        own->size = name.size;
        if (name.size > 0) memcpy(own->name, name.data, name.size);
        own->next = c->own_groups;
        c->own_groups = own;
    }
    own->sequence = ++c->sequence;
}

void catalog_put_group(catalog_t *c, const live_group_t *group) {
    mutex_lock(&c->lock);
    broker_groups_t *changed = broker_groups_copy(c->groups);
    broker_groups_put(changed, group);
    broker_groups_t *old = c->groups;
    c->groups = changed;
    note_own_group(c, group->name);
    mutex_unlock(&c->lock);
    broker_groups_release(old);
}

static own_route_t *make_route(view_t subject, const group_names_t *names) {
    own_route_t *made = memory_zalloc(sizeof *made + subject.size);
    shared_init(&made->shared, own_route_destroy);
    made->names = group_names_copy(names);
    made->size = subject.size;
    if (subject.size > 0) memcpy(made->subject, subject.data, subject.size);
    return made;
}

/* Under the lock. */
static void put_route(catalog_t *c, own_route_t *made) {
    view_t subject = own_subject(made);
    own_route_t *old = table_remove(&c->own_routes, subject);
    made->sequence = ++c->sequence;
    made->added = routes_find(c->routes, subject) == NULL;
    c->added_routes += made->added;
    table_put(&c->own_routes, made);
    if (old == NULL) return;
    c->added_routes -= old->added;
    shared_release(&old->shared);
}

void catalog_put_route(catalog_t *c, view_t subject, const group_names_t *names) {
    own_route_t *made = make_route(subject, names);
    mutex_lock(&c->lock);
    put_route(c, made);
    mutex_unlock(&c->lock);
}

/* Under the lock: whether the reading that began at `since` knows better. */
static bool is_news(const catalog_t *c, int64_t since, view_t subject, const group_names_t *names) {
    const own_route_t *own = table_get(&c->own_routes, subject);
    if (own != NULL) return own->sequence <= since && !group_names_equal(own->names, names);
    const group_names_t *known = routes_find(c->routes, subject);
    return known == NULL || !group_names_equal(known, names);
}

void catalog_publish_changes(catalog_t *c, int64_t since, const routes_t *changes) {
    size_t at = 0;
    view_t subject;
    const group_names_t *names;
    while ((names = routes_next(changes, &at, &subject)) != NULL) {
        mutex_lock(&c->lock); /* for one at a time: nobody waits for many */
        if (is_news(c, since, subject, names)) put_route(c, make_route(subject, names));
        mutex_unlock(&c->lock);
    }
}

void catalog_put_mark(catalog_t *c, view_t subject, view_t group, bool readonly) {
    const view_t parts[] = {subject, group};
    mutex_lock(&c->lock);
    marks_t *old = c->readonly;
    c->readonly = marks_without(old, parts, 2);
    if (readonly) marks_add(c->readonly, parts, 2, 1);
    c->marks_sequence = ++c->sequence;
    mutex_unlock(&c->lock);
    marks_release(old);
}

int catalog_group_state(catalog_t *c, view_t group) {
    mutex_lock(&c->lock);
    const live_group_t *found = broker_groups_find(c->groups, group);
    int state = found == NULL ? 0 : found->state;
    mutex_unlock(&c->lock);
    return state;
}

void catalog_figures(catalog_t *c, catalog_figures_t *f) {
    mutex_lock(&c->lock);
    f->groups = c->groups->by_name.count;
    f->routes = c->routes->by_subject.count + c->added_routes;
    f->offline_time = c->offline_time;
    mutex_unlock(&c->lock);
}
