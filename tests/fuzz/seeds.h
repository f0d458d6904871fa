/* Writing the first inputs of the fuzz targets. */
#ifndef QMQ_TESTS_FUZZ_SEEDS_H
#define QMQ_TESTS_FUZZ_SEEDS_H

#include "base/view.h"

/* One input of a target. */
void seed_put(const char *target, view_t input);
/* Those of the store's file readers: the worked examples of storage.md. */
void seeds_of_store(void);

#endif
