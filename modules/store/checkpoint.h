/* Making derived state restartable (README.md, storage.md 10.3, 10.4, 23.2): what is in memory goes to files, the files become durable, and
 * a snapshot says up to which offset of the log that holds. One thread at a time: the one that writes behind. */
#ifndef QMQ_STORE_CHECKPOINT_H
#define QMQ_STORE_CHECKPOINT_H

#include "store/store_internal.h"

/* After recovery. */
void checkpoint_start(store_t *s);
/* True when enough was appended, or enough time has passed, since the last one. Any thread. */
bool checkpoint_is_due(store_t *s);
/* Takes one of whatever was appended since the last. `closing`: the store is being closed, everything is taken. */
void checkpoint_run(store_t *s, bool closing);

#endif
