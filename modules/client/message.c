#include "base/id.h"
#include "base/java_double.h"
#include "base/memory.h"
#include "client/client.h"
#include "client/message_impl.h"
#include "client/names.h"
#include "client/subscription.h"
#include "portability/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define RESERVED_PREFIX "qmq_"
#define PART_MARK "#part"

qmq_message_t *message_new(const char *subject, const char *id) {
    qmq_message_t *m = memory_zalloc(sizeof *m);
    m->subject = memory_strdup(subject);
    m->id = memory_strdup(id);
    m->attempt = 1;
    m->pull_offset = -1;
    atomic_init(&m->finished, false);
    return m;
}

/* The number is the process's: two clients in it must not make the same id. */
static char *generate_id(const qmq_client_t *c, int64_t now_ms) {
    static atomic_uint counter;
    char stamp[16];
    id_time_stamp(now_ms, stamp);
    return memory_printf("%s%s%" PRId32, stamp, c->id_suffix, (int32_t)atomic_fetch_add(&counter, 1));
}

qmq_message_t *qmq_message_create(qmq_client_t *client, const char *subject, qmq_error_t **error) {
    if (!name_check_subject(subject, error)) return NULL;
    int64_t now = clock_wall_ms();
    char *id = generate_id(client, now);
    qmq_message_t *m = message_new(subject, id);
    memory_free(id);
    m->created_ms = now;
    message_put_i64(m, KEY_CREATE_TIME, now);
    message_put_i64(m, KEY_EXPIRE_TIME, now + MESSAGE_LIFE_MS);
    message_put(m, view_of(KEY_APP_CODE), view_of(client->app_code));
    if (*client->env == 0) return m;
    message_put(m, view_of("qmq_env"), view_of(client->env));
    message_put(m, view_of("qmq_subEnv"), view_of(client->sub_env));
    return m;
}

void message_drop_joined(qmq_message_t *m) {
    while (m->joined != NULL) {
        joined_value_t *next = m->joined->next;
        memory_free(m->joined->key);
        memory_free(m->joined);
        m->joined = next;
    }
}

void qmq_message_destroy(qmq_message_t *m) {
    if (m == NULL) return;
    for (size_t i = 0; i < m->count; i++) memory_free(m->attributes[i].key);
    for (size_t i = 0; i < m->tag_count; i++) memory_free(m->tags[i]);
    message_drop_joined(m);
    memory_free(m->attributes);
    memory_free(m->subject);
    memory_free(m->id);
    memory_free(m->broker_group);
    memory_free(m->error_text);
    subscription_release(m->subscription);
    memory_free(m);
}

qmq_message_t *message_copy(const qmq_message_t *m) {
    qmq_message_t *copy = message_new(m->subject, m->id);
    for (size_t i = 0; i < m->count; i++) {
        const attribute_t *a = &m->attributes[i];
        message_put(copy, view_make(a->key, a->key_size), view_make(a->value, a->value_size));
    }
    for (size_t i = 0; i < m->tag_count; i++) copy->tags[i] = memory_strdup(m->tags[i]);
    copy->tag_count = m->tag_count;
    copy->created_ms = m->created_ms;
    copy->schedule_ms = m->schedule_ms;
    copy->attempt = m->attempt;
    return copy;
}

/* ---- attributes inside */

static attribute_t *find(const qmq_message_t *m, view_t key) {
    for (size_t i = 0; i < m->count; i++) {
        if (view_equal(view_make(m->attributes[i].key, m->attributes[i].key_size), key)) return &m->attributes[i];
    }
    return NULL;
}

const attribute_t *message_find(const qmq_message_t *m, view_t key) {
    return find(m, key);
}

static void fill(attribute_t *a, view_t key, view_t value) {
    a->key = memory_alloc(key.size + value.size + 2);
    a->key_size = key.size;
    if (key.size > 0) memcpy(a->key, key.data, key.size);
    a->key[key.size] = 0;
    a->value = a->key + key.size + 1;
    a->value_size = value.size;
    if (value.size > 0) memcpy(a->value, value.data, value.size);
    a->value[value.size] = 0;
}

