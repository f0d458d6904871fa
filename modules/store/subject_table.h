/* The subjects of a store. A subject without recent messages is this struct, its name and a slot of the table: no file, no mapping, no
 * buffer. */
#ifndef QMQ_STORE_SUBJECT_TABLE_H
#define QMQ_STORE_SUBJECT_TABLE_H

#include "store/name_table.h"
#include "store/store.h"

typedef struct index_chunk index_chunk_t;
struct consumer_logs;

struct store_subject {
    named_t named;
    struct consumer_logs *index;
    _Atomic(void *) user;
    _Atomic(store_group_t *) groups; /* group_progress.h */
    int64_t provisional;             /* next sequence to assign; appender only */
    /* Under the subject's index lock (consumer_log.h). */
    int64_t next;         /* entries below are visible */
    int64_t min;          /* first sequence that may be readable */
    int64_t persisted;    /* entries below are in the consumer log's files */
    index_chunk_t *first; /* the tail: entries [first->base, next), oldest chunk first; NULL: all are in the files only */
    index_chunk_t *last;
    bool exists : 1;   /* has a consumer log: there was a message once */
    bool dirty : 1;    /* is in the list of tails to write or to free */
    bool full : 1;     /* is in the list of tails that have at least a chunk to write */
    bool verify : 1;   /* the files may hold something from `persisted` on: compare before writing */
    bool rebuild : 1;  /* recovery only: its files are not what the snapshot says */
    bool unsynced : 1; /* is in the list of subjects whose files were written since the last sync */
    uint16_t name_size;
    char name[];
};

typedef struct subject_table {
    name_table_t names;
    struct consumer_logs *index; /* of every subject made here */
} subject_table_t;

void subject_table_init(subject_table_t *t, struct consumer_logs *index);
/* The tails must be freed before. */
void subject_table_free(subject_table_t *t);
/* Any thread. */
store_subject_t *subject_table_find(const subject_table_t *t, view_t name);
/* NULL for names that cannot be stored. Any thread. */
store_subject_t *subject_table_get(subject_table_t *t, view_t name);
void subject_table_each(const subject_table_t *t, void (*visit)(void *arg, store_subject_t *subject), void *arg);

static inline view_t subject_name(const store_subject_t *s) {
    return view_make(s->name, s->name_size);
}

#endif
