/* What dump borrows from messages. */
#ifndef QMQ_TOOLS_STORE_DUMP_H
#define QMQ_TOOLS_STORE_DUMP_H

#include "tools/store/inspect.h"

/* Every message of the segment with this base. */
apr_status_t dump_message_segment(inspector_t *i, int64_t base);

#endif
