/* CONSUME_MANAGE (broker.md 10): moves a group to the beginning or the end of a subject. */
#ifndef QMQ_BROKER_CONSUME_MANAGE_H
#define QMQ_BROKER_CONSUME_MANAGE_H

#include "net/server.h"

/* A command_fn; arg is the broker. */
void consume_manage_command(void *arg, connection_t *c, const frame_t *request, block_t *block);

#endif
