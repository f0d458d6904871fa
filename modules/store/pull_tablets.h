/* The tablets of a store: files in pulllog_smt/ and how many consumers still need each (README.md, storage.md 7.3-7.5). What they hold is
 * in memory, too (pull_log.h); they are for the next start. */
#ifndef QMQ_STORE_PULL_TABLETS_H
#define QMQ_STORE_PULL_TABLETS_H

#include "base/error.h"
#include "base/log.h"
#include "store/pull_tablet.h"

#include <stdatomic.h>

typedef struct pull_tablet {
    int64_t id;
    _Atomic int64_t users; /* consumers with something un-acked in it */
    bool superseded;       /* not needed once the next one is durable, whoever uses it */
} pull_tablet_t;

/* Which tablets hold something of a consumer, oldest first; under its group's lock. All zero is empty. */
typedef struct tablet_ref {
    pull_tablet_t *tablet;
    int64_t last; /* last pull sequence of it there */
} tablet_ref_t;

typedef struct tablet_refs {
    tablet_ref_t *at;
    uint32_t count;
    uint32_t capacity;
} tablet_refs_t;

void tablet_refs_add(tablet_refs_t *r, pull_tablet_t *tablet, int64_t last);
/* Everything up to and including `acked` is acknowledged; INT64_MAX: the consumer is gone. */
void tablet_refs_drop(tablet_refs_t *r, int64_t acked);

/* One thread at a time: recovery, then checkpoints. */
typedef struct pull_tablets {
    char *directory;
    const log_t *log;
    pull_tablet_t **at; /* ascending ids */
    size_t count;
    size_t capacity;
} pull_tablets_t;

void pull_tablets_init(pull_tablets_t *t, char *directory, const log_t *log);
void pull_tablets_free(pull_tablets_t *t);
/* Lists the files. Foreign names are ignored with a warning. */
apr_status_t pull_tablets_list(pull_tablets_t *t);
/* Reads a tablet; memory_free *bytes. QMQ_E_CORRUPT when it is not sound. */
apr_status_t pull_tablets_load(const pull_tablets_t *t, const pull_tablet_t *tablet, uint8_t **bytes, tablet_image_t *image);
/* Puts a file that is not sound out of the way of every reader, under a name with a leading dot, and forgets it. */
apr_status_t pull_tablets_set_aside(pull_tablets_t *t, size_t index);
/* A tablet that is not on the disk yet. */
pull_tablet_t *pull_tablets_add(pull_tablets_t *t, int64_t id);
/* Writes the file of the newest one so that it appears whole and durable or not at all. */
apr_status_t pull_tablets_save(pull_tablets_t *t, const void *bytes, size_t size);
/* Deletes what nobody needs any more: superseded ones, and with `unused` those without users. */
apr_status_t pull_tablets_clean(pull_tablets_t *t, bool unused);

#endif
