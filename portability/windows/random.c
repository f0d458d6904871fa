#include "portability/random.h"

#include "portability/windows/system.h"

#include <bcrypt.h>

void random_bytes(void *to, size_t size) {
    unsigned char *next = to;
    while (size > 0) {
        ULONG part = size < 1U << 30 ? (ULONG)size : 1U << 30;
        NTSTATUS status = BCryptGenRandom(NULL, next, part, BCRYPT_USE_SYSTEM_PREFERRED_RNG);
        if (status < 0) system_fatal("BCryptGenRandom", (int)status);
        next += part;
        size -= part;
    }
}
