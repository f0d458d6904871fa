/* From a pull's answer to messages that are to be handled (client.md 9.4). Loop thread. */
#ifndef QMQ_CLIENT_RECEIVED_H
#define QMQ_CLIENT_RECEIVED_H

#include "client/source.h"

/* Takes all messages of the answer into the acknowledgement queue and delivers those that are to be handled; the others are finished at
 * once. The number of messages in the answer, -1 when it cannot be read. */
int received_take(source_t *s, view_t body);

#endif
