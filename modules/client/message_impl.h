/* The inside of qmq_message_t. Attributes are kept in the order they were set; those of the library among them. */
#ifndef QMQ_CLIENT_MESSAGE_IMPL_H
#define QMQ_CLIENT_MESSAGE_IMPL_H

#include "base/view.h"
#include "base/writer.h"
#include "portability/thread.h"
#include "protocol/message.h"
#include "qmq/message.h"

#include <stdatomic.h>

#define MESSAGE_MOST_TAGS 10
#define MESSAGE_MOST_TEXT 32767 /* bytes of a key, value or tag */
#define MESSAGE_PART_UNITS 8192 /* UTF-16 units of one part of a large value */
#define MESSAGE_LEAST_DELAY_MS 500
#define MESSAGE_LIFE_MS (INT64_C(15) * 60 * 1000)
#define MESSAGE_DEFAULT_RETRY 32

#define KEY_CREATE_TIME "qmq_createTime"
#define KEY_EXPIRE_TIME "qmq_expireTime"
#define KEY_APP_CODE "qmq_appCode"
#define KEY_SCHEDULE_TIME "qmq_scheduleReceiveTime"
#define KEY_TIMES "qmq_times"
#define KEY_MAX_RETRY "qmq_maxRetryNum"
#define KEY_ONLY_GROUP "qmq_consumerGroupName"

/* Key and value in one piece of memory, both zero-terminated. */
typedef struct attribute {
    char *key;
    size_t key_size;
    char *value;
    size_t value_size;
} attribute_t;

/* A large value put together for a reader. */
typedef struct joined_value {
    struct joined_value *next;
    char *key;
    size_t size;
    char value[];
} joined_value_t;

struct source;
struct subscription;
struct ack_entry;

struct qmq_message {
    struct qmq_message *next; /* in whichever list it is */
    char *subject;            /* the real one */
    char *id;
    attribute_t *attributes;
    size_t count;
    size_t capacity;
    char *tags[MESSAGE_MOST_TAGS];
    size_t tag_count;
    int64_t created_ms;
    int64_t schedule_ms; /* 0: none */
    joined_value_t *joined;
    /* Of received ones. */
    struct subscription *subscription; /* a reference; NULL: not received */
    struct source *source;             /* loop thread; gone when the subscription was stopped */
    struct ack_entry *ack;
    char *broker_group;
    int64_t pull_offset;
    int attempt;
    bool corrupt;
    atomic_bool finished; /* acknowledged or given up, once */
    char *error_text;     /* why it is to come again */
    int64_t retry_ms;     /* and when; 0: when the broker thinks so */
    int local_retries;
};

qmq_message_t *message_new(const char *subject, const char *id);
/* A copy of what is sent, not of what a consumer added. */
qmq_message_t *message_copy(const qmq_message_t *m);
/* Sets an attribute, reserved ones too; replaces the old value. */
void message_put(qmq_message_t *m, view_t key, view_t value);
void message_put_i64(qmq_message_t *m, const char *key, int64_t value);
const attribute_t *message_find(const qmq_message_t *m, view_t key);
/* The decimal value of an attribute; otherwise when it is absent or no number. */
int64_t message_find_i64(const qmq_message_t *m, const char *key, int64_t otherwise);
void message_drop_joined(qmq_message_t *m);

/* True when it is to be delivered later, seen at now_ms (client.md 3.7); decided once per try. */
bool message_is_delayed(const qmq_message_t *m, int64_t now_ms);
/* One message of a SEND request, to the given subject. */
void message_encode(writer_t *w, const qmq_message_t *m, const char *subject, bool delayed, int64_t now_ms);
/* A received message of a subject, as the consumer knows it; what cannot be parsed makes it corrupt. Tags and ids the limits would refuse
 * are accepted. */
qmq_message_t *message_decode(const message_t *wire, const char *subject, int64_t now_ms);

#endif
