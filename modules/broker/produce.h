/* SEND_MESSAGE (broker.md 5). */
#ifndef QMQ_BROKER_PRODUCE_H
#define QMQ_BROKER_PRODUCE_H

#include "net/server.h"

/* A command_fn; arg is the broker. */
void produce_command(void *arg, connection_t *c, const frame_t *request, block_t *block);

#endif