void message_put(qmq_message_t *m, view_t key, view_t value) {
    attribute_t *a = find(m, key);
    message_drop_joined(m);
    if (a != NULL) {
        char *old = a->key;
        fill(a, key, value);
        memory_free(old);
        return;
    }
    if (m->count == m->capacity) {
        m->capacity = m->capacity == 0 ? 8 : m->capacity * 2;
        m->attributes = memory_realloc(m->attributes, m->capacity * sizeof *m->attributes);
    }
    fill(&m->attributes[m->count++], key, value);
}

static void remove_attribute(qmq_message_t *m, view_t key) {
    attribute_t *a = find(m, key);
    if (a == NULL) return;
    message_drop_joined(m);
    memory_free(a->key);
    m->count--;
    memmove(a, a + 1, (size_t)(m->attributes + m->count - a) * sizeof *a);
}

void message_put_i64(qmq_message_t *m, const char *key, int64_t value) {
    char text[24];
    int size = snprintf(text, sizeof text, "%" PRId64, value);
    message_put(m, view_of(key), view_make(text, (size_t)size));
}

int64_t message_find_i64(const qmq_message_t *m, const char *key, int64_t otherwise) {
    const attribute_t *a = find(m, view_of(key));
    int64_t value;
    return a != NULL && id_parse_i64(view_make(a->value, a->value_size), &value) ? value : otherwise;
}

/* ---- public */

const char *qmq_message_subject(const qmq_message_t *m) {
    return m->subject;
}

const char *qmq_message_id(const qmq_message_t *m) {
    return m->id;
}

int64_t qmq_message_created_ms(const qmq_message_t *m) {
    return m->created_ms;
}

int qmq_message_attempt(const qmq_message_t *m) {
    return m->attempt;
}

int qmq_message_local_retries(const qmq_message_t *m) {
    return m->local_retries;
}

int64_t qmq_message_pull_offset(const qmq_message_t *m) {
    return m->pull_offset;
}

const char *qmq_message_broker_group(const qmq_message_t *m) {
    return m->broker_group == NULL ? "" : m->broker_group;
}

int qmq_message_set_id(qmq_message_t *m, const char *id, qmq_error_t **error) {
    if (id == NULL || *id == 0 || text_units(view_of(id)) > NAME_MOST_CHARACTERS)
        return client_fail(error, error_create(QMQ_INVALID, "A message id has 1 to 100 characters", "\"%.120s\" cannot be a message id",
                                               id == NULL ? "" : id));
    memory_free(m->id);
    m->id = memory_strdup(id);
    return QMQ_OK;
}

static bool is_reserved(view_t key) {
    return view_starts(key, view_of(RESERVED_PREFIX));
}

static int check_key(view_t key, qmq_error_t **error) {
    if (is_reserved(key))
        return client_fail(error, error_create(QMQ_INVALID, "Use a key that does not begin with qmq_",
                                               "the key \"%.*s\" belongs to the library", VIEW_ARG(key)));
    if (key.size > MESSAGE_MOST_TEXT)
        return client_fail(error, error_create(QMQ_INVALID, "Use a shorter key", "the key \"%.40s...\" has %zu bytes, more than %d",
                                               key.data, key.size, MESSAGE_MOST_TEXT));
    return QMQ_OK;
}

static int set(qmq_message_t *m, view_t key, view_t value, qmq_error_t **error) {
    if (key.size == 0 || value.data == NULL) return QMQ_OK; /* as the other clients do */
    int status = check_key(key, error);
    if (status != QMQ_OK) return status;
    if (value.size > MESSAGE_MOST_TEXT)
        return client_fail(error,
                           error_create(QMQ_INVALID, "Set it as a large value (qmq_message_set_large)",
                                        "the value of \"%.*s\" has %zu bytes, more than %d", VIEW_ARG(key), value.size, MESSAGE_MOST_TEXT));
    message_put(m, key, value);
    return QMQ_OK;
}

