/* The clocks of a release: the system's own. A test build has clock_bent.c in this place. */
#include "portability/clock.h"

#include "portability/posix/system.h"

#include <time.h>

int64_t clock_wall_ms(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) system_fatal("clock_gettime", errno);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_us(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) system_fatal("clock_gettime", errno);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t system_wait_us(int64_t us) {
    return us;
}
