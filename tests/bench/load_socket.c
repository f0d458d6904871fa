#include "load.h"

#include "base/memory.h"
#include "base/writer.h"
#include "net/frame.h"
#include "protocol/ack.h"
#include "protocol/codes.h"
#include "protocol/pull.h"
#include "protocol/send.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
    (void)fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

double load_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int load_connect(const char *address) {
    const char *colon = strchr(address, ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(colon == NULL ? "0" : colon + 1)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) die(address);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void load_write(int fd, const void *data, size_t size) {
    const uint8_t *p = data;
    while (size > 0) {
        ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n <= 0) die("send");
        p += n;
        size -= (size_t)n;
    }
}

static void read_all(int fd, uint8_t *to, size_t size) {
    while (size > 0) {
        ssize_t n = recv(fd, to, size, MSG_WAITALL);
        if (n <= 0) die("connection lost");
        to += n;
        size -= (size_t)n;
    }
}

size_t load_read_frame(int fd, uint8_t **buffer, size_t *capacity) {
    uint8_t head[4];
    read_all(fd, head, sizeof head);
    size_t rest = ((size_t)head[0] << 24) | ((size_t)head[1] << 16) | ((size_t)head[2] << 8) | head[3];
    if (rest + 4 > *capacity) {
        *capacity = rest + 4;
        *buffer = memory_realloc(*buffer, *capacity);
    }
    memcpy(*buffer, head, 4);
    read_all(fd, *buffer + 4, rest);
    return rest + 4;
}

static uint8_t *finish(writer_t *w, int16_t code, int32_t opaque, size_t *size) {
    if (w->failed) die("cannot encode");
    frame_write_head(w->data, code, VERSION_CURRENT, opaque, 0, code, w->used - FRAME_HEAD);
    *size = w->used;
    return w->data;
}

static void begin(writer_t *w) {
    writer_init(w, 1024);
    (void)writer_reserve(w, FRAME_HEAD);
}

uint8_t *load_send_frame(const load_options_t *o, int32_t opaque, size_t *size) {
    writer_t w;
    begin(&w);
    size_t value_size = (size_t)o->size;
    char *value = memory_zalloc(value_size + 1);
    memset(value, 'x', value_size);
    for (int i = 0; i < o->batch; i++) {
        char id[64];
        (void)snprintf(id, sizeof id, "260101.120000.127.0.0.1.1.%d", i);
        view_t attributes[] = {view_of("qmq_createTime"), view_of("1700000000000"), view_of("data"), view_make(value, value_size)};
        message_content_t m = {.create_time = 1700000000000,
                               .expire_time = 1700000900000,
                               .subject = view_of(o->subject),
                               .id = view_of(id),
                               .attributes = attributes,
                               .attribute_count = 2};
        message_write_wire(&w, &m);
    }
    memory_free(value);
    return finish(&w, REQUEST_SEND_MESSAGE, opaque, size);
}

uint8_t *load_pull_frame(const load_options_t *o, int32_t opaque, int64_t last, int64_t timeout_ms, size_t *size) {
    writer_t w;
    begin(&w);
    pull_request_t r = {.subject = view_of(o->subject),
                        .group = view_of(o->group),
                        .consumer_id = view_of(o->consumer),
                        .request_num = o->batch,
                        .offset = -1,
                        .pull_offset_begin = -1,
                        .pull_offset_last = last,
                        .timeout_ms = timeout_ms};
    pull_request_write(&w, VERSION_CURRENT, &r);
    return finish(&w, REQUEST_PULL_MESSAGE, opaque, size);
}

uint8_t *load_ack_frame(const load_options_t *o, int32_t opaque, int64_t first, int64_t last, size_t *size) {
    writer_t w;
    begin(&w);
    ack_request_t r = {.subject = view_of(o->subject),
                       .group = view_of(o->group),
                       .consumer_id = view_of(o->consumer),
                       .pull_offset_begin = first,
                       .pull_offset_last = last};
    ack_request_write(&w, VERSION_CURRENT, &r);
    return finish(&w, REQUEST_ACK, opaque, size);
}
