#include "portability/posix/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void system_fatal(const char *what, int error) {
    fprintf(stderr, "qmq: fatal: %s%s%s\n", what, error != 0 ? ": " : "", error != 0 ? strerrordesc_np(error) : "");
    abort();
}
