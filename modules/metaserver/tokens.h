/* API tokens of management actions (metaserver.md 2.4). */
#ifndef QMQ_METASERVER_TOKENS_H
#define QMQ_METASERVER_TOKENS_H

#include "metaserver/side_file.h"

/* True when `given` (NULL: none) is a key of the file or equals `internal` (NULL or empty: none). The empty token is never valid. The time
 * it takes does not depend on how much of a token was guessed. On success `who` gets the token's description. */
bool token_is_valid(side_file_t *file, const char *internal, const char *given, char *who, size_t who_size);

#endif
