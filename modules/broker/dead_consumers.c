#include "broker/dead_consumers.h"

#include "base/memory.h"
#include "broker/checker_groups.h"
#include "broker/dead_consumer.h"
#include "portability/clock.h"

/* How often tasks under way are given their share. */
#define STEP_US 100000
/* Tasks at a time: what one check finds beyond is left for the next. */
#define TASKS_MOST 10000

struct dead_consumers {
    broker_t *broker;
    dead_consumers_options_t options;
    thread_t *thread;
    mutex_t lock;
    condition_t changed;
    bool stopping;
    bool asked;
    bool checking;
    int64_t started_us;
    /* Its thread only. */
    dead_consumer_t *tasks;
    checker_groups_t mailboxes;
    _Atomic size_t task_count;
    store_group_t **groups; /* of the check under way */
    size_t group_count;
    size_t group_capacity;
};

/* Who lives. */

static group_t *twin_of(const group_t *g) {
    view_t real, group;
    char name[2 * SUBJECT_MAX_BYTES];
    subject_split(group_subject_name(g), &real, &group);
    view_t wanted = real;
    if (group_kind(g) == SUBJECT_NORMAL) {
        size_t size = subject_retry_name(real, group_name(g), name, sizeof name);
        if (size >= sizeof name) return NULL;
        wanted = view_make(name, size);
    }
    store_group_t *twin = store_group_find(group_broker(g)->store, wanted, group_name(g));
    return twin == NULL ? NULL : store_group_user(twin);
}

void consumer_seen(group_t *g, view_t consumer_id) {
    int64_t now = clock_mono_us();
    if (!heartbeats_note(group_heartbeats(g), consumer_id, now)) return;
    group_t *twin = twin_of(g);
    if (twin != NULL && twin != g) (void)heartbeats_note(group_heartbeats(twin), consumer_id, now);
}

/* The check. */

static void collect_group(void *arg, store_group_t *g) {
    dead_consumers_t *d = arg;
    if (store_group_is_broadcast(g)) return;
    if (d->group_count == d->group_capacity) {
        d->group_capacity = d->group_capacity == 0 ? 256 : d->group_capacity * 2;
        d->groups = memory_realloc(d->groups, d->group_capacity * sizeof(store_group_t *));
    }
    d->groups[d->group_count++] = g;
}

typedef struct group_check {
    dead_consumers_t *all;
    store_group_t *progress;
    heartbeats_t *heartbeats; /* NULL: nobody asked since the start */
    int64_t now_us;
    dead_consumer_t *found; /* new tasks */
} group_check_t;

static int64_t silence_of(const group_check_t *check, view_t id) {
    int64_t seen = check->heartbeats == NULL ? -1 : heartbeats_of(check->heartbeats, id);
    if (seen < check->all->started_us) seen = check->all->started_us;
    return check->now_us - seen;
}

static bool has_task(const dead_consumers_t *d, const store_group_t *g, view_t id) {
    for (const dead_consumer_t *t = d->tasks; t != NULL; t = t->next) {
        if (t->progress == g && view_equal(t->consumer_id, id)) return true;
    }
    return false;
}

/* Under the group's lock: it only notes. */
static void check_consumer(void *arg, view_t id, int64_t pull, int64_t ack) {
    group_check_t *check = arg;
    const dead_consumers_t *d = check->all;
    int64_t silence = silence_of(check, id);
    bool forever = silence >= d->options.forever_us;
    if (!forever && (silence < d->options.offline_us || pull <= ack)) return;
    if (d->task_count >= TASKS_MOST || has_task(d, check->progress, id)) return;
    dead_consumer_t *t = dead_consumer_create(d->broker, check->progress, id, forever, check->now_us);
    t->next = check->found;
    check->found = t;
}

static void begin_tasks(dead_consumers_t *d, dead_consumer_t *found) {
    while (found != NULL) {
        dead_consumer_t *t = found;
        found = t->next;
        if (!dead_consumer_begin(t)) {
            dead_consumer_free(t);
            continue;
        }
        t->mailbox = checker_groups_enter(&d->mailboxes, group_name(t->group));
        t->next = d->tasks;
        d->tasks = t;
        d->task_count++;
    }
}

