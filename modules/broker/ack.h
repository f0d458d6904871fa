/* ACK_REQUEST (broker.md 7). */
#ifndef QMQ_BROKER_ACK_H
#define QMQ_BROKER_ACK_H

#include "net/server.h"

/* A command_fn; arg is the broker. */
void ack_command(void *arg, connection_t *c, const frame_t *request, block_t *block);

#endif
