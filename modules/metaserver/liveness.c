#include "metaserver/liveness.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "portability/loop.h"
#include "portability/thread.h"
#include "protocol/codes.h"

#define SECOND_US 1000000
#define TROUBLE_LINE_US ((int64_t)10 * SECOND_US)
#define MAX_CHANGES 16 /* of one group, waiting */
#define NOT_ARMED INT64_MAX

typedef enum change_kind {
    CHANGE_PUT,    /* ONLINE, OFFLINE: insert or update */
    CHANGE_STATE,  /* a heartbeat's state */
    CHANGE_SILENT, /* time-out: NRW, unless somebody else has touched the row since the last heartbeat here */
} change_kind_t;

/* A change of one group on its way to the database. */
typedef struct change {
    query_t query;
    struct change *next;
    struct change *start_next;
    struct watch *watch;
    change_kind_t kind;
    int state;
    int group_kind;
    bool told;        /* CHANGE_SILENT: logged and counted */
    answer_t *answer; /* CHANGE_PUT */
    view_t master;    /* points behind the struct */
} change_t;

typedef struct watch {
    liveness_t *liveness;
    int64_t deadline_us; /* 0: not watched */
    int64_t heard_us;    /* last heartbeat or ONLINE */
    int64_t wrote_us;    /* last change of the row by this metaserver */
    int32_t told_state;  /* by the last heartbeat or ONLINE */
    change_t *first;     /* under way when `busy`; else failed and waiting for liveness_retry */
    size_t changes;
    bool busy;
    size_t size;
    char name[];
} watch_t;

struct liveness {
    liveness_options_t options;
    loop_timer_t timer; /* loop's thread */
    task_t rearm;
    log_limit_t trouble_limit;
    mutex_t lock; /* everything below, and the watches */
    table_t by_name;
    int64_t armed_us;   /* when the timer fires */
    change_t *starting; /* to be handed over when the lock is left */
    bool rearm_wanted;
    bool rearm_posted;
    bool stopped;
};

static view_t watch_name(const void *value) {
    const watch_t *w = value;
    return view_make(w->name, w->size);
}

/* Watches. Everything from here to leave is called with the lock held. */

static watch_t *find_or_create(liveness_t *l, view_t group) {
    watch_t *w = table_get(&l->by_name, group);
    if (w != NULL || l->by_name.count >= LIVENESS_WATCHES) return w;
    w = memory_zalloc(sizeof *w + group.size);
    w->liveness = l;
    w->size = group.size;
    if (group.size > 0) memcpy(w->name, group.data, group.size);
    table_put(&l->by_name, w);
    return w;
}

static void forget_when_idle(watch_t *w) {
    if (w->deadline_us != 0 || w->first != NULL) return;
    (void)table_remove(&w->liveness->by_name, watch_name(w));
    memory_free(w);
}

/* The timer fires no later than this. */
static void arm_by(liveness_t *l, int64_t deadline_us) {
    if (deadline_us < l->armed_us && !l->stopped) l->rearm_wanted = true;
}

static void watch_until(watch_t *w, int64_t now_us, int64_t timeout_us, int32_t state) {
    w->heard_us = now_us;
    w->told_state = state;
    w->deadline_us = now_us + timeout_us;
    arm_by(w->liveness, w->deadline_us);
}

static change_t *make_change(watch_t *w, change_kind_t kind, int state, view_t master) {
    change_t *c = memory_zalloc(sizeof *c + master.size);
    c->watch = w;
    c->kind = kind;
    c->state = state;
    c->master = view_make(c + 1, master.size);
    if (master.size > 0) memcpy(c + 1, master.data, master.size);
    return c;
}

static void append(watch_t *w, change_t *c) {
    change_t **end = &w->first;
    while (*end != NULL) end = &(*end)->next;
    *end = c;
    w->changes++;
}

/* Drops states that have not been started: newer word makes them wrong. */
static void drop_waiting_states(watch_t *w) {
    change_t **link = w->busy && w->first != NULL ? &w->first->next : &w->first;
    while (*link != NULL) {
        change_t *c = *link;
        if (c->kind == CHANGE_PUT) {
            link = &c->next;
            continue;
        }
        *link = c->next;
        w->changes--;
        memory_free(c);
    }
}

