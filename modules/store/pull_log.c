#include "store/pull_log.h"

#include "base/memory.h"

#include <string.h>

#define LEAST_CAPACITY 2

void pull_log_free(pull_log_t *p) {
    memory_free(p->ranges);
    memset(p, 0, sizeof *p);
}

static int64_t end_of(const pull_range_t *r) {
    return r->pull + r->count;
}

/* Index (from p->first) of the first range that ends behind `pull`; count when there is none. */
static uint32_t position(const pull_log_t *p, int64_t pull) {
    uint32_t low = 0, high = p->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (end_of(&p->ranges[p->first + middle]) <= pull) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Moves the ranges to the front of an array with room for `more` further ones. */
static void make_room(pull_log_t *p, uint32_t more) {
    if (p->ranges != NULL && p->first + p->count + more <= p->capacity) return;
    uint32_t wanted = p->count + more;
    if (p->ranges == NULL || wanted > p->capacity || p->first < p->capacity / 2) {
        uint32_t capacity = p->capacity == 0 ? LEAST_CAPACITY : p->capacity * 2;
        while (capacity < wanted) capacity *= 2;
        p->ranges = memory_realloc(p->ranges, capacity * sizeof(pull_range_t));
        p->capacity = capacity;
    }
    memmove(p->ranges, p->ranges + p->first, p->count * sizeof(pull_range_t));
    p->first = 0;
}

static void append(pull_log_t *p, pull_range_t r) {
    pull_range_t *last = p->count == 0 ? NULL : &p->ranges[p->first + p->count - 1];
    if (last != NULL && end_of(last) == r.pull && last->message + last->count == r.message) {
        last->count += r.count;
        return;
    }
    make_room(p, 1);
    p->ranges[p->first + p->count++] = r;
}

/* Appends what of r lies in [from, upto). */
static void append_part(pull_log_t *p, const pull_range_t *r, int64_t from, int64_t upto) {
    int64_t begin = r->pull > from ? r->pull : from;
    int64_t end = end_of(r) < upto ? end_of(r) : upto;
    if (begin < end) append(p, (pull_range_t){begin, r->message + (begin - r->pull), end - begin});
}

/* The general case: rebuilt with the new range in place of what it covers. */
static void replace(pull_log_t *p, pull_range_t r) {
    pull_log_t built = {NULL, 0, 0, 0};
    const pull_range_t *old = p->ranges + p->first;
    for (uint32_t i = 0; i < p->count; i++) append_part(&built, &old[i], INT64_MIN, r.pull);
    append(&built, r);
    for (uint32_t i = 0; i < p->count; i++) append_part(&built, &old[i], end_of(&r), INT64_MAX);
    memory_free(p->ranges);
    *p = built;
}

void pull_log_put(pull_log_t *p, int64_t first, int64_t last, int64_t message) {
    if (first < 0 || message < 0 || last < first || last == INT64_MAX || message > INT64_MAX - (last - first) - 1) return;
    pull_range_t r = {first, message, last - first + 1};
    if (p->count == 0 || end_of(&p->ranges[p->first + p->count - 1]) <= first) {
        append(p, r);
    } else {
        replace(p, r);
    }
}

void pull_log_fill(pull_log_t *p, int64_t first, int64_t last, int64_t message) {
    if (first < 0 || message < 0 || last < first || last == INT64_MAX || message > INT64_MAX - (last - first) - 1) return;
    pull_range_t r = {first, message, last - first + 1};
    pull_log_t built = {NULL, 0, 0, 0};
    int64_t from = INT64_MIN;
    for (uint32_t i = 0; i < p->count; i++) {
        const pull_range_t *known = &p->ranges[p->first + i];
        append_part(&built, &r, from, known->pull);
        append(&built, *known);
        from = end_of(known);
    }
    append_part(&built, &r, from, INT64_MAX);
    memory_free(p->ranges);
    *p = built;
}

int64_t pull_log_count_after(const pull_log_t *p, int64_t pull) {
    int64_t count = 0;
    for (uint32_t i = position(p, pull + 1); i < p->count; i++) {
        const pull_range_t *r = &p->ranges[p->first + i];
        count += r->pull > pull ? r->count : end_of(r) - pull - 1;
    }
    return count;
}

void pull_log_copy_after(const pull_log_t *p, int64_t pull, pull_log_t *to) {
    memset(to, 0, sizeof *to);
    for (uint32_t i = position(p, pull + 1); i < p->count; i++) append_part(to, &p->ranges[p->first + i], pull + 1, INT64_MAX);
}

void pull_log_trim(pull_log_t *p, int64_t last) {
    if (p->count == 0 || last == INT64_MAX) {
        pull_log_free(p);
        return;
    }
    uint32_t gone = position(p, last + 1);
    p->first += gone;
    p->count -= gone;
    if (p->count == 0) {
        pull_log_free(p);
        return;
    }
    pull_range_t *r = &p->ranges[p->first];
    if (r->pull > last) return;
    int64_t cut = last + 1 - r->pull;
    r->pull += cut;
    r->message += cut;
    r->count -= cut;
}

int64_t pull_log_find(const pull_log_t *p, int64_t pull) {
    uint32_t at = position(p, pull);
    if (at == p->count) return -1;
    const pull_range_t *r = &p->ranges[p->first + at];
    return pull < r->pull ? -1 : r->message + (pull - r->pull);
}
