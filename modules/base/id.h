/* Text helpers shared by servers and client: MD5 hex (apr), time stamps. */
#ifndef QMQ_BASE_ID_H
#define QMQ_BASE_ID_H

#include "base/view.h"

/* 32 lower-case hex digits and a zero. */
void id_md5_hex(view_t data, char to[33]);
/* "yyMMdd.HHmmss" in local time of wall_ms (message ids). */
void id_time_stamp(int64_t wall_ms, char to[16]);
/* Decimal int64 of exactly the whole view; false when it is anything else. */
bool id_parse_i64(view_t text, int64_t *value);
/* Java Integer.parseInt: optional sign, digits, in int32 range. */
bool id_parse_i32(view_t text, int32_t *value);

#endif
