/* The files of checkpoint/: for each kind of snapshot some versions, of which the highest counts (README.md, storage.md 8). */
#ifndef QMQ_STORE_SNAPSHOT_FILES_H
#define QMQ_STORE_SNAPSHOT_FILES_H

#include "store/text_file.h"

#define SNAPSHOT_OF_MESSAGES "message-checkpoint"
#define SNAPSHOT_OF_ACTIONS "action-checkpoint"

typedef struct snapshot_versions {
    int64_t *at; /* ascending */
    size_t count;
    size_t capacity;
} snapshot_versions_t;

/* Versions of a kind that are in the directory. Free it with snapshot_versions_free, also after a failure. */
apr_status_t snapshot_versions_list(snapshot_versions_t *v, const char *directory, const char *kind);
void snapshot_versions_free(snapshot_versions_t *v);

/* Whole text of a version; memory_free it. QMQ_E_CORRUPT: it is not what its checksum says. That is in a file of ours beside it,
 * ".<kind>.<version>.crc"; one without, of the original, is taken as it is. */
apr_status_t snapshot_load(const char *directory, const char *kind, int64_t version, char **text, size_t *size);
/* Writes a version so that it appears whole and durable or not at all: `write` puts its text. */
apr_status_t snapshot_save(const char *directory, const char *kind, int64_t version, void (*write)(void *arg, text_file_t *to), void *arg);
/* Deletes the lowest versions until `keep` remain. */
apr_status_t snapshot_keep(const char *directory, const char *kind, size_t keep);
/* Deletes a version. */
apr_status_t snapshot_delete(const char *directory, const char *kind, int64_t version);
/* Deletes what writers that were killed left behind. */
apr_status_t snapshot_delete_temporaries(const char *directory);

#endif
