#include "portability/host.h"

#include <limits.h>
#include <sched.h>
#include <unistd.h>

int host_cores(void) {
    cpu_set_t allowed;
    long n = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 || n > INT_MAX ? 1 : (int)n;
}
