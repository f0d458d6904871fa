#include "base/status.h"

#include <stdio.h>

static const struct {
    apr_status_t status;
    const char *text;
} TEXTS[] = {
    {QMQ_E_MALFORMED, "the bytes do not have the layout they must have"},
    {QMQ_E_TOO_LONG, "a value exceeds its limit"},
    {QMQ_E_FULL, "a bounded queue or table is full"},
    {QMQ_E_READONLY, "no writes are taken now"},
    {QMQ_E_CORRUPT, "stored bytes are damaged"},
    {QMQ_E_PENDING, "not done yet"},
    {QMQ_E_CLOSED, "it is closing or the connection is gone"},
    {QMQ_E_NOT_FOUND, "not found"},
    {QMQ_E_REFUSED, "refused"},
    {QMQ_E_COLD, "the bytes are not in memory"},
    {QMQ_E_INVALID, "a parameter or configuration value is not allowed"},
    {QMQ_E_LOCKED, "somebody else holds it"},
    {QMQ_E_BAD_CRC, "checksum mismatch"},
    {QMQ_E_UNREACHABLE, "no connection to the peer"},
    {QMQ_E_LIMIT, "a limit is reached"},
};

const char *status_text(apr_status_t status, char *to, size_t size) {
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        if (TEXTS[i].status != status) continue;
        (void)snprintf(to, size, "%s", TEXTS[i].text); /* cut to fit is fine */
        return to;
    }
    return apr_strerror(status, to, size);
}
