/* Every structurally different place in the files of a closed store: the fields of every record, the lines of every text. Found by a reader
 * of its own, so that a mistake of the store's cannot hide. One thread. */
#ifndef QMQ_TESTS_FAULT_PLACES_H
#define QMQ_TESTS_FAULT_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_KIND 40
#define PLACE_SUBJECT 16

typedef enum place_log { PLACE_OF_MESSAGES, PLACE_OF_ACTIONS, PLACE_OF_INDEX, PLACE_OF_CACHE } place_log_t;

/* A field, or another part that means something of its own. */
typedef struct place {
    place_log_t log;
    char kind[PLACE_KIND]; /* "message.payload", "tablet.index.key", ... */
    size_t file;           /* of places_t.files */
    int64_t offset;        /* in the file */
    int64_t size;
    int64_t base;  /* of the log's segment */
    int64_t begin; /* of the record it belongs to, in the file */
    int64_t end;
    char subject[PLACE_SUBJECT]; /* of a message's record */
    int64_t sequence;
} place_t;

typedef struct places {
    place_t *items;
    size_t count;
    size_t capacity;
    char **files; /* paths */
    size_t file_count;
    int64_t messages_synced; /* by the marker; -1: none that can be read */
    int64_t actions_synced;
} places_t;

void places_find(places_t *p, const char *root);
void places_free(places_t *p);
/* True for the segment that has the last record of its log. */
bool places_is_last_segment(const places_t *p, const place_t *of);

#endif
