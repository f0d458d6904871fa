/* The values of broker.properties that act while running, taken out of a configuration snapshot once so that hot paths read plain fields.
 */
#ifndef QMQ_BROKER_SETTINGS_H
#define QMQ_BROKER_SETTINGS_H

#include "base/config.h"
#include "broker/durability.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct broker_settings {
    struct broker_settings *older; /* kept until the broker stops: readers hold no reference */
    bool reject_illegal_subject;
    bool recompute_bad_crc;
    bool allow_non_positive_request_num;
    bool wait_slave_wrote;
    int64_t receive_queue_size;
    bool skip_check_while_offline;
    double retry_move_rate; /* messages a second and consumer that is gone */
    int64_t retry_delay_ms;
    size_t pull_answer_max_bytes;
    int max_parked_pulls;
    durability_rules_t durability;
} broker_settings_t;

/* malloc'ed; NULL when a value is not allowed, then *error names it. */
broker_settings_t *broker_settings_read(const config_t *config, qmq_error_t **error);
/* A line for each key of the original that was given a value and means nothing here. */
void broker_settings_warn(const config_t *config, const log_t *log);
void broker_settings_free(broker_settings_t *s);

#endif
