/* Decodes a body with our decoder of its command and encodes the fields again. */
#ifndef QMQ_TESTS_UNIT_PROTOCOL_RECODE_H
#define QMQ_TESTS_UNIT_PROTOCOL_RECODE_H

#include "base/writer.h"
#include "net/frame.h"

typedef enum recode { RECODE_DONE, RECODE_REFUSED, RECODE_NO_LAYOUT } recode_t;

/* RECODE_DONE: `to` holds the body again. RECODE_REFUSED: our decoder refuses it, or its values are such that our server answers 51 (empty
 * names, unknown types). RECODE_NO_LAYOUT: no command, or one without body. */
recode_t recode_request(const frame_t *request, bool is_delay_sync, writer_t *to);
/* The body of a SUCCESS answer to this request. */
recode_t recode_answer(const frame_t *answer, const frame_t *request, bool is_delay_sync, writer_t *to);

#endif
