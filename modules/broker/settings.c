#include "broker/settings.h"

#include "base/memory.h"
#include "base/status.h"

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

void broker_settings_free(broker_settings_t *s) {
    durability_free(&s->durability);
    memory_free(s);
}
