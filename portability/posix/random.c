#include "portability/random.h"

#include "portability/posix/system.h"

#include <sys/random.h>

void random_bytes(void *to, size_t size) {
    unsigned char *next = to;
    while (size > 0) {
        ssize_t n = getrandom(next, size, 0);
        if (n < 0) {
            if (errno != EINTR) system_fatal("getrandom", errno);
            continue;
        }
        next += n;
        size -= (size_t)n;
    }
}
