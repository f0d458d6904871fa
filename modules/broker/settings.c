#include "broker/settings.h"

#include "base/memory.h"

#include <string.h>

broker_settings_t *broker_settings_read(const config_t *config, qmq_error_t **error) {
    broker_settings_t *s = memory_zalloc(sizeof *s);
    if (!durability_read(&s->durability, config, error)) {
        memory_free(s);
        return NULL;
    }
    s->reject_illegal_subject = config_bool(config, "Receiver.RejectIllegalSubject");
    const char *bad_crc = config_string(config, "Receiver.BadCrc");
    s->recompute_bad_crc = bad_crc != NULL && strcmp(bad_crc, "recompute") == 0;
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
