/* What serves the clients of a broker: its loops with a worker each, its readers, and the commands; and the order in which all of it ends.
 */
#ifndef QMQ_BROKER_TRAFFIC_H
#define QMQ_BROKER_TRAFFIC_H

#include "base/error.h"
#include "broker/broker_internal.h"

/* The commands of broker.port; their argument is the broker. */
extern const command_t broker_client_commands[];

/* Starts loops (0: one a core), workers and readers. */
apr_status_t traffic_open(broker_t *b, int loops, qmq_error_t **error);
/* Closes the ports, answers held pulls, waits for what is in flight, ends the threads. The store stays open. Also after a traffic_open that
 * failed. Not from a loop. */
void traffic_close(broker_t *b);

#endif
