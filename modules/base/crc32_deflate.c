#include "base/crc32.h"

#include <libdeflate.h>

uint32_t crc32_update(uint32_t crc, const void *data, size_t size) {
    /* libdeflate answers the start value for a NULL buffer */
    return size == 0 ? crc : libdeflate_crc32(crc, data, size);
}

uint32_t crc32_of(const void *data, size_t size) {
    return crc32_update(0, data, size);
}
