#include "load.h"

#include "base/cursor.h"
#include "base/memory.h"
#include "protocol/pull.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A group, or one consumer of a group, that reads the subject from its position on; all share a connection, opaque 2 * n is the pull of
 * number n, 2 * n + 1 its acknowledgement. */
typedef struct reader {
    char group[64];
    char consumer[64];
    int64_t last;
    int received;
    int empty;
    bool waits; /* for the answer to a pull */
} reader_t;

static int count_messages(cursor_t *c) {
    message_t m;
    int n = 0;
    while (cursor_left(c) > 0 && message_parse(c, &m)) n++;
    return c->failed ? -1 : n;
}

/* Acknowledges first..last (none when first is -1) and asks for more, in one piece: what the official client's threads mostly do. */
static void ask(int fd, const load_options_t *o, reader_t *r, int number, int64_t first, bool more) {
    load_options_t own = *o;
    own.group = r->group;
    own.consumer = r->consumer;
    size_t ack_size = 0, pull_size = 0;
    uint8_t *ack = first < 0 ? NULL : load_ack_frame(&own, 2 * number + 1, first, r->last, &ack_size);
    uint8_t *pull = more ? load_pull_frame(&own, 2 * number, r->last, o->count == 0 ? -1 : 2000, &pull_size) : NULL;
    uint8_t *both = memory_alloc(ack_size + pull_size + 1);
    if (ack != NULL) memcpy(both, ack, ack_size);
    if (pull != NULL) memcpy(both + ack_size, pull, pull_size);
    load_write(fd, both, ack_size + pull_size);
    r->waits = more;
    memory_free(ack);
    memory_free(pull);
    memory_free(both);
}

/* The answer to a pull; false when it makes no sense. */
static bool take(int fd, const load_options_t *o, reader_t *r, int number, const uint8_t *answer, size_t size) {
    r->waits = false;
    if (size <= 24 || answer[11] != 0) {
        if (o->count > 0 && ++r->empty <= 3) ask(fd, o, r, number, -1, true);
        return true;
    }
    cursor_t c = cursor_make(answer + 24, size - 24);
    int64_t first;
    if (!pull_response_read_head(&c, &first)) return false;
    int got = count_messages(&c);
    if (got <= 0) return false;
    r->received += got;
    r->last = first + got - 1;
    ask(fd, o, r, number, first, r->received < o->count);
    return true;
}

static void name_reader(const load_options_t *o, reader_t *r, int number) {
    bool first = number == 0;
    (void)snprintf(r->group, sizeof r->group, first || o->consumers > 1 ? "%s" : "%s.%d", o->group, number);
    (void)snprintf(r->consumer, sizeof r->consumer, first || o->consumers <= 1 ? "%s" : "%s.%d", o->consumer, number);
    r->last = -1;
}

/* Consumers of one group get what they need together; then those that still wait are left. */
static int load_consume_shared(const load_options_t *o) {
    int fd = load_connect(o->address), received = 0;
    reader_t *readers = memory_zalloc((size_t)o->consumers * sizeof *readers);
    double bytes = 0, begin = load_now();
    for (int i = 0; i < o->consumers; i++) {
        name_reader(o, &readers[i], i);
        ask(fd, o, &readers[i], i, -1, true);
    }
    uint8_t *answer = NULL;
    size_t capacity = 0;
    while (received < o->count) {
        size_t n = load_read_frame(fd, &answer, &capacity);
        cursor_t c = cursor_make(answer + 14, 4);
        int32_t opaque = cursor_i32(&c);
        if (opaque % 2 == 1) continue;
        reader_t *r = &readers[opaque / 2];
        bytes += (double)n;
        received -= r->received;
        if (!take(fd, o, r, opaque / 2, answer, n) || r->empty > 3) break;
        received += r->received;
    }
    (void)printf("{\"messages\":%d,\"seconds\":%.6f,\"bytes\":%.0f}\n", received, load_now() - begin, bytes);
    memory_free(answer);
    memory_free(readers);
    (void)close(fd);
    return received < o->count;
}

/* `window` groups, each pulling `batch` messages and acknowledging them with the next pull, until each has `count`. The groups must exist
 * before (see --count 0). */
int load_consume(const load_options_t *o) {
    if (o->consumers > 1) return load_consume_shared(o);
    int fd = load_connect(o->address);
    reader_t *readers = memory_zalloc((size_t)o->window * sizeof *readers);
    double bytes = 0, begin = load_now();
    int waiting = o->window;
    for (int i = 0; i < o->window; i++) {
        name_reader(o, &readers[i], i);
        ask(fd, o, &readers[i], i, -1, true);
    }
    uint8_t *answer = NULL;
    size_t capacity = 0;
    int acks = 0;
    while (waiting > 0 || acks > 0) {
        size_t n = load_read_frame(fd, &answer, &capacity);
        cursor_t c = cursor_make(answer + 14, 4);
        int32_t opaque = cursor_i32(&c);
        if (opaque % 2 == 1) {
            acks--;
            continue;
        }
        reader_t *r = &readers[opaque / 2];
        bytes += (double)n;
        int64_t before = r->last;
        if (!take(fd, o, r, opaque / 2, answer, n)) break;
        acks += r->last != before;
        waiting -= !r->waits;
    }
    double seconds = load_now() - begin;
    int received = 0;
    bool whole = true;
    for (int i = 0; i < o->window; i++) {
        received += readers[i].received;
        whole = whole && readers[i].received >= o->count;
    }
    (void)printf("{\"messages\":%d,\"seconds\":%.6f,\"bytes\":%.0f}\n", received, seconds, bytes);
    memory_free(answer);
    memory_free(readers);
    (void)close(fd);
    return !whole;
}
