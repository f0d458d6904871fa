#ifndef QMQ_PORTABILITY_POSIX_SOCKET_ADDRESS_H
#define QMQ_PORTABILITY_POSIX_SOCKET_ADDRESS_H

#include <apr_errno.h>
#include <netinet/in.h>

/* IPv4 text and port as the system's address; APR_EINVAL when they are none. */
apr_status_t socket_address_parse(struct sockaddr_in *to, const char *address, int port);
/* A new non-blocking TCP socket, closed on exec. */
apr_status_t socket_create(int *fd);

#endif