static change_t *remove_first(watch_t *w) {
    change_t *c = w->first;
    w->first = c->next;
    w->changes--;
    return c;
}

/* Has the first change started when the lock is left, unless one is under way. */
static void begin(watch_t *w) {
    if (w->busy || w->first == NULL) return;
    w->busy = true;
    w->first->start_next = w->liveness->starting;
    w->liveness->starting = w->first;
}

static void store_state(watch_t *w, change_kind_t kind, int state) {
    drop_waiting_states(w);
    if (w->changes < MAX_CHANGES) append(w, make_change(w, kind, state, view_make(NULL, 0)));
    begin(w);
}

/* What the group needs after its first change has come back. */
static void settle(watch_t *w, bool done) {
    w->busy = false;
    if (!done && w->first->kind != CHANGE_PUT && w->first->next == NULL) return; /* liveness_retry */
    change_t *c = remove_first(w);
    bool silent = done && c->kind == CHANGE_SILENT;
    if (done) w->wrote_us = clock_mono_us();
    memory_free(c);
    /* The group was heard again while it was declared silent. */
    if (silent && w->deadline_us != 0 && w->first == NULL) append(w, make_change(w, CHANGE_STATE, w->told_state, view_make(NULL, 0)));
    begin(w);
    forget_when_idle(w);
}

/* Leaving the lock: only now other modules are called. */

static void run_change(query_t *q, db_session_t *session);

static void leave(liveness_t *l) {
    change_t *c = l->starting;
    l->starting = NULL;
    bool rearm = l->rearm_wanted && !l->rearm_posted;
    if (rearm) l->rearm_posted = true;
    l->rearm_wanted = false;
    mutex_unlock(&l->lock);
    if (rearm) loop_post(l->options.loop, &l->rearm);
    while (c != NULL) {
        change_t *next = c->start_next; /* c may be gone once it is handed over */
        if (database_submit(l->options.database, &c->query, true, run_change) != APR_SUCCESS) {
            if (c->answer != NULL) answer_give(c->answer, RESPONSE_BROKER_ERROR, NULL);
            mutex_lock(&l->lock);
            settle(c->watch, false);
            leave(l);
        }
        c = next;
    }
}

/* Statements, on a database thread. */

typedef struct group_read {
    catalog_t *catalog;
    bool found;
    int state;
} group_read_t;

static bool take_group(void *arg, const db_value_t *columns, size_t count) {
    group_read_t *g = arg;
    live_group_t group;
    if (!live_group_read(columns, count, &group)) return false;
    g->found = true;
    g->state = group.state;
    catalog_put_group(g->catalog, &group);
    return false;
}

/* Reads the row into the catalog. */
static apr_status_t read_group(const liveness_t *l, db_session_t *session, view_t name, group_read_t *read) {
    *read = (group_read_t){.catalog = l->options.catalog};
    db_value_t value = DB_TEXT_OF(name);
    return db_execute(session, database_statements(l->options.database)->group_by_name, &value, 1, take_group, read, NULL);
}

static apr_status_t put_group(const change_t *c, db_session_t *session) {
    const liveness_t *l = c->watch->liveness;
    db_value_t values[] = {DB_TEXT_OF(watch_name(c->watch)), DB_INT_OF(c->group_kind), DB_TEXT_OF(c->master), DB_INT_OF(c->state)};
    return db_execute(session, database_statements(l->options.database)->group_put, values, 4, NULL, NULL, NULL);
}

static apr_status_t set_state(const change_t *c, db_session_t *session) {
    const liveness_t *l = c->watch->liveness;
    group_read_t before;
    apr_status_t rv = read_group(l, session, watch_name(c->watch), &before);
    if (rv != APR_SUCCESS || !before.found || before.state == c->state) return rv;
    db_value_t values[] = {DB_INT_OF(c->state), DB_TEXT_OF(watch_name(c->watch))};
    return db_execute(session, database_statements(l->options.database)->group_state, values, 2, NULL, NULL, NULL);
}

