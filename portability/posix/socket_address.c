#include "portability/posix/socket_address.h"

#include "portability/posix/system.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

apr_status_t socket_address_parse(struct sockaddr_in *to, const char *address, int port) {
    memset(to, 0, sizeof *to);
    to->sin_family = AF_INET;
    if (port < 0 || port > 65535 || inet_pton(AF_INET, address, &to->sin_addr) != 1) return APR_EINVAL;
    to->sin_port = htons((uint16_t)port);
    return APR_SUCCESS;
}

apr_status_t socket_create(int *fd) {
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return *fd >= 0 ? APR_SUCCESS : system_error();
}
