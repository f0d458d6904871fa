/* Which hosts were refused lately, so that each is told once a minute, whatever the others do. Bounded: beyond REFUSALS_MOST hosts a minute
 * the further ones share one line. Any thread. */
#ifndef QMQ_METASERVER_REFUSALS_H
#define QMQ_METASERVER_REFUSALS_H

#include "base/view.h"

#define REFUSALS_MOST 1000

typedef struct refusals refusals_t;

refusals_t *refusals_create(void);
void refusals_destroy(refusals_t *r); /* NULL is allowed */
/* Whether this host's refusal is to be told now; then *left_out says how many were not, since the last one that was. */
bool refusals_permit(refusals_t *r, view_t host, int64_t now_us, int64_t *left_out);

#endif
