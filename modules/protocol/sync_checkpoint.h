/* SYNC_CHECKPOINT_REQUEST (wire-protocol.md 16); the request is empty. The texts are those of storage.md 8.1 and 8.2. */
#ifndef QMQ_PROTOCOL_SYNC_CHECKPOINT_H
#define QMQ_PROTOCOL_SYNC_CHECKPOINT_H

#include "base/cursor.h"
#include "base/writer.h"

typedef struct sync_checkpoint_response {
    int8_t version; /* 1 */
    view_t message_checkpoint;
    view_t action_checkpoint;
} sync_checkpoint_response_t;
bool sync_checkpoint_response_read(view_t body, sync_checkpoint_response_t *r);
void sync_checkpoint_response_write(writer_t *w, const sync_checkpoint_response_t *r);

#endif
