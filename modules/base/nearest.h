/* "Did you mean ...": the known name that a mistyped one is closest to. */
#ifndef QMQ_BASE_NEAREST_H
#define QMQ_BASE_NEAREST_H

#include "base/view.h"

/* Insertions, deletions, replacements and swaps of neighbours that make b of a, letter case apart. Texts above 100 bytes are cut. */
size_t nearest_distance(view_t a, view_t b);

/* Collects the nearest of many candidates; zero-initialise, then offer all. */
typedef struct nearest {
    const char *name; /* NULL: none was offered */
    size_t distance;
} nearest_t;

void nearest_offer(nearest_t *n, view_t word, const char *candidate);

#endif
