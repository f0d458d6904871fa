/* meta.server.endpoint: the URL of the metaserver's /meta/address, and what is wrong with one that does not answer (design decision 10,
 * mistake 6). Blocking; any thread but a loop's. */
#ifndef QMQ_DIAGNOSIS_ENDPOINT_H
#define QMQ_DIAGNOSIS_ENDPOINT_H

#include "base/error.h"

/* Asks for "host:port" of the metaserver's TCP port (malloc'ed). On failure *error names the endpoint, where it stands (origin, "file:line"
 * or NULL), what answered in its place, and, when the right one can be found from here, that one. server names conf/<server>.properties.
 * QMQ_E_UNREACHABLE: nobody answers; QMQ_E_REFUSED: somebody else does. */
apr_status_t endpoint_ask(const char *endpoint, const char *origin, const char *server, char **address, qmq_error_t **error);

/* "http://host:port" of the endpoint, and "host:port" (what the tools take as --metaserver); malloc'ed. */
char *endpoint_base(const char *endpoint);
char *endpoint_authority(const char *endpoint);

#endif
