#include "broker/sub_env.h"

#include "base/memory.h"
#include "base/table.h"
#include "http/client.h"
#include "portability/executor.h"
#include "portability/thread.h"

#include <jansson.h>
#include <string.h>

#define PERIOD_US (30 * 1000000LL)
#define FETCH_MS 5000
/* A longer value makes a message match nothing, as in the original. */
#define VALUE_MOST 32767

struct sub_env_rule {
    shared_t shared; /* first */
    char *key;
    char *env;
    char *sub_env;
};

struct sub_env {
    const log_t *log;
    char *url;
    periodic_t *thread;
    mutex_t lock;
    table_t *rules; /* under lock; rules by key */
    log_limit_t limit;
};

static view_t key_of(const void *value) {
    return view_of(((const sub_env_rule_t *)value)->key);
}

static void rule_destroy(shared_t *shared) {
    sub_env_rule_t *rule = (sub_env_rule_t *)shared;
    memory_free(rule->key);
    memory_free(rule->env);
    memory_free(rule->sub_env);
    memory_free(rule);
}

void sub_env_release(sub_env_rule_t *rule) {
    if (rule != NULL) shared_release(&rule->shared);
}

static void rules_free(table_t *rules) {
    if (rules == NULL) return;
    size_t at = 0;
    for (sub_env_rule_t *rule; (rule = table_next(rules, &at)) != NULL;) sub_env_release(rule);
    table_free(rules);
    memory_free(rules);
}

static const char *member(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

/* False for a key that is there already. */
static bool take_rule(table_t *rules, const json_t *object) {
    char *key = memory_printf("%s_%s_%s_%s", member(object, "subject"), member(object, "group"), member(object, "groupEnv"),
                              member(object, "groupSubEnv"));
    if (table_get(rules, view_of(key)) != NULL) {
        memory_free(key);
        return false;
    }
    sub_env_rule_t *rule = memory_zalloc(sizeof *rule);
    shared_init(&rule->shared, rule_destroy);
    rule->key = key;
    rule->env = memory_strdup(member(object, "subjectEnv"));
    rule->sub_env = memory_strdup(member(object, "subjectSubEnv"));
    table_put(rules, rule);
    return true;
}

/* NULL when the text is no set of rules. */
static table_t *parse(const char *text, size_t size) {
    json_t *array = json_loadb(text, size, 0, NULL);
    bool good = json_is_array(array);
    table_t *rules = memory_alloc(sizeof *rules);
    table_init(rules, key_of);
    size_t i;
    const json_t *object;
    json_array_foreach(array, i, object) good = good && json_is_object(object) && take_rule(rules, object);
    json_decref(array);
    if (good) return rules;
    rules_free(rules);
    return NULL;
}

static void complain(sub_env_t *s, const char *why) {
    int64_t suppressed;
    if (log_permit(&s->limit, 10 * PERIOD_US, &suppressed))
        log_error(s->log, "no environment rules from %s (sub_env_isolation_filter.rules_url): %s; the old ones stay", s->url, why);
}

static void fetch(void *arg) {
    sub_env_t *s = arg;
    http_call_t call = {.url = s->url, .method = "GET", .connect_timeout_ms = FETCH_MS, .timeout_ms = 2 * FETCH_MS};
    http_answer_t answer = {0};
    qmq_error_t *error = NULL;
    if (http_fetch(&call, &answer, &error) != APR_SUCCESS) {
        complain(s, qmq_error_message(error));
        qmq_error_free(error);
        http_answer_free(&answer);
        return;
    }
    table_t *rules = answer.status == 200 ? parse(answer.body, answer.size) : NULL;
    http_answer_free(&answer);
    if (rules == NULL) {
        complain(s, "the answer is no JSON array of rules with different keys");
        return;
    }
    mutex_lock(&s->lock);
    table_t *old = s->rules;
    s->rules = rules;
    mutex_unlock(&s->lock);
    rules_free(old);
}

apr_status_t sub_env_start(sub_env_t **out, const log_t *log, const char *url) {
    sub_env_t *s = memory_zalloc(sizeof *s);
    s->log = log;
    s->url = memory_strdup(url);
    mutex_init(&s->lock);
    fetch(s);
    apr_status_t status = periodic_start(&s->thread, "broker-rules", PERIOD_US, fetch, s);
    if (status == APR_SUCCESS)
        *out = s;
    else
        sub_env_stop(s);
    return status;
}

void sub_env_stop(sub_env_t *s) {
    if (s == NULL) return;
    periodic_stop(s->thread);
    rules_free(s->rules);
    mutex_destroy(&s->lock);
    memory_free(s->url);
    memory_free(s);
}

static void put(char *to, size_t *size, view_t part) {
    if (to != NULL && part.size > 0) memcpy(to + *size, part.data, part.size);
    *size += part.size;
}

size_t sub_env_key(const pull_request_t *r, char *to) {
    size_t size = 0;
    if (!r->has_sub_env) return 0;
    put(to, &size, r->subject);
    put(to, &size, view_of("_"));
    if (!r->broadcast) {
        put(to, &size, r->group); /* the client has put the environment behind it */
        return size;
    }
    put(to, &size, view_of("_"));
    put(to, &size, r->env);
    put(to, &size, view_of("_"));
    put(to, &size, r->sub_env);
    return size;
}

sub_env_rule_t *sub_env_rule(sub_env_t *s, view_t key) {
    mutex_lock(&s->lock);
    sub_env_rule_t *rule = s->rules == NULL ? NULL : table_get(s->rules, key);
    if (rule != NULL) shared_retain(&rule->shared);
    mutex_unlock(&s->lock);
    return rule;
}

bool sub_env_matches(const sub_env_rule_t *rule, const message_t *m) {
    if (rule == NULL) return false;
    cursor_t c = cursor_of(m->attributes);
    view_t key, value, env = {NULL, 0}, sub_env = {NULL, 0};
    bool has_sub_env = false;
    while (message_next_attribute(&c, &key, &value)) {
        if (value.size > VALUE_MOST) return false;
        if (view_equal(key, view_of("qmq_env"))) env = value;
        if (view_equal(key, view_of("qmq_subEnv"))) {
            sub_env = value;
            has_sub_env = true;
        }
    }
    return env.size > 0 && has_sub_env && view_equal(env, view_of(rule->env)) && view_equal(sub_env, view_of(rule->sub_env));
}
