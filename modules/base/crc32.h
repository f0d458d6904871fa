/* CRC-32 as in zlib and java.util.zip (storage.md 1, wire-protocol.md 3.3). */
#ifndef QMQ_BASE_CRC32_H
#define QMQ_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *data, size_t size);
/* Continues a checksum over more bytes: crc32_update(crc32_of(a), b) == crc32_of(a b). */
uint32_t crc32_update(uint32_t crc, const void *data, size_t size);

#endif
