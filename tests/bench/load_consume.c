#include "load.h"

#include "base/cursor.h"
#include "base/memory.h"
#include "protocol/pull.h"

#include <stdio.h>
#include <unistd.h>

static int count_messages(cursor_t *c) {
    message_t m;
    int n = 0;
    while (cursor_left(c) > 0 && message_parse(c, &m)) n++;
    return c->failed ? -1 : n;
}

/* One consumer that pulls `batch` messages, acknowledges them with the next pull right behind, until `count` were received. The group must
 * exist before (see --count 0). */
int load_consume(const load_options_t *o) {
    int fd = load_connect(o->address);
    uint8_t *answer = NULL;
    size_t capacity = 0, size;
    int64_t last = -1;
    double bytes = 0;
    int received = 0, acks = 0, empty = 0;
    double begin = load_now();
    do {
        uint8_t *pull = load_pull_frame(o, 1, last, o->count == 0 ? -1 : 2000, &size);
        load_write(fd, pull, size);
        memory_free(pull);
        size_t n;
        for (;;) {
            n = load_read_frame(fd, &answer, &capacity);
            if (answer[17] == 1) break;
            acks--;
        }
        if (n <= 24 || answer[11] != 0) {
            if (o->count == 0 || ++empty > 3) break;
            continue;
        }
        cursor_t c = cursor_make(answer + 24, n - 24);
        int64_t first;
        if (!pull_response_read_head(&c, &first)) break;
        int got = count_messages(&c);
        if (got <= 0) break;
        bytes += (double)n;
        received += got;
        last = first + got - 1;
        uint8_t *ack = load_ack_frame(o, 2, first, last, &size);
        load_write(fd, ack, size);
        memory_free(ack);
        acks++;
    } while (received < o->count);
    while (acks > 0) {
        (void)load_read_frame(fd, &answer, &capacity);
        acks--;
    }
    double seconds = load_now() - begin;
    (void)printf("{\"messages\":%d,\"seconds\":%.6f,\"bytes\":%.0f}\n", received, seconds, bytes);
    memory_free(answer);
    (void)close(fd);
    return received < o->count;
}
