#include "base/id.h"

#include <apr_md5.h>
#include <apr_time.h>
#include <stdio.h>

void id_md5_hex(view_t data, char to[33]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[APR_MD5_DIGESTSIZE];
    /* fails only for a missing character set translation, which is not asked for */
    if (apr_md5(digest, data.data, data.size) != APR_SUCCESS) memset(digest, 0, sizeof digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        to[2 * i] = digits[digest[i] >> 4];
        to[2 * i + 1] = digits[digest[i] & 15];
    }
    to[32] = 0;
}

void id_time_stamp(int64_t wall_ms, char to[16]) {
    apr_time_exp_t t;
    if (apr_time_exp_lt(&t, wall_ms * 1000) != APR_SUCCESS) memset(&t, 0, sizeof t);
    /* the remainders only tell the compiler that two digits are enough */
    (void)snprintf(to, 16, "%02u%02u%02u.%02u%02u%02u", (unsigned)t.tm_year % 100u, (unsigned)(t.tm_mon + 1) % 100u,
                   (unsigned)t.tm_mday % 100u, (unsigned)t.tm_hour % 100u, (unsigned)t.tm_min % 100u, (unsigned)t.tm_sec % 100u);
}

bool id_parse_i64(view_t text, int64_t *value) {
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t at = negative || (text.size > 0 && text.data[0] == '+') ? 1 : 0;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t sum = 0;
    if (at == text.size) return false;
    for (; at < text.size; at++) {
        unsigned digit = (unsigned)(unsigned char)text.data[at] - '0';
        if (digit > 9 || sum > (limit - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

bool id_parse_i32(view_t text, int32_t *value) {
    int64_t wide = 0;
    if (!id_parse_i64(text, &wide) || wide < INT32_MIN || wide > INT32_MAX) return false;
    *value = (int32_t)wide;
    return true;
}
