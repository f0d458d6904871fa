/* A message whose handling failed: a copy is stored in the retry or dead-letter subject, and only then the original is acknowledged
 * (client.md 11). Loop thread. */
#ifndef QMQ_CLIENT_SENDBACK_H
#define QMQ_CLIENT_SENDBACK_H

#include "client/subscription.h"

/* Takes the message over. */
void sendback_start(qmq_message_t *m);
/* Gives up all of the subscription; their originals stay unacknowledged and come again. */
void sendback_abandon(subscription_t *s);
/* The subject a message goes to after its failure: attempt + 1 against its limit. malloc'ed. */
char *sendback_subject(const subscription_t *s, const qmq_message_t *m);

#endif
