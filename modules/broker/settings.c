#include "broker/settings.h"

#include "base/memory.h"
#include "base/status.h"
#include "broker/broker.h"

#include <string.h>

/* Two keys whose values do not go together. */
typedef struct order {
    const char *smaller;
    const char *bigger;
    const char *why;
} order_t;

static const order_t orders[] = {
    {"message.sync.timeout.ms", "slave.sync.timeout", "a slave would give up before its empty request is answered"},
    {"consumer.offline.seconds", "consumer.forever.seconds", "a consumer would be forgotten before its messages are moved"},
};

static bool are_in_order(const config_t *config, qmq_error_t **error) {
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        const order_t *o = &orders[i];
        if (config_int(config, o->smaller) < config_int(config, o->bigger)) continue;
        *error = error_create(QMQ_E_INVALID, "Make the first smaller than the second", "%s=%lld (%s) is not below %s=%lld (%s): %s",
                              o->smaller, (long long)config_int(config, o->smaller), config_origin(config, o->smaller), o->bigger,
                              (long long)config_int(config, o->bigger), config_origin(config, o->bigger), o->why);
        return false;
    }
    return true;
}

static bool values_are_known(const config_t *config, qmq_error_t **error) {
    const char *bad_crc = config_string(config, "Receiver.BadCrc");
    double rate = config_double(config, "put_need_retry_message.limiter");
    if (strcmp(bad_crc, "reject") != 0 && strcmp(bad_crc, "recompute") != 0) {
        *error = error_create(QMQ_E_INVALID, "Write reject or recompute", "Receiver.BadCrc has the value %s (%s)", bad_crc,
                              config_origin(config, "Receiver.BadCrc"));
        return false;
    }
    if (rate > 0) return true;
    *error = error_create(QMQ_E_INVALID, "Give a number above 0, for example 50", "put_need_retry_message.limiter has the value %g (%s)",
                          rate, config_origin(config, "put_need_retry_message.limiter"));
    return false;
}

broker_settings_t *broker_settings_read(const config_t *config, qmq_error_t **error) {
    if (!values_are_known(config, error) || !are_in_order(config, error)) return NULL;
    broker_settings_t *s = memory_zalloc(sizeof *s);
    if (!durability_read(&s->durability, config, error)) {
        memory_free(s);
        return NULL;
    }
    s->reject_illegal_subject = config_bool(config, "Receiver.RejectIllegalSubject");
    s->recompute_bad_crc = strcmp(config_string(config, "Receiver.BadCrc"), "recompute") == 0;
    s->allow_non_positive_request_num = config_bool(config, "PullMessageProcessor.AllowNonPositiveRequestNum");
    s->wait_slave_wrote = config_bool(config, "wait.slave.wrote");
    s->receive_queue_size = config_int(config, "receive.queue.size");
    s->skip_check_while_offline = config_bool(config, "ConsumerStatusChecker.SkipCheckDuringOffline");
    s->retry_move_rate = config_double(config, "put_need_retry_message.limiter");
    s->retry_delay_ms = config_int(config, "message.retry.delay.seconds") * 1000;
    s->pull_answer_max_bytes = (size_t)config_int(config, "pull.answer.max.bytes");
    s->max_parked_pulls = (int)config_int(config, "pull.parked.max");
    return s;
}

/* Keys of the original that mean nothing here. */
static const struct {
    const char *key;
    const char *like; /* a key of which the value is as good as none; NULL: the default is */
    const char *why;
} without_effect[] = {
    {"consumerlog.retention.hours", "messagelog.retention.hours",
     "index entries live as long as their messages (messagelog.retention.hours)"},
    {"smt.retention.hours", "messagelog.retention.hours", "sorted message tables are read and kept, never written"},
    {"smt.enable", NULL, "sorted message tables are read and kept, never written"},
    {"memtable.max_reserved", NULL, "there are no memory tables"},
    {"memtable.max_active", NULL, "there are no memory tables"},
    {"action.checkpoint.interval", NULL, "checkpoints of actions follow the pull log"},
    {"log_dispatcher.pause.millis", NULL, "the index is made while appending"},
};

static const char *usual_value(const config_t *config, size_t i) {
    if (without_effect[i].like != NULL) return config_string(config, without_effect[i].like);
    for (const config_key_t *k = broker_keys; k->name != NULL; k++) {
        if (strcmp(k->name, without_effect[i].key) == 0) return k->fallback;
    }
    return "";
}

void broker_settings_warn(const config_t *config, const log_t *log) {
    for (size_t i = 0; i < sizeof without_effect / sizeof without_effect[0]; i++) {
        const char *key = without_effect[i].key, *value = config_string(config, key);
        if (!config_is_set(config, key) || value == NULL || strcmp(value, usual_value(config, i)) == 0) continue;
        log_warn(log, "%s=%s (%s) has no effect: %s", key, value, config_origin(config, key), without_effect[i].why);
    }
}

void broker_settings_free(broker_settings_t *s) {
    durability_free(&s->durability);
    memory_free(s);
}
