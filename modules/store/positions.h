/* Groups that were moved (a reset) and have not come back to their highest position since: a small file of ours in the store's root
 * (README.md). The formats of the original have no place for them. It is a cache that the action log is ahead of: pulls behind its offset
 * move the positions on. */
#ifndef QMQ_STORE_POSITIONS_H
#define QMQ_STORE_POSITIONS_H

#include "store/text_file.h"

#define POSITIONS_NAME ".positions"

struct store;

/* Takes a text apart: calls visit (may be NULL) for every group. False when it is damaged; then nothing was visited. offset: actions that
 * end at or below are in the positions. */
bool positions_read(view_t text, int64_t *offset, void (*visit)(void *arg, view_t subject, view_t group, int64_t next), void *arg);
/* Gives the groups of the file their positions; *offset -1 when there is no file that can be used. Recovery only. */
void positions_load(struct store *s, int64_t *offset);
/* Writes the file when there is something to say or it said something before. Blocks; whoever writes behind. */
apr_status_t positions_save(struct store *s);
/* The same, when somebody waits for it, who is told then, or the store is being closed. Writer thread. */
void positions_save_awaited(struct store *s);

#endif
