/* The text of an action-checkpoint: how far all groups and consumers are when every action that ends at or below its offset was applied
 * (README.md, storage.md 8.2). */
#ifndef QMQ_STORE_ACTION_SNAPSHOT_H
#define QMQ_STORE_ACTION_SNAPSHOT_H

#include "store/text_file.h"

/* Written in this order; the counts must be those of the lines that follow. */
void action_snapshot_put_head(text_file_t *to, int64_t offset);
void action_snapshot_put_subject(text_file_t *to, view_t subject, int64_t groups);
void action_snapshot_put_group(text_file_t *to, view_t group, bool broadcast, int64_t pulled, int64_t consumers);
void action_snapshot_put_consumer(text_file_t *to, view_t consumer_id, int64_t pull, int64_t ack);

typedef struct action_snapshot_visitor {
    void (*group)(void *arg, view_t subject, view_t group, bool broadcast, int64_t pulled);
    void (*consumer)(void *arg, view_t consumer_id, int64_t pull, int64_t ack); /* of the group before */
    void *arg;
} action_snapshot_visitor_t;

/* Takes a text apart; visitor NULL: only looks whether it is sound. False when it is none of version 3 or cut short; then the visitor may
 * have been called already. The views are into the text. */
bool action_snapshot_read(view_t text, int64_t *offset, const action_snapshot_visitor_t *visitor);

#endif
