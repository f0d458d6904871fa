#include "load.h"

#include "base/memory.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* `window` connections, each with one request of `batch` messages in flight: every one waits for its own answer. */
int load_many(const load_options_t *o) {
    size_t size;
    uint8_t *frame = load_send_frame(o, 1, &size);
    struct pollfd *sockets = memory_zalloc((size_t)o->window * sizeof *sockets);
    for (int i = 0; i < o->window; i++) sockets[i] = (struct pollfd){load_connect(o->address), POLLIN, 0};
    uint8_t *answer = NULL;
    size_t capacity = 0;
    int requests = (o->count + o->batch - 1) / o->batch, sent = 0, answered = 0;
    long refused = 0;
    double begin = load_now();
    for (; sent < o->window && sent < requests; sent++) load_write(sockets[sent].fd, frame, size);
    while (answered < requests) {
        if (poll(sockets, (nfds_t)o->window, -1) < 0) {
            perror("bench_load: poll");
            exit(1);
        }
        for (int i = 0; i < o->window; i++) {
            if (sockets[i].revents == 0) continue;
            size_t n = load_read_frame(sockets[i].fd, &answer, &capacity);
            if (n != 24 || answer[10] != 0 || answer[11] != 0) refused++;
            answered++;
            if (sent < requests) {
                load_write(sockets[i].fd, frame, size);
                sent++;
            }
        }
    }
    double seconds = load_now() - begin;
    (void)printf("{\"messages\":%d,\"seconds\":%.6f,\"bytes\":%.0f,\"refused\":%ld}\n", requests * o->batch, seconds,
                 (double)size * requests, refused);
    for (int i = 0; i < o->window; i++) (void)close(sockets[i].fd);
    memory_free(sockets);
    memory_free(frame);
    memory_free(answer);
    return refused > 0;
}
