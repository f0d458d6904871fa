#include "portability/posix/power_image.h"

#include "portability/posix/system.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR 512

uint64_t power_random(uint64_t *state) {
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void *grown(void *old, size_t size) {
    void *p = realloc(old, size == 0 ? 1 : size);
    if (p == NULL) system_fatal("out of memory", 0);
    return p;
}

static void resize(power_bytes_t *b, size_t size) {
    if (size > b->size) {
        b->data = grown(b->data, size);
        memset(b->data + b->size, 0, size - b->size);
    }
    b->size = size;
}

static void put(power_bytes_t *b, size_t offset, const uint8_t *from, size_t size) {
    if (offset + size > b->size) resize(b, offset + size);
    if (size > 0) memcpy(b->data + offset, from, size);
}

static power_change_t *add(power_image_t *i) {
    if (i->count == i->capacity) {
        i->capacity = i->capacity == 0 ? 8 : i->capacity * 2;
        i->changes = grown(i->changes, i->capacity * sizeof i->changes[0]);
    }
    power_change_t *c = &i->changes[i->count++];
    memset(c, 0, sizeof *c);
    return c;
}

void power_image_write(power_image_t *i, const io_slice_t *slices, size_t count, int64_t offset, size_t size) {
    power_change_t *c = add(i);
    c->offset = offset;
    c->size = size;
    c->bytes = grown(NULL, size);
    size_t done = 0;
    for (size_t k = 0; k < count && done < size; k++) {
        size_t part = slices[k].size < size - done ? slices[k].size : size - done;
        memcpy(c->bytes + done, slices[k].data, part);
        done += part;
    }
}

void power_image_resize(power_image_t *i, int64_t size, bool grows) {
    power_change_t *c = add(i);
    c->offset = size;
    c->grows = grows;
}

static void apply(const power_change_t *c, power_bytes_t *to) {
    if (c->bytes != NULL) {
        put(to, (size_t)c->offset, c->bytes, c->size);
    } else if (!c->grows || (size_t)c->offset > to->size) {
        resize(to, (size_t)c->offset);
    }
}

/* Some sectors of a write. */
static void apply_torn(const power_change_t *c, power_bytes_t *to, uint64_t *random) {
    size_t at = 0;
    if (c->bytes == NULL) return;
    while (at < c->size) {
        size_t part = SECTOR - ((size_t)c->offset + at) % SECTOR;
        if (part > c->size - at) part = c->size - at;
        if (power_random(random) % 2 == 0) put(to, (size_t)c->offset + at, c->bytes + at, part);
        at += part;
    }
}

/* The first bytes of a write. */
static void apply_begun(const power_change_t *c, power_bytes_t *to, uint64_t *random) {
    if (c->bytes != NULL && c->size > 0) put(to, (size_t)c->offset, c->bytes, power_random(random) % (c->size + 1));
}

static void forget_changes(power_image_t *i) {
    for (size_t k = 0; k < i->count; k++) free(i->changes[k].bytes);
    i->count = 0;
}

size_t power_image_changes(const power_image_t *i) {
    return i->forgotten + i->count;
}

void power_image_sync(power_image_t *i, size_t upto) {
    size_t n = upto > i->forgotten ? upto - i->forgotten : 0;
    for (size_t k = 0; k < n; k++) {
        apply(&i->changes[k], &i->durable);
        free(i->changes[k].bytes);
    }
    i->count -= n;
    i->forgotten += n;
    if (n > 0) memmove(i->changes, i->changes + n, i->count * sizeof i->changes[0]);
}

void power_image_lose(const power_image_t *i, power_loss_t loss, uint64_t *random, bool tears_last, power_bytes_t *to) {
    *to = (power_bytes_t){NULL, 0};
    put(to, 0, i->durable.size == 0 ? (const uint8_t *)"" : i->durable.data, i->durable.size);
    size_t kept = loss == POWER_KEEPS_NONE ? 0 : i->count;
    if (loss == POWER_KEEPS_FIRST) kept = power_random(random) % (i->count + 1);
    for (size_t k = 0; k < kept; k++) {
        const power_change_t *c = &i->changes[k];
        bool last = k + 1 == i->count && tears_last;
        if (loss == POWER_KEEPS_SOME) {
            uint64_t luck = power_random(random) % 3;
            if (luck == 0 && !last) apply(c, to);
            if (luck == 1) apply_torn(c, to, random);
        } else if (last) {
            apply_begun(c, to, random);
        } else {
            apply(c, to);
        }
    }
}

void power_image_free(power_image_t *i) {
    forget_changes(i);
    free(i->changes);
    free(i->durable.data);
    memset(i, 0, sizeof *i);
}
