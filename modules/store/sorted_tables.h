/* The sorted message tables of the original (README.md, storage.md 11.1): messages copied out of the message log, grouped by subject. They
 * are read, never written. */
#ifndef QMQ_STORE_SORTED_TABLES_H
#define QMQ_STORE_SORTED_TABLES_H

#include "base/block.h"
#include "store/segmented_log.h"

#define SORTED_TABLE_MAGIC 0x00A2B100u
#define SORTED_TABLE_HEADER_SIZE 24

typedef struct sorted_tables {
    segmented_log_t files;
} sorted_tables_t;

typedef struct sorted_table_header {
    int32_t data_size;
    int64_t begin; /* offsets in the message log */
    int64_t end;
} sorted_table_header_t;

/* Takes the first 24 bytes of a table apart; false when they are none. */
bool sorted_table_header_parse(const uint8_t bytes[SORTED_TABLE_HEADER_SIZE], sorted_table_header_t *h);

/* Takes directory over. */
apr_status_t sorted_tables_open(sorted_tables_t *t, char *directory, const log_t *log, qmq_error_t **error);
/* Also after a failed open, and for one that is all zero. */
void sorted_tables_close(sorted_tables_t *t);
/* Whether the payload of message `sequence` lies at offset (id of the table + position). Blocks; any thread. */
bool sorted_tables_have(sorted_tables_t *t, int64_t offset, int32_t size, int64_t sequence);
/* The same, and the payload in *out, retained for the caller; APR_ENOENT when it is not there. */
apr_status_t sorted_tables_read(sorted_tables_t *t, int64_t offset, int32_t size, int64_t sequence, block_t **out);

#endif