int qmq_message_set_bytes(qmq_message_t *m, const char *key, const char *value, size_t size, qmq_error_t **error) {
    return set(m, view_of(key), view_make(value, size), error);
}

int qmq_message_set(qmq_message_t *m, const char *key, const char *value, qmq_error_t **error) {
    return set(m, view_of(key), view_of(value), error);
}

int qmq_message_set_int(qmq_message_t *m, const char *key, int64_t value, qmq_error_t **error) {
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    return qmq_message_set(m, key, text, error);
}

int qmq_message_set_double(qmq_message_t *m, const char *key, double value, qmq_error_t **error) {
    char text[JAVA_DOUBLE_SIZE];
    java_double_text(value, text);
    /* Prometheus' names of the infinities are not Java's. */
    const char *java = strcmp(text, "+Inf") == 0 ? "Infinity" : strcmp(text, "-Inf") == 0 ? "-Infinity" : text;
    return qmq_message_set(m, key, java, error);
}

int qmq_message_set_bool(qmq_message_t *m, const char *key, bool value, qmq_error_t **error) {
    return qmq_message_set(m, key, value ? "true" : "false", error);
}

static char *part_key(view_t key, size_t part) {
    return memory_printf("%.*s" PART_MARK "%zu", VIEW_ARG(key), part);
}

/* Removes the parts from `part` on; what an earlier, longer value left behind. */
static void remove_parts(qmq_message_t *m, view_t key, size_t part) {
    for (;; part++) {
        char *name = part_key(key, part);
        bool found = find(m, view_of(name)) != NULL;
        remove_attribute(m, view_of(name));
        memory_free(name);
        if (!found) return;
    }
}

int qmq_message_set_large(qmq_message_t *m, const char *key, const char *value, size_t size, qmq_error_t **error) {
    view_t name = view_of(key);
    view_t rest = view_make(value, size);
    int status = check_key(name, error);
    if (status != QMQ_OK || name.size == 0 || value == NULL) return status;
    if (text_units(rest) <= MESSAGE_PART_UNITS) {
        remove_parts(m, name, 0);
        return set(m, name, rest, error);
    }
    remove_attribute(m, name);
    size_t part = 0;
    while (rest.size > 0) {
        char *one = part_key(name, part++);
        size_t n = text_prefix(rest, MESSAGE_PART_UNITS);
        message_put(m, view_of(one), view_make(rest.data, n));
        memory_free(one);
        rest = view_make(rest.data + n, rest.size - n);
    }
    remove_parts(m, name, part);
    return QMQ_OK;
}

/* Puts the parts of a large value together; NULL when there are none. */
static joined_value_t *join(qmq_message_t *m, view_t key) {
    for (joined_value_t *j = m->joined; j != NULL; j = j->next) {
        if (view_equal(view_of(j->key), key)) return j;
    }
    writer_t w;
    writer_init(&w, 0);
    size_t part = 0;
    for (;; part++) {
        char *name = part_key(key, part);
        const attribute_t *a = find(m, view_of(name));
        memory_free(name);
        if (a == NULL) break;
        writer_bytes(&w, a->value, a->value_size);
    }
    joined_value_t *j = part == 0 || w.failed ? NULL : memory_try(sizeof *j + w.used + 1);
    if (j != NULL) {
        j->next = m->joined;
        j->key = memory_strndup(key.data, key.size);
        j->size = w.used;
        if (w.used > 0) memcpy(j->value, w.data, w.used);
        j->value[w.used] = 0;
        m->joined = j;
    }
    writer_free(&w);
    return j;
}

