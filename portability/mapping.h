/* Read-only mappings of whole files. The bytes follow what is written through file_t handles. A page that cannot be read from
 * disk is a signal, so only bytes known to be in memory are touched (see modules/store/README.md, hot window). */
#ifndef QMQ_PORTABILITY_MAPPING_H
#define QMQ_PORTABILITY_MAPPING_H

#include "portability/file.h"

typedef struct mapping mapping_t;

/* Maps [0, size) of f. size may lie beyond the present end where the system allows it; systems that do not extend the (sparse)
 * file first, so callers pass the full segment size. The handle may be closed afterwards. */
apr_status_t mapping_create(mapping_t **out, file_t *f, size_t size);
const uint8_t *mapping_data(const mapping_t *m);
size_t mapping_size(const mapping_t *m);
void mapping_destroy(mapping_t *m);

#endif
