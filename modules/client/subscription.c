#include "client/subscription.h"

#include "base/memory.h"
#include "client/names.h"
#include "client/sendback.h"
#include "client/source.h"
#include "portability/clock.h"
#include "protocol/codes.h"
#include "protocol/pull.h"
#include "protocol/subject.h"

#define DEFAULT_THREADS 2
#define DEFAULT_BATCH 50
#define DEFAULT_POLL_MS 2500
#define DEFAULT_UNACKED 100
#define LOCAL_RETRY_MS 50
#define HEARTBEAT_US (10 * SECOND_US)

void qmq_consumer_options_init(qmq_consumer_options_t *o) {
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    o->threads = DEFAULT_THREADS;
    o->batch = DEFAULT_BATCH;
    o->poll_ms = DEFAULT_POLL_MS;
    o->max_unacked = DEFAULT_UNACKED;
    o->max_retry = MESSAGE_DEFAULT_RETRY;
}

/* ---- making one */

static bool number_is_bad(const char *name, int64_t value, int64_t least, int64_t most, qmq_error_t **error) {
    if (value >= least && value <= most) return false;
    (void)client_fail(error, error_create(QMQ_INVALID, "Begin with qmq_consumer_options_init and set what is to differ",
                                          "the option %s of the consumer is %lld, not %lld to %lld", name, (long long)value,
                                          (long long)least, (long long)most));
    return true;
}

static bool numbers_are_good(const qmq_consumer_options_t *o, qmq_error_t **error) {
    return !number_is_bad("threads", o->threads, 1, 1024, error) && !number_is_bad("batch", o->batch, 1, PULL_MAX_REQUEST_NUM, error) &&
           !number_is_bad("poll_ms", o->poll_ms, -1, INT32_MAX, error) &&
           !number_is_bad("max_unacked", o->max_unacked, 1, INT32_MAX, error) &&
           !number_is_bad("max_retry", o->max_retry, 0, INT32_MAX, error);
}

static bool take_tags(subscription_t *s, const qmq_consumer_options_t *o, qmq_error_t **error) {
    view_t tags[INT8_MAX];
    int count = 0;
    for (const char *const *t = o->tags; o->tag_mode != QMQ_TAGS_NONE && t != NULL && *t != NULL; t++) {
        if (**t == 0 || strlen(*t) > MESSAGE_MOST_TEXT || count == MESSAGE_MOST_TAGS) {
            (void)client_fail(error, error_create(QMQ_INVALID, "Ask for 1 to 10 tags, none of them empty",
                                                  "the consumer of %s cannot filter by tag \"%.80s\"", s->subject, *t));
            return false;
        }
        tags[count++] = view_of(*t);
    }
    writer_t w;
    writer_init(&w, 64);
    tag_filter_write_tags(&w, tags, count);
    s->tag_count = count;
    s->tags = (char *)writer_take(&w, &s->tags_size);
    return true;
}

static char *copy_view(view_t v) {
    return memory_strndup(v.data, v.size);
}

static char *retry_name(const char *subject, const char *group) {
    size_t size = subject_retry_name(view_of(subject), view_of(group), NULL, 0);
    char *name = memory_zalloc(size + 1);
    (void)subject_retry_name(view_of(subject), view_of(group), name, size);
    return name;
}

static void run_arrived(task_t *task);
static void on_heartbeat(loop_timer_t *timer);
static void on_route_changed(route_watcher_t *w);

static void free_subscription(shared_t *shared) {
    subscription_t *s = (subscription_t *)(void *)shared;
    for (size_t i = 0; i < s->entry_count; i++) memory_free(s->entries[i].subject);
    memory_free(s->subject);
    memory_free(s->group);
    memory_free(s->real_subject);
    memory_free(s->real_group);
    memory_free(s->tags);
    memory_free(s->key);
    mutex_destroy(&s->lock);
    memory_free(s);
}

void subscription_retain(subscription_t *s) {
    shared_retain(&s->shared);
}

void subscription_release(subscription_t *s) {
    if (s != NULL) shared_release(&s->shared);
}

static void add_entry(subscription_t *s, char *subject, bool is_retry) {
    entry_t *e = &s->entries[s->entry_count++];
    e->subscription = s;
    e->subject = subject;
    e->is_retry = is_retry;
    e->watcher.changed = on_route_changed;
}

/* Environments are kept apart by groups of their own (client.md 9.1). */
static char *group_name(const qmq_client_t *c, const char *group) {
    return *c->env == 0 ? memory_strdup(group) : memory_printf("%s_%s_%s", group, c->env, c->sub_env);
}