static apr_status_t set_silent(const change_t *c, db_session_t *session, int64_t silent_us) {
    const liveness_t *l = c->watch->liveness;
    /* The database's clock counts whole seconds; when in doubt the row counts as untouched. */
    int64_t seconds = silent_us / SECOND_US - 1;
    db_value_t values[] = {DB_INT_OF(c->state), DB_TEXT_OF(watch_name(c->watch)), DB_INT_OF(seconds > 0 ? seconds : 0)};
    int64_t affected = 0;
    apr_status_t rv = db_execute(session, database_statements(l->options.database)->group_silent, values, 3, NULL, NULL, &affected);
    if (rv == APR_SUCCESS && affected == 0)
        log_info(l->options.log,
                 "broker group %.*s keeps its state: it has no row, or somebody else has changed it since its last heartbeat here",
                 VIEW_ARG(watch_name(c->watch)));
    return rv;
}

static apr_status_t carry_out(const change_t *c, db_session_t *session, int64_t silent_us) {
    apr_status_t rv = APR_SUCCESS;
    group_read_t after;
    switch (c->kind) {
    case CHANGE_PUT:
        rv = put_group(c, session);
        break;
    case CHANGE_STATE:
        rv = set_state(c, session);
        break;
    case CHANGE_SILENT:
        rv = set_silent(c, session, silent_us);
        break;
    }
    return rv == APR_SUCCESS ? read_group(c->watch->liveness, session, watch_name(c->watch), &after) : rv;
}

static void tell_trouble(liveness_t *l, const change_t *c, db_session_t *session, apr_status_t rv) {
    char text[DATABASE_CAUSE_BYTES];
    int64_t suppressed;
    if (!log_permit(&l->trouble_limit, TROUBLE_LINE_US, &suppressed)) return;
    log_warn(l->options.log, "the state %s of broker group %.*s cannot be written now%s: %s", broker_state_name(c->state),
             VIEW_ARG(watch_name(c->watch)), c->kind == CHANGE_PUT ? "" : " and is tried again later",
             database_cause(l->options.database, session, rv, text));
}

static void tell_silent(change_t *c, int64_t silent_us) {
    liveness_t *l = c->watch->liveness;
    if (c->told) return;
    c->told = true;
    metric_labels_t labels = {"groupName", watch_name(c->watch), NULL, {NULL, 0}};
    metric_add(metrics_counter(l->options.metrics, "brokerDisconnectedCount", labels), 1);
    log_warn(l->options.log, "broker group %.*s has sent no heartbeat for %lld ms and goes off line", VIEW_ARG(watch_name(c->watch)),
             (long long)(silent_us / 1000));
}

static void run_change(query_t *q, db_session_t *session) {
    change_t *c = (change_t *)q;
    watch_t *w = c->watch;
    liveness_t *l = w->liveness;
    mutex_lock(&l->lock);
    int64_t silent_us = clock_mono_us() - (w->heard_us > w->wrote_us ? w->heard_us : w->wrote_us);
    mutex_unlock(&l->lock);
    if (c->kind == CHANGE_SILENT) tell_silent(c, silent_us);
    apr_status_t rv = session == NULL ? q->work.status : carry_out(c, session, silent_us);
    if (rv != APR_SUCCESS) tell_trouble(l, c, session, rv);
    if (c->answer != NULL) answer_give(c->answer, rv == APR_SUCCESS ? RESPONSE_SUCCESS : RESPONSE_BROKER_ERROR, NULL);
    mutex_lock(&l->lock);
    settle(w, rv == APR_SUCCESS);
    leave(l);
}

/* The timer, on its loop. */

/* Declares silent who is due and arms the timer for the next. */
static void look_around(liveness_t *l) {
    int64_t now_us = clock_mono_us();
    int64_t next_us = NOT_ARMED;
    size_t at = 0;
    watch_t *w;
    while ((w = table_next(&l->by_name, &at)) != NULL) {
        if (w->deadline_us == 0) continue;
        if (w->deadline_us <= now_us) {
            w->deadline_us = 0;
            store_state(w, CHANGE_SILENT, BROKER_NRW);
        } else if (w->deadline_us < next_us) {
            next_us = w->deadline_us;
        }
    }
    l->armed_us = next_us;
    if (next_us == NOT_ARMED)
        loop_timer_stop(l->options.loop, &l->timer);
    else
        loop_timer_start(l->options.loop, &l->timer, next_us - now_us);
}