static const char *get(const qmq_message_t *m, view_t key, size_t *size) {
    const attribute_t *a = find(m, key);
    /* What was put together is remembered; the message has one owner, who sees no difference. */
    const joined_value_t *j = a != NULL ? NULL : join((qmq_message_t *)(uintptr_t)m, key);
    if (a == NULL && j == NULL) return NULL;
    if (size != NULL) *size = a != NULL ? a->value_size : j->size;
    return a != NULL ? a->value : j->value;
}

const char *qmq_message_get_bytes(const qmq_message_t *m, const char *key, size_t *size) {
    return get(m, view_of(key), size);
}

const char *qmq_message_get(const qmq_message_t *m, const char *key) {
    return get(m, view_of(key), NULL);
}

/* The key without "#part<digits>"; *part is -1 when it is no part. */
static view_t split_part(view_t key, int64_t *part) {
    *part = -1;
    for (size_t i = key.size; i-- > 0;) {
        if (key.data[i] != '#') continue;
        view_t mark = view_make(key.data + i, key.size - i);
        view_t number =
            mark.size <= strlen(PART_MARK) ? view_make(NULL, 0) : view_make(mark.data + strlen(PART_MARK), mark.size - strlen(PART_MARK));
        if (view_starts(mark, view_of(PART_MARK)) && number.size > 0 && id_parse_i64(number, part) && *part >= 0)
            return view_make(key.data, i);
        *part = -1;
        break;
    }
    return key;
}

bool qmq_message_attribute_at(const qmq_message_t *m, size_t index, const char **key, const char **value, size_t *size) {
    for (size_t i = 0; i < m->count; i++) {
        const attribute_t *a = &m->attributes[i];
        int64_t part;
        view_t name = split_part(view_make(a->key, a->key_size), &part);
        if (is_reserved(name) || part > 0 || index-- > 0) continue;
        joined_value_t *j = part == 0 ? join((qmq_message_t *)(uintptr_t)m, name) : NULL;
        *key = j != NULL ? j->key : a->key;
        *value = j != NULL ? j->value : a->value;
        if (size != NULL) *size = j != NULL ? j->size : a->value_size;
        return true;
    }
    return false;
}

int qmq_message_add_tag(qmq_message_t *m, const char *tag, qmq_error_t **error) {
    size_t size = tag == NULL ? 0 : strlen(tag);
    if (size == 0) return client_fail(error, error_create(QMQ_INVALID, "Name the tag", "a tag is empty"));
    if (size > MESSAGE_MOST_TEXT)
        return client_fail(error, error_create(QMQ_INVALID, "Use a shorter tag", "the tag \"%.40s...\" has %zu bytes, more than %d", tag,
                                               size, MESSAGE_MOST_TEXT));
    for (size_t i = 0; i < m->tag_count; i++) {
        if (strcmp(m->tags[i], tag) == 0) return QMQ_OK;
    }
    if (m->tag_count == MESSAGE_MOST_TAGS)
        return client_fail(error, error_create(QMQ_INVALID, "Put what is more into an attribute",
                                               "the tag \"%.80s\" is one too many: at most %d", tag, MESSAGE_MOST_TAGS));
    m->tags[m->tag_count++] = memory_strdup(tag);
    return QMQ_OK;
}

size_t qmq_message_tag_count(const qmq_message_t *m) {
    return m->tag_count;
}

const char *qmq_message_tag_at(const qmq_message_t *m, size_t index) {
    return index < m->tag_count ? m->tags[index] : NULL;
}

void qmq_message_set_delay_ms(qmq_message_t *m, int64_t delay_ms) {
    qmq_message_set_schedule_ms(m, clock_wall_ms() + (delay_ms < 0 ? 0 : delay_ms));
}

void qmq_message_set_schedule_ms(qmq_message_t *m, int64_t wall_ms) {
    m->schedule_ms = wall_ms;
    message_put_i64(m, KEY_SCHEDULE_TIME, wall_ms);
}

void qmq_message_set_max_retry(qmq_message_t *m, int times) {
    message_put_i64(m, KEY_MAX_RETRY, times);
}
