#include "base/view.h"

__extension__ typedef unsigned __int128 wide_t;

/* Odd constants with evenly spread bits. */
static const uint64_t SECRET0 = 0x9e3779b97f4a7c15u;
static const uint64_t SECRET1 = 0xd1b54a32d192ed03u;
static const uint64_t SECRET2 = 0x8cb92ba72f3d8dd7u;

/* Both halves of the product folded: every input bit reaches every output bit. */
static inline uint64_t mix(uint64_t a, uint64_t b) {
    wide_t product = (wide_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load8(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load4(const char *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

uint64_t view_hash(view_t v) {
    const char *p = v.data;
    size_t left = v.size;
    uint64_t hash = SECRET0 ^ v.size;
    uint64_t a = 0;
    uint64_t b = 0;
    while (left > 16) {
        hash = mix(load8(p) ^ SECRET1, load8(p + 8) ^ hash);
        p += 16;
        left -= 16;
    }
    if (left >= 8) { /* the two reads may overlap, they cover all */
        a = load8(p);
        b = load8(p + left - 8);
    } else if (left >= 4) {
        a = load4(p);
        b = load4(p + left - 4);
    } else if (left > 0) {
        a = ((uint64_t)(uint8_t)p[0] << 16) | ((uint64_t)(uint8_t)p[left / 2] << 8) | (uint8_t)p[left - 1];
    }
    return mix(SECRET2 ^ v.size, mix(a ^ SECRET1, b ^ hash));
}