static void timer_fired(loop_timer_t *t) {
    liveness_t *l = (liveness_t *)((char *)t - offsetof(liveness_t, timer));
    mutex_lock(&l->lock);
    if (!l->stopped) look_around(l);
    leave(l);
}

static void rearm_task(task_t *task) {
    liveness_t *l = (liveness_t *)((char *)task - offsetof(liveness_t, rearm));
    mutex_lock(&l->lock);
    l->rearm_posted = false;
    if (!l->stopped) look_around(l);
    leave(l);
}

/* From outside. */

liveness_t *liveness_create(const liveness_options_t *options) {
    liveness_t *l = memory_zalloc(sizeof *l);
    l->options = *options;
    l->timer.fire = timer_fired;
    l->rearm.run = rearm_task;
    l->armed_us = NOT_ARMED;
    mutex_init(&l->lock);
    table_init(&l->by_name, watch_name);
    return l;
}

void liveness_stop(liveness_t *l) {
    mutex_lock(&l->lock);
    l->stopped = true;
    loop_timer_stop(l->options.loop, &l->timer);
    mutex_unlock(&l->lock);
}

void liveness_destroy(liveness_t *l) {
    if (l == NULL) return;
    size_t at = 0;
    watch_t *w;
    while ((w = table_next(&l->by_name, &at)) != NULL) {
        while (w->first != NULL) memory_free(remove_first(w));
        memory_free(w);
    }
    table_free(&l->by_name);
    mutex_destroy(&l->lock);
    memory_free(l);
}

bool liveness_heartbeat(liveness_t *l, view_t group, int32_t state, int64_t timeout_us) {
    int known = catalog_group_state(l->options.catalog, group);
    bool is_state = state >= BROKER_RW && state <= BROKER_NRW;
    mutex_lock(&l->lock);
    bool too_strange = known == 0 && l->by_name.count >= LIVENESS_WATCHES / 2;
    watch_t *w = too_strange ? table_get(&l->by_name, group) : find_or_create(l, group);
    if (w != NULL) {
        watch_until(w, clock_mono_us(), timeout_us, is_state ? state : BROKER_NRW);
        if (is_state && (known != state || w->first != NULL)) store_state(w, CHANGE_STATE, state);
    }
    leave(l);
    return is_state || known == 0;
}

void liveness_put(liveness_t *l, view_t group, int kind, view_t master, int state, int64_t timeout_us, answer_t *answer) {
    mutex_lock(&l->lock);
    watch_t *w = find_or_create(l, group);
    bool taken = w != NULL && w->changes < MAX_CHANGES;
    if (taken) {
        drop_waiting_states(w);
        if (timeout_us > 0)
            watch_until(w, clock_mono_us(), timeout_us, state);
        else
            w->deadline_us = 0;
        change_t *c = make_change(w, CHANGE_PUT, state, master);
        c->group_kind = kind;
        c->answer = answer;
        append(w, c);
        begin(w);
    }
    leave(l);
    if (!taken) answer_give(answer, RESPONSE_BROKER_ERROR, NULL);
}

void liveness_silent(liveness_t *l, view_t group, int64_t since_us) {
    mutex_lock(&l->lock);
    watch_t *w = find_or_create(l, group);
    if (w != NULL && w->deadline_us == 0 && w->first == NULL) {
        w->heard_us = since_us;
        store_state(w, CHANGE_SILENT, BROKER_NRW);
    }
    leave(l);
}

bool liveness_watches(liveness_t *l, view_t group) {
    mutex_lock(&l->lock);
    bool is = table_get(&l->by_name, group) != NULL;
    mutex_unlock(&l->lock);
    return is;
}

void liveness_retry(liveness_t *l) {
    mutex_lock(&l->lock);
    size_t at = 0;
    watch_t *w;
    while ((w = table_next(&l->by_name, &at)) != NULL) begin(w);
    leave(l);
}

size_t liveness_watched(liveness_t *l) {
    mutex_lock(&l->lock);
    size_t count = l->by_name.count;
    mutex_unlock(&l->lock);
    return count;
}
