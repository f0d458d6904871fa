#include "load.h"

#include "base/memory.h"
#include "base/writer.h"

#include <stdio.h>
#include <unistd.h>

/* `window` requests in flight, the next one with each answer. */
int load_produce(const load_options_t *o) {
    int fd = load_connect(o->address);
    size_t size;
    uint8_t *frame = load_send_frame(o, 0, &size);
    int requests = (o->count + o->batch - 1) / o->batch;
    uint8_t *answer = NULL;
    size_t capacity = 0;
    long refused = 0;
    double begin = load_now();
    int sent = 0, answered = 0;
    while (answered < requests) {
        while (sent < requests && sent - answered < o->window) {
            put_u32(frame + 14, (uint32_t)sent++);
            load_write(fd, frame, size);
        }
        size_t n = load_read_frame(fd, &answer, &capacity);
        if (n != 24 || answer[10] != 0 || answer[11] != 0) refused++;
        answered++;
    }
    double seconds = load_now() - begin;
    (void)printf("{\"messages\":%d,\"seconds\":%.6f,\"bytes\":%.0f,\"refused\":%ld}\n", requests * o->batch, seconds,
                 (double)size * requests, refused);
    memory_free(frame);
    memory_free(answer);
    (void)close(fd);
    return refused > 0;
}
