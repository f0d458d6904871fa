/* What a stranger on one of our ports seems to speak, from the first bytes it sent. */
#ifndef QMQ_NET_GUESS_H
#define QMQ_NET_GUESS_H

#include <stddef.h>
#include <stdint.h>

/* "a TLS hello", "an HTTP request" and the like; NULL: no idea. */
const char *guess_speech(const uint8_t *data, size_t size);

#endif