subscription_t *subscription_create(qmq_client_t *c, const char *subject, const qmq_consumer_options_t *given, qmq_error_t **error) {
    qmq_consumer_options_t o;
    qmq_consumer_options_init(&o);
    memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    if (!name_check_consumed_subject(subject, error) || (!o.broadcast && !name_check_group(o.group, error)) || !numbers_are_good(&o, error))
        return NULL;
    char *group = group_name(c, o.broadcast ? c->id : o.group);
    view_t real_subject, real_group;
    subject_split(view_of(subject), &real_subject, &real_group);
    subscription_t *s = memory_zalloc(sizeof *s);
    shared_init(&s->shared, free_subscription);
    mutex_init(&s->lock);
    s->client = c;
    s->subject = memory_strdup(subject);
    s->group = group;
    s->real_subject = copy_view(real_subject);
    s->real_group = real_group.size > 0 ? copy_view(real_group) : memory_strdup(group);
    s->options = o;
    s->key = memory_printf("%s %s", subject, group);
    s->key_size = strlen(s->key);
    s->last_verdict = &s->verdicts;
    s->arrived.run = run_arrived;
    s->heartbeat.fire = on_heartbeat;
    add_entry(s, memory_strdup(subject), false);
    s->is_dead_letter = subject_kind(view_of(subject)) == SUBJECT_DEAD;
    if (!s->is_dead_letter) add_entry(s, retry_name(subject, group), true);
    if (take_tags(s, &o, error)) return s;
    subscription_release(s);
    return NULL;
}

/* ---- one a (subject, group): two would advance one sequence of the broker */

typedef struct claim {
    subscription_t *subscription;
    bool taken;
} claim_t;

static view_t key_of(const void *value) {
    const subscription_t *s = value;
    return view_make(s->key, s->key_size);
}

static void claim_on_loop(void *arg) {
    claim_t *claim = arg;
    table_t *table = &claim->subscription->client->subscriptions;
    if (table->key_of == NULL) table_init(table, key_of);
    claim->taken = table_get(table, key_of(claim->subscription)) != NULL;
    claim->subscription->claimed = !claim->taken;
    if (!claim->taken) table_put(table, claim->subscription);
}

bool subscription_claim(subscription_t *s, qmq_error_t **error) {
    claim_t claim = {s, false};
    client_call(s->client, claim_on_loop, &claim);
    if (!claim.taken) return true;
    (void)client_fail(error, error_create(QMQ_INVALID, "Use one consumer with more threads, or another group",
                                          "subject %s is consumed in group %s by this client already", s->subject, s->group));
    return false;
}

/* ---- on the loop */

static void step_sources(subscription_t *s) {
    for (size_t i = 0; i < s->entry_count; i++) {
        for (source_t *one = s->entries[i].sources; one != NULL; one = one->next) source_step(one);
    }
}

/* A source for every group that has none; those of groups that are gone idle until their group is back. */
static void on_route_changed(route_watcher_t *w) {
    entry_t *e = (entry_t *)(void *)((char *)w - offsetof(entry_t, watcher));
    for (size_t i = 0; i < e->route->count; i++) (void)source_get(e, e->route->groups[i]->name);
    step_sources(e->subscription); /* the subject's answer switches the retry subject too */
}

static void on_heartbeat(loop_timer_t *timer) {
    subscription_t *s = (subscription_t *)(void *)((char *)timer - offsetof(subscription_t, heartbeat));
    for (size_t i = 0; i < s->entry_count; i++) {
        for (source_t *one = s->entries[i].sources; one != NULL; one = one->next) source_heartbeat(one);
    }
    loop_timer_start(s->client->loop, timer, HEARTBEAT_US);
}

void subscription_start(subscription_t *s) {
    for (size_t i = 0; i < s->entry_count; i++) {
        entry_t *e = &s->entries[i];
        e->route = route_acquire(s->client, CLIENT_CONSUMER, e->subject, s->group);
        route_watch(e->route, &e->watcher);
    }
    loop_timer_start(s->client->loop, &s->heartbeat, HEARTBEAT_US);
    for (size_t i = 0; i < s->entry_count; i++) on_route_changed(&s->entries[i].watcher);
}

void subscription_stop(subscription_t *s) {
    s->stopping = true;
    for (size_t i = 0; i < s->entry_count; i++) {
        for (source_t *one = s->entries[i].sources; one != NULL; one = one->next) source_flush(one);
    }
}

void subscription_detach(subscription_t *s) {
    if (s->detached) return;
    mutex_lock(&s->lock);
    s->detached = true;
    mutex_unlock(&s->lock);
    s->stopping = true;
    loop_timer_stop(s->client->loop, &s->heartbeat);
    sendback_abandon(s);
    if (s->claimed) (void)table_remove(&s->client->subscriptions, key_of(s));
    for (size_t i = 0; i < s->entry_count; i++) {
        entry_t *e = &s->entries[i];
        while (e->sources != NULL) {
            source_t *next = e->sources->next;
            source_free(e->sources);
            e->sources = next;
        }
        if (e->route == NULL) continue;
        route_unwatch(e->route, &e->watcher);
        route_release(e->route);
        e->route = NULL;
    }
}

static int64_t configured(const subscription_t *s, const char *suffix, int64_t least, int64_t most, int64_t otherwise) {
    return subject_config_get(&s->client->subject_config, s->real_subject, suffix, least, most, otherwise);
}

int subscription_batch(const subscription_t *s) {
    return (int)configured(s, "_pullBatchSize", 1, PULL_MAX_REQUEST_NUM, s->options.batch);
}

