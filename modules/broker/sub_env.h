/* Environment isolation (broker.md 6.6): rules from an HTTP address, fetched every 30 s, say which messages a group of an environment gets.
 */
#ifndef QMQ_BROKER_SUB_ENV_H
#define QMQ_BROKER_SUB_ENV_H

#include "base/log.h"
#include "base/shared.h"
#include "protocol/pull.h"

typedef struct sub_env sub_env_t;
typedef struct sub_env_rule sub_env_rule_t;

/* Fetches once (a failure is logged, the set is empty then) and goes on in a thread of its own. Blocks; not from a loop. */
apr_status_t sub_env_start(sub_env_t **out, const log_t *log, const char *url);
void sub_env_stop(sub_env_t *s); /* NULL is allowed */

/* Bytes of the key a request looks its rule up with; written to `to` unless NULL. 0: the request has no such filter. */
size_t sub_env_key(const pull_request_t *r, char *to);
/* The rule of a key, retained (sub_env_release); NULL: none, then nothing matches. Any thread. */
sub_env_rule_t *sub_env_rule(sub_env_t *s, view_t key);
void sub_env_release(sub_env_rule_t *rule);
bool sub_env_matches(const sub_env_rule_t *rule, const message_t *m);

#endif
