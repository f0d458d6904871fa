/* Offset files beside the segments of the message log (storage.md 4.9): for each segment the last sequence that every subject had in front
 * of it. The original reads them to know where subjects begin after it deleted segments; ours finds that in the index. Cleaner thread. */
#ifndef QMQ_STORE_OFFSET_FILE_H
#define QMQ_STORE_OFFSET_FILE_H

#include "store/segmented_log.h"
#include "store/store.h"

/* Writes the file of the newest segment when it has none. */
void offset_files_write(store_t *s);
/* Deletes the files of segments that are gone. */
void offset_files_forget(segmented_log_t *l);

#endif