int64_t subscription_poll_ms(const subscription_t *s) {
    return configured(s, "_pullTimeout", -1, INT32_MAX, s->options.poll_ms);
}

int64_t subscription_max_unacked(const subscription_t *s) {
    return configured(s, "_ackNosendLimit", INT32_MIN, INT32_MAX, s->options.max_unacked);
}

int64_t subscription_max_retry(const subscription_t *s) {
    return configured(s, "_maxRetryNum", 0, INT32_MAX, s->options.max_retry);
}

bool subscription_is_online(const subscription_t *s) {
    return s->entries[0].route != NULL && s->entries[0].route->online;
}

bool subscription_is_settled(subscription_t *s) {
    mutex_lock(&s->lock);
    bool settled = s->verdicts == NULL;
    mutex_unlock(&s->lock);
    if (s->sendbacks != NULL) return false;
    for (size_t i = 0; i < s->entry_count; i++) {
        for (const source_t *one = s->entries[i].sources; one != NULL; one = one->next) settled = settled && source_is_settled(one);
    }
    return settled;
}

bool subscription_is_ready(const subscription_t *s) {
    const entry_t *e = &s->entries[0];
    if (e->route == NULL || e->route->count == 0) return false;
    for (size_t i = 0; i < e->route->count; i++) {
        const source_t *one = source_find(e, e->route->groups[i]->name);
        if (one == NULL || !one->subscribed) return false;
    }
    return true;
}

qmq_error_t *subscription_problem(const subscription_t *s) {
    const route_t *r = s->entries[0].route;
    if (r->count == 0) return route_problem(r);
    if (!r->online)
        return error_create(QMQ_REFUSED, "Ask the operator to switch it on (tools.sh)", "consumer group %s of subject %s is switched off",
                            s->group, s->subject);
    for (size_t i = 0; i < r->count; i++) {
        const source_t *one = source_find(&s->entries[0], r->groups[i]->name);
        if (one == NULL || one->subscribed) continue;
        return error_create(QMQ_UNREACHABLE, "Check that the broker runs and can be reached",
                            "broker group %s at %s does not answer pulls of subject %s", r->groups[i]->name, r->groups[i]->master,
                            s->subject);
    }
    return error_create(QMQ_TIMED_OUT, NULL, "subject %s is not subscribed yet", s->subject);
}

/* ---- verdicts */

static bool is_for_now(const subscription_t *s, const qmq_message_t *m) {
    return s->pushes && !s->stopping && m->retry_ms > 0 && m->retry_ms <= clock_wall_ms() + LOCAL_RETRY_MS;
}

/* The handler has it once more, nothing goes over the network. */
static void run_again(subscription_t *s, qmq_message_t *m) {
    m->local_retries++;
    m->retry_ms = 0;
    memory_free(m->error_text);
    m->error_text = NULL;
    m->next = NULL;
    atomic_store(&m->finished, false);
    s->deliver(s->owner, m);
}

static void run_arrived(task_t *task) {
    subscription_t *s = (subscription_t *)(void *)((char *)task - offsetof(subscription_t, arrived));
    mutex_lock(&s->lock);
    qmq_message_t *list = s->verdicts;
    s->verdicts = NULL;
    s->last_verdict = &s->verdicts;
    s->posted = false;
    mutex_unlock(&s->lock);
    while (list != NULL) {
        qmq_message_t *m = list;
        list = m->next;
        if (s->detached || m->ack == NULL) {
            qmq_message_destroy(m); /* too late, or acknowledged when it came */
        } else if (m->error_text == NULL) {
            source_finish(m);
        } else if (is_for_now(s, m)) {
            run_again(s, m);
        } else {
            sendback_start(m);
        }
    }
    if (!s->detached) s->progressed(s->owner);
    subscription_release(s); /* the one that kept it for this task */
}

void subscription_verdict(qmq_message_t *m, const char *error_text) {
    subscription_t *s = m->subscription;
    if (error_text != NULL) m->error_text = memory_strdup(error_text);
    m->next = NULL;
    mutex_lock(&s->lock);
    bool late = s->detached; /* the client may be gone too */
    if (!late) {
        *s->last_verdict = m;
        s->last_verdict = &m->next;
    }
    if (!late && !s->posted) {
        s->posted = true;
        subscription_retain(s);
        loop_post(s->client->loop, &s->arrived);
    }
    mutex_unlock(&s->lock);
    if (late) qmq_message_destroy(m);
}

void qmq_message_retry_at(qmq_message_t *m, int64_t wall_ms, const char *error_text) {
    if (m == NULL || m->subscription == NULL || atomic_exchange(&m->finished, true)) return;
    m->retry_ms = wall_ms < 1 ? 1 : wall_ms;
    subscription_verdict(m, error_text == NULL ? "the handler asked for a later time" : error_text);
}

void qmq_message_ack(qmq_message_t *m, const char *error_text) {
    if (m == NULL || m->subscription == NULL || atomic_exchange(&m->finished, true)) return;
    subscription_verdict(m, error_text);
}