static void check_group(dead_consumers_t *d, store_group_t *progress, int64_t now, bool only_refresh) {
    group_t *g = store_group_user(progress);
    group_check_t check = {d, progress, g == NULL ? NULL : group_heartbeats(g), now, NULL};
    if (only_refresh) {
        if (check.heartbeats != NULL) heartbeats_refresh_all(check.heartbeats, now);
        return;
    }
    store_consumers(progress, check_consumer, &check);
    begin_tasks(d, check.found);
    if (check.heartbeats != NULL && now > d->options.forever_us)
        (void)heartbeats_forget(check.heartbeats, now - d->options.forever_us - d->options.pause_us);
}

static void check_all(dead_consumers_t *d) {
    int64_t now = clock_mono_us();
    bool online = !atomic_load(&d->broker->read_only);
    bool only_refresh = !online && broker_settings(d->broker)->skip_check_while_offline;
    if (only_refresh) d->started_us = now;
    d->group_count = 0;
    store_groups(d->broker->store, collect_group, d);
    for (size_t i = 0; i < d->group_count; i++) check_group(d, d->groups[i], now, only_refresh);
}

/* The tasks. */

static void step_tasks(dead_consumers_t *d, bool stopping) {
    dead_consumer_t **at = &d->tasks;
    while (*at != NULL) {
        dead_consumer_t *t = *at;
        if (!dead_consumer_step(t, stopping)) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        checker_group_leave(t->mailbox);
        dead_consumer_free(t);
        d->task_count--;
    }
}

/* Waits until something is to be done; with the lock held. */
static void wait_for_work(dead_consumers_t *d, int64_t due_us) {
    int64_t left = due_us - clock_mono_us();
    if (d->tasks != NULL && left > STEP_US) left = STEP_US;
    if (!d->stopping && !d->asked && left > 0) (void)condition_wait_us(&d->changed, &d->lock, left);
}

static void run(void *arg) {
    dead_consumers_t *d = arg;
    int64_t due_us = d->started_us + d->options.first_us;
    mutex_lock(&d->lock);
    while (!d->stopping || d->tasks != NULL) {
        wait_for_work(d, d->stopping ? clock_mono_us() + STEP_US : due_us);
        bool stopping = d->stopping;
        bool due = !stopping && (d->asked || clock_mono_us() >= due_us);
        d->asked = false;
        d->checking = due;
        mutex_unlock(&d->lock);
        if (due) check_all(d);
        if (due) due_us = clock_mono_us() + d->options.pause_us;
        step_tasks(d, stopping);
        mutex_lock(&d->lock);
        d->checking = false;
        if (stopping && d->tasks != NULL) (void)condition_wait_us(&d->changed, &d->lock, STEP_US);
    }
    mutex_unlock(&d->lock);
}

apr_status_t dead_consumers_start(dead_consumers_t **out, broker_t *b, const dead_consumers_options_t *options) {
    dead_consumers_t *d = memory_zalloc(sizeof *d);
    d->broker = b;
    d->options = *options;
    d->started_us = clock_mono_us();
    checker_groups_init(&d->mailboxes, b->metrics);
    mutex_init(&d->lock);
    condition_init(&d->changed);
    apr_status_t status = thread_start(&d->thread, "broker-dead", run, d);
    if (status == APR_SUCCESS)
        *out = d;
    else
        dead_consumers_stop(d);
    return status;
}

void dead_consumers_stop(dead_consumers_t *d) {
    if (d == NULL) return;
    mutex_lock(&d->lock);
    d->stopping = true;
    condition_signal(&d->changed);
    mutex_unlock(&d->lock);
    if (d->thread != NULL) thread_join(d->thread);
    condition_destroy(&d->changed);
    mutex_destroy(&d->lock);
    checker_groups_free(&d->mailboxes);
    memory_free(d->groups);
    memory_free(d);
}

int dead_consumers_tasks(const dead_consumers_t *d) {
    return (int)atomic_load(&d->task_count);
}

int dead_consumers_mailboxes(const dead_consumers_t *d) {
    return atomic_load(&d->mailboxes.count);
}

int dead_consumers_busy(dead_consumers_t *d) {
    mutex_lock(&d->lock);
    int busy = (d->asked || d->checking) + (int)atomic_load(&d->task_count);
    mutex_unlock(&d->lock);
    return busy;
}

void dead_consumers_check(dead_consumers_t *d) {
    mutex_lock(&d->lock);
    d->asked = true;
    condition_signal(&d->changed);
    mutex_unlock(&d->lock);
}
