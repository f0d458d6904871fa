/* The frames of wire-protocol.md section 21. */
#ifndef QMQ_TESTS_UNIT_PROTOCOL_EXAMPLES_H
#define QMQ_TESTS_UNIT_PROTOCOL_EXAMPLES_H

#include "base/view.h"

#define EXAMPLE_ROOM 256 /* none is longer */

typedef struct example {
    const char *name;
    const char *hex; /* the whole frame, lower case */
} example_t;

/* Ends with a row whose name is NULL. */
extern const example_t examples[];

/* Lower-case hex to bytes; false when there is no room. */
bool example_decode(const char *hex, uint8_t *to, size_t room, size_t *size);

#endif
