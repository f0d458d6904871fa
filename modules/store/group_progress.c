#include "store/group_progress.h"

#include "base/memory.h"
#include "base/writer.h"

/* More consumers than this are kept in a hash table. */
#define FEW_CONSUMERS 16

typedef struct group_key {
    const store_subject_t *subject;
    view_t group;
} group_key_t;

typedef struct maker {
    group_progress_t *progress;
    store_subject_t *subject;
} maker_t;

static view_t consumer_key(const void *value) {
    return name_view(((const store_consumer_t *)value)->id);
}

static uint64_t key_hash(const group_key_t *key) {
    return view_hash(key->group) ^ (key->subject->named.hash * 0x9e3779b97f4a7c15u);
}

static bool same_group(const named_t *thing, const void *key) {
    const store_group_t *g = (const store_group_t *)thing;
    const group_key_t *k = key;
    return g->subject == k->subject && view_equal(name_view(g->name), k->group);
}

static named_t *make_group(void *arg, const void *key) {
    maker_t *maker = arg;
    store_group_t *g = memory_zalloc(sizeof *g);
    g->subject = maker->subject;
    g->name = name_pool_get(&maker->progress->names, ((const group_key_t *)key)->group);
    g->progress = maker->progress;
    g->pulled = g->moved_to = -1;
    g->sibling = atomic_load_explicit(&g->subject->groups, memory_order_relaxed); /* insertions come one by one */
    atomic_store_explicit(&g->subject->groups, g, memory_order_release);
    return &g->named;
}

void group_progress_init(group_progress_t *p, metrics_t *metrics) {
    memset(p, 0, sizeof *p);
    p->metrics = metrics;
    name_table_init(&p->groups);
    name_pool_init(&p->names);
    for (size_t i = 0; i < GROUP_LOCKS; i++) mutex_init(&p->locks[i]);
}

static void consumer_free(store_consumer_t *c) {
    pull_log_free(&c->pulled);
    tablet_refs_drop(&c->tablets, INT64_MAX);
    memory_free(c);
}

static void group_free(void *arg, named_t *thing) {
    (void)arg;
    store_group_t *g = (store_group_t *)thing;
    if (g->many != NULL) {
        size_t at = 0;
        for (void *c; (c = table_next(g->many, &at)) != NULL;) consumer_free(c);
        table_free(g->many);
        memory_free(g->many);
    }
    for (uint32_t i = 0; g->consumers != NULL && i < g->consumer_count; i++) consumer_free(g->consumers[i]);
    memory_free(g->consumers);
    memory_free(g);
}

void group_progress_free(group_progress_t *p) {
    name_table_each(&p->groups, group_free, NULL);
    name_table_free(&p->groups);
    name_pool_free(&p->names);
    for (size_t i = 0; i < GROUP_LOCKS; i++) mutex_destroy(&p->locks[i]);
}

store_group_t *group_progress_find(group_progress_t *p, const store_subject_t *subject, view_t group) {
    group_key_t key = {subject, group};
    return (store_group_t *)name_table_find(&p->groups, key_hash(&key), same_group, &key);
}

store_group_t *group_progress_get(group_progress_t *p, store_subject_t *subject, view_t group) {
    if (group.size == 0 || group.size > WRITER_MAX_STR) return NULL;
    group_key_t key = {subject, group};
    maker_t maker = {p, subject};
    return (store_group_t *)name_table_get(&p->groups, key_hash(&key), same_group, make_group, &maker, &key);
}

static mutex_t *lock_of(const store_group_t *g) {
    return &g->progress->locks[(g->named.hash >> 40) % GROUP_LOCKS];
}

/* With the group's lock held; so are the following. */
static store_consumer_t *find_consumer(const store_group_t *g, view_t id) {
    if (g->many != NULL) return table_get(g->many, id);
    for (uint32_t i = 0; i < g->consumer_count; i++) {
        if (view_equal(name_view(g->consumers[i]->id), id)) return g->consumers[i];
    }
    return NULL;
}

static void move_to_table(store_group_t *g) {
    g->many = memory_alloc(sizeof *g->many);
    table_init(g->many, consumer_key);
    for (uint32_t i = 0; i < g->consumer_count; i++) table_put(g->many, g->consumers[i]);
    memory_free(g->consumers);
    g->consumers = NULL;
}

