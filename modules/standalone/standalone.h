/* Metaserver and broker in one process, for a laptop, a test or a small site (design section 1, decision 17). The broker registers itself.
 */
#ifndef QMQ_STANDALONE_STANDALONE_H
#define QMQ_STANDALONE_STANDALONE_H

#include "host/host.h"

extern const server_kind_t standalone_kind;
extern const config_key_t standalone_keys[]; /* conf/standalone.properties */

#endif
