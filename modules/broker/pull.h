/* PULL_MESSAGE (broker.md 6). */
#ifndef QMQ_BROKER_PULL_H
#define QMQ_BROKER_PULL_H

#include "broker/group.h"

/* A command_fn; arg is the broker. */
void pull_command(void *arg, connection_t *c, const frame_t *request, block_t *block);
/* Tries a group's held pulls again. Home loop, as (part of) the running operation; STEP_WAITS while an action is in flight. */
step_t pull_retry_held(group_t *g);
/* Answers every held pull with NO_MESSAGE (shutdown). Home loop. */
void pull_answer_held(group_t *g);

#endif
