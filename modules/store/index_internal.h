/* What the files of the index share: the tails in memory (index_tail.c), reading (consumer_log.c), writing behind (index_write.c), recovery
 * (index_replay.c). */
#ifndef QMQ_STORE_INDEX_INTERNAL_H
#define QMQ_STORE_INDEX_INTERNAL_H

#include "store/consumer_log.h"

/* No log can hold a sequence beyond this one; what says so is damaged. Places in files stay far from overflow. */
#define INDEX_LAST_SEQUENCE ((int64_t)1 << 56)

struct index_chunk {
    index_chunk_t *next;
    int64_t base; /* sequence of the first entry */
    uint32_t count;
    uint32_t capacity;
    uint8_t entries[]; /* encoded */
};

/* The tail: everything under the subject's index lock. */

/* Adds the entry for s->next and moves s->next. */
void index_tail_push(store_subject_t *s, const index_entry_t *e);
/* Copies up to max encoded entries from `from` on, which is in the tail; the number copied. */
size_t index_tail_copy(const store_subject_t *s, int64_t from, size_t max, uint8_t *to);
/* Frees leading chunks that are in the files, but keeps a chunk's worth of the youngest entries. */
void index_tail_trim(store_subject_t *s);
/* Frees the whole tail. */
void index_tail_drop(store_subject_t *s);

mutex_t *index_lock_of(consumer_logs_t *x, const store_subject_t *s);
void index_list_add(consumer_logs_t *x, subject_list_t *list, store_subject_t *s);
/* With the subject's lock held, after entries were added: puts it on the lists it belongs to. */
void index_note_growth(consumer_logs_t *x, store_subject_t *s);

/* Where a sequence's entry is: its file and the position in it. */
static inline int64_t index_file_size(const consumer_logs_t *x) {
    return (int64_t)INDEX_SEGMENT_ENTRIES * x->format;
}
static inline int64_t index_file_base(const consumer_logs_t *x, int64_t sequence) {
    return sequence / INDEX_SEGMENT_ENTRIES * index_file_size(x);
}
static inline int64_t index_file_position(const consumer_logs_t *x, int64_t sequence) {
    return sequence % INDEX_SEGMENT_ENTRIES * x->format;
}
/* Size of so many entries. */
static inline size_t index_bytes(const consumer_logs_t *x, size_t entries) {
    return entries * (size_t)x->format;
}
/* The i-th of a row of encoded entries. */
static inline index_entry_t index_entry_at(const consumer_logs_t *x, const uint8_t *encoded, size_t i) {
    return index_entry_decode(x->format, encoded + index_bytes(x, i));
}
/* Base of a consumer-log file; -1 for names that are none. */
int64_t index_file_parse(const consumer_logs_t *x, const char *name);
/* Reads n encoded entries of one file; what is not there is zero. */
apr_status_t index_read_encoded(const consumer_logs_t *x, file_t *f, int64_t sequence, size_t n, uint8_t *to);

/* Entries whose record ends at or below `limit` go to the files; INT64_MAX: all, and the message log is synced first where needed. *written
 * (may be NULL): how many. */
apr_status_t index_write_subject(consumer_logs_t *x, store_subject_t *s, int64_t limit, int64_t *written);

#endif
