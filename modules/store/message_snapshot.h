/* The text of a message-checkpoint: every record that ends at or below its offset is indexed in the consumer logs' files (README.md,
 * storage.md 8.1). */
#ifndef QMQ_STORE_MESSAGE_SNAPSHOT_H
#define QMQ_STORE_MESSAGE_SNAPSHOT_H

#include "store/text_file.h"

void message_snapshot_put_head(text_file_t *to, int64_t offset);
/* Highest indexed sequence of a subject. */
void message_snapshot_put_subject(text_file_t *to, view_t subject, int64_t sequence);

/* Takes a text apart: calls visit (may be NULL) for every subject. False when it is none of version 2 or cut short; then visit may have
 * been called already, so a text is read with NULL first. The views are into the text. */
bool message_snapshot_read(view_t text, int64_t *offset, void (*visit)(void *arg, view_t subject, int64_t sequence), void *arg);

#endif
