/* A parsed message as the encoder takes it. */
#ifndef QMQ_TESTS_FUZZ_CONTENT_H
#define QMQ_TESTS_FUZZ_CONTENT_H

#include "protocol/message.h"

/* Walks tags and attributes of m. False when the attributes do not take apart completely, or a key is longer than a str may be: such a
 * message is stored and forwarded, but no encoder makes it. content_free in any case. */
bool content_of(const message_t *m, message_content_t *content);
void content_free(message_content_t *content);
/* Equal in every field. */
bool content_same(const message_t *a, const message_t *b);
/* What a decoder promises about the places of the parts. */
void content_check(const message_t *m, view_t input);

#endif
