/* What an answer promises: the message is in the page cache, or on the disk (send.sync and send.sync.subjects). A retry or dead-letter
 * subject is treated as the subject it belongs to. */
#ifndef QMQ_BROKER_DURABILITY_H
#define QMQ_BROKER_DURABILITY_H

#include "base/config.h"
#include "base/view.h"

#include <jansson.h>

typedef enum durability { DURABILITY_CACHE, DURABILITY_DISK } durability_t;

typedef struct durability_rule {
    char *subject;
    durability_t durability;
} durability_rule_t;

/* Immutable once read. All zero: everything is DURABILITY_CACHE. */
typedef struct durability_rules {
    durability_t general;
    durability_rule_t *rules;
    size_t count;
} durability_rules_t;

/* False when a value is none of those allowed, then *error names key and value and nothing is taken. */
bool durability_read(durability_rules_t *r, const config_t *config, qmq_error_t **error);
void durability_free(durability_rules_t *r);
durability_t durability_of(const durability_rules_t *r, view_t subject);
/* "none" or "disk", as the keys say it. */
const char *durability_name(durability_t d);
/* For /health: {"send.sync": ..., "subjects": {...}}. */
json_t *durability_json(const durability_rules_t *r);

#endif
