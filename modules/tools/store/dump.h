/* What the parts of dump share with each other, with messages and with verify. */
#ifndef QMQ_TOOLS_STORE_DUMP_H
#define QMQ_TOOLS_STORE_DUMP_H

#include "tools/store/inspect.h"

/* Every message of the segment with this base. */
apr_status_t dump_message_segment(inspector_t *i, int64_t base);
/* A file of smt/; false when it is cut short or damaged, after what could be shown of it. */
bool dump_sorted_table(inspector_t *i, view_t bytes);
bool sorted_table_is_sound(view_t bytes);
/* A file of pulllog/, which begins with the pull at this position. */
bool dump_old_pulls(inspector_t *i, view_t bytes, int64_t base);

#endif
