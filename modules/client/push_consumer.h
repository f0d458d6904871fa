/* Push consumers that were stopped while a handler did not end: kept until their client is destroyed. */
#ifndef QMQ_CLIENT_PUSH_CONSUMER_H
#define QMQ_CLIENT_PUSH_CONSUMER_H

#include "qmq/consumer.h"

/* Waits until deadline_us (clock_mono_us) for the handlers of all in the list and joins their threads; what still runs then is given up
 * for good: nothing can end it. */
void push_consumer_reap(qmq_consumer_t *left_behind, int64_t deadline_us);

#endif