static store_consumer_t *get_consumer(store_group_t *g, view_t id) {
    store_consumer_t *c = find_consumer(g, id);
    if (c != NULL) return c;
    c = memory_zalloc(sizeof *c);
    c->id = name_pool_get(&g->progress->names, id);
    c->pull = c->ack = c->tabled = -1;
    if (g->many == NULL && g->consumer_count == FEW_CONSUMERS) move_to_table(g);
    if (g->many != NULL) {
        table_put(g->many, c);
    } else {
        g->consumers = memory_realloc(g->consumers, (g->consumer_count + 1) * sizeof(store_consumer_t *));
        g->consumers[g->consumer_count] = c;
    }
    g->consumer_count++;
    atomic_fetch_add_explicit(&g->progress->consumer_count, 1, memory_order_relaxed);
    return c;
}

static void remove_consumer(store_group_t *g, store_consumer_t *c) {
    if (g->many != NULL) {
        (void)table_remove(g->many, name_view(c->id));
    } else {
        uint32_t i = 0;
        while (g->consumers[i] != c) i++;
        g->consumers[i] = g->consumers[g->consumer_count - 1];
    }
    g->consumer_count--;
    atomic_fetch_sub_explicit(&g->progress->consumer_count, 1, memory_order_relaxed);
    name_pool_release(&g->progress->names, c->id);
    consumer_free(c);
}

static void know(store_group_t *g, bool broadcast) {
    if (g->known) return;
    g->known = true;
    g->broadcast = broadcast;
    atomic_fetch_add_explicit(&g->progress->group_count, 1, memory_order_relaxed);
}

/* Behind what was pulled is where every group is. */
static void set_next(store_group_t *g, int64_t next) {
    g->moved_to = g->known && next == g->pulled + 1 ? -1 : next;
}

/* The mapping comes before the positions that make others ask for it. */
static void apply_pull(store_group_t *g, const store_action_t *a) {
    know(g, a->broadcast);
    store_consumer_t *c = find_consumer(g, a->consumer_id);
    if (c == NULL && a->last_pull > -1) c = get_consumer(g, a->consumer_id);
    if (c != NULL) {
        int64_t first = a->first_pull, skip = c->ack - first + 1;
        if (skip < 0 || a->first_pull < 0) skip = 0;
        if (!g->broadcast && !a->broadcast && a->last_pull > c->ack) {
            pull_log_put(&c->pulled, first + skip, a->last_pull, a->first_message + skip);
            if (first + skip <= c->tabled) c->tabled = first + skip - 1; /* given a second time: the tablet is not right any more */
        }
        if (a->last_pull > c->pull && !g->broadcast)
            atomic_fetch_add_explicit(&g->progress->untabled, a->last_pull - c->pull, memory_order_relaxed);
        if (a->last_pull > c->pull) c->pull = a->last_pull;
    }
    if (a->last_message > g->pulled) g->pulled = a->last_message;
    if (g->moved_to >= 0) set_next(g, a->last_message + 1);
}

static void apply_ack(store_group_t *g, const store_action_t *a) {
    store_consumer_t *c = find_consumer(g, a->consumer_id);
    if (c == NULL) return;
    bool in_order = a->first_pull <= c->ack + 1;
    int64_t from = c->ack > c->tabled ? c->ack : c->tabled;
    if (a->last_pull > from && !g->broadcast) atomic_fetch_sub_explicit(&g->progress->untabled, a->last_pull - from, memory_order_relaxed);
    if (a->last_pull > c->ack) c->ack = a->last_pull;
    tablet_refs_drop(&c->tablets, c->ack);
    if (c->ack > c->pull) c->pull = c->ack;
    if (in_order) pull_log_trim(&c->pulled, c->ack);
}

static void apply_offline(store_group_t *g, const store_action_t *a) {
    store_consumer_t *c = find_consumer(g, a->consumer_id);
    if (c == NULL) return;
    remove_consumer(g, c);
    atomic_store_explicit(&g->progress->offline, true, memory_order_relaxed);
}

static void count_lost(group_progress_t *p, const store_group_t *g, int64_t lost) {
    metric_labels_t labels = {"subject", store_group_subject(g), "group", store_group_name(g)};
    metric_add(metrics_counter(p->metrics, "maybeLostMessages", labels), lost);
}

void group_progress_apply(group_progress_t *p, const store_action_t *a) {
    store_group_t *g = a->group;
    int64_t lost = 0;
    mutex_lock(lock_of(g));
    switch (a->type) {
    case ACTION_PULL:
        if (g->known && a->first_message > g->pulled + 1) lost = a->first_message - g->pulled - 1;
        apply_pull(g, a);
        break;
    case ACTION_RANGE_ACK:
        apply_ack(g, a);
        break;
    case ACTION_FOREVER_OFFLINE:
        apply_offline(g, a);
        break;
    }
    mutex_unlock(lock_of(g));
    if (lost > 0) count_lost(p, g, lost);
}

