/* Looking at what a broker holds without consuming it, and moving a group's position, over HTTP on the monitor port:
 *   GET  /subjects ?prefix= &from= &count=                        names in order, with their sequences
 *   GET  /groups   ?subject=                                      positions, lag, consumers, un-acknowledged messages
 *   GET  /messages ?subject= &group= &state=waiting|unacked|dead &from= &count=
 *   POST /reset    ?subject= &group= &to=earliest|latest|time:MS|message:ID|sequence:N &dry-run=true|false
 * A request names a token (header X-Api-Token) of the configuration directory's valid-api-tokens.properties, or the value of look.token.
 * Answers are bounded; the work is done by threads of its own, which read the log and hold no lock that an append or a pull waits for. */
#ifndef QMQ_BROKER_LOOK_H
#define QMQ_BROKER_LOOK_H

#include "broker/broker_internal.h"
#include "http/server.h"

typedef struct look look_t;

/* token: NULL for none. tokens_path: a properties file whose keys are tokens; it may be missing. */
apr_status_t look_start(look_t **out, broker_t *b, int threads, const char *token, const char *tokens_path);
/* Finishes what is under way; before the loops end. NULL is allowed. */
void look_stop(look_t *l);
/* True when the path is one of ours; then the request is or will be answered. HTTP thread. */
bool look_takes(look_t *l, http_request_t *r);

#endif
