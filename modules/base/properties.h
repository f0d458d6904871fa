/* Java .properties syntax (metaserver.md 2.1): comments, separators, escapes, continuation lines; the last duplicate wins. UTF-8, a BOM is
 * skipped, CRLF accepted; UTF-16 is refused with a message. */
#ifndef QMQ_BASE_PROPERTIES_H
#define QMQ_BASE_PROPERTIES_H

#include "base/error.h"
#include "base/view.h"

typedef struct properties properties_t;

/* Reads a file. On failure NULL and *error names file and line. A missing file has status APR_ENOENT. */
properties_t *properties_read(const char *path, qmq_error_t **error);
/* Parses text; name is used in messages. */
properties_t *properties_parse(const char *name, const char *text, size_t size, qmq_error_t **error);
void properties_free(properties_t *p);
/* Trimmed value; NULL when the key is absent or its value blank. Valid until properties_free. */
const char *properties_get(const properties_t *p, const char *key);
/* Line a key's (last) definition starts at, 0 when absent. */
int properties_line(const properties_t *p, const char *key);
/* The value as it stands in the file, trimmed, for the "D:\data" diagnosis: no escape resolved, a continuation is backslash and line feed.
 * NULL when absent. */
const char *properties_raw(const properties_t *p, const char *key);
/* Walks all keys in file order, blank values as ""; index from 0; false at the end. */
int properties_at(const properties_t *p, size_t index, const char **key, const char **value);

#endif
