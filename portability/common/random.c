#include "portability/random.h"

#include "portability/common/system.h"

uint64_t random_below(uint64_t bound) {
    if (bound == 0) system_fatal("random_below(0)", 0);
    uint64_t skip = (0 - bound) % bound; /* 2^64 mod bound: the values below it would be drawn too often */
    for (;;) {
        uint64_t value;
        random_bytes(&value, sizeof value);
        if (value >= skip) return value % bound;
    }
}
