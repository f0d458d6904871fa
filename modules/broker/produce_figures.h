/* What producing leaves in the metrics (broker.md 17.1). Any thread. */
#ifndef QMQ_BROKER_PRODUCE_FIGURES_H
#define QMQ_BROKER_PRODUCE_FIGURES_H

#include "broker/broker_internal.h"

/* Messages that the store took or refused, with their payloads; took_us: since they were received. */
void produce_count_tried(broker_t *b, const store_message_t *messages, size_t count, int64_t took_us);
/* A message that was not even tried, with its result code. */
void produce_count_refused(broker_t *b, view_t subject, uint8_t code);

#endif