store_group_t *group_progress_restore(group_progress_t *p, store_subject_t *subject, view_t group, bool broadcast, int64_t pulled) {
    store_group_t *g = group_progress_get(p, subject, group);
    if (g == NULL) return NULL;
    know(g, broadcast);
    if (pulled > g->pulled) g->pulled = pulled;
    return g;
}

void group_progress_restore_consumer(store_group_t *g, view_t consumer_id, int64_t pull, int64_t ack) {
    store_consumer_t *c = get_consumer(g, consumer_id);
    c->ack = ack;
    c->pull = c->tabled = pull > ack ? pull : ack;
}

void group_progress_visit(store_group_t *g, void (*visit)(void *arg, store_group_t *g), void *arg) {
    mutex_lock(lock_of(g));
    visit(arg, g);
    mutex_unlock(lock_of(g));
}

void group_each_consumer(store_group_t *g, void (*visit)(void *arg, store_group_t *g, store_consumer_t *c), void *arg) {
    for (uint32_t i = 0; g->consumers != NULL && i < g->consumer_count; i++) visit(arg, g, g->consumers[i]);
    size_t at = 0;
    for (store_consumer_t *c; g->many != NULL && (c = table_next(g->many, &at)) != NULL;) visit(arg, g, c);
}

store_consumer_t *group_consumer(store_group_t *g, view_t consumer_id) {
    return find_consumer(g, consumer_id);
}

view_t store_group_subject(const store_group_t *g) {
    return subject_name(g->subject);
}

view_t store_group_name(const store_group_t *g) {
    return name_view(g->name);
}

bool store_group_is_broadcast(store_group_t *g) {
    mutex_lock(lock_of(g));
    bool broadcast = g->broadcast;
    mutex_unlock(lock_of(g));
    return broadcast;
}

void *store_group_user(const store_group_t *g) {
    return atomic_load(&g->user);
}

void *store_group_set_user(store_group_t *g, void *user) {
    void *present = NULL;
    return atomic_compare_exchange_strong(&g->user, &present, user) ? user : present;
}

bool store_group_pulled(store_group_t *g, int64_t *sequence) {
    mutex_lock(lock_of(g));
    bool known = g->known;
    *sequence = g->pulled;
    mutex_unlock(lock_of(g));
    return known;
}

bool store_group_next(store_group_t *g, int64_t *next) {
    mutex_lock(lock_of(g));
    bool has = g->known || g->moved_to >= 0;
    *next = g->moved_to >= 0 ? g->moved_to : g->pulled + 1;
    mutex_unlock(lock_of(g));
    return has;
}

void group_progress_move(store_group_t *g, int64_t next) {
    mutex_lock(lock_of(g));
    set_next(g, next);
    mutex_unlock(lock_of(g));
    atomic_store(&g->progress->moved, true);
}

bool store_consumer_position(store_group_t *g, view_t consumer_id, int64_t *pull, int64_t *ack) {
    mutex_lock(lock_of(g));
    const store_consumer_t *c = find_consumer(g, consumer_id);
    *pull = c == NULL ? -1 : c->pull;
    *ack = c == NULL ? -1 : c->ack;
    mutex_unlock(lock_of(g));
    return c != NULL;
}

int64_t store_pull_lookup(store_group_t *g, view_t consumer_id, int64_t pull_sequence) {
    mutex_lock(lock_of(g));
    int64_t sequence = -1;
    if (g->broadcast) {
        sequence = pull_sequence;
    } else {
        const store_consumer_t *c = find_consumer(g, consumer_id);
        if (c != NULL) sequence = pull_log_find(&c->pulled, pull_sequence);
    }
    mutex_unlock(lock_of(g));
    return sequence;
}

typedef struct consumer_walk {
    void (*visit)(void *arg, view_t consumer_id, int64_t pull, int64_t ack);
    void *arg;
} consumer_walk_t;

static void visit_consumer(void *arg, store_group_t *g, store_consumer_t *c) {
    consumer_walk_t *walk = arg;
    (void)g;
    walk->visit(walk->arg, name_view(c->id), c->pull, c->ack);
}

void store_consumers(store_group_t *g, void (*visit)(void *arg, view_t consumer_id, int64_t pull, int64_t ack), void *arg) {
    consumer_walk_t walk = {visit, arg};
    mutex_lock(lock_of(g));
    group_each_consumer(g, visit_consumer, &walk);
    mutex_unlock(lock_of(g));
}
