/* The bare loop of a waiting pull: one thread takes a SEND from one connection, writes it, and answers the pull that waits on another, with
 * a write of a small record before. What no server can beat: it decides nothing and wakes nobody but the clients. */
#include "load.h"

#include "base/memory.h"
#include "base/writer.h"
#include "net/frame.h"
#include "protocol/codes.h"
#include "protocol/message.h"
#include "protocol/pull.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 65536
#define ACTION_BYTES 60
#define CRC_BYTES 8

typedef struct relay {
    int file;
    int64_t written;
    int64_t sequence;
    int waits; /* the connection whose pull waits; -1 none */
    frame_t pull;
} relay_t;

static void answer(int fd, const frame_t *request, const void *body, size_t size) {
    uint8_t bytes[BUFFER];
    frame_write_head(bytes, 0, request->version, request->opaque, FRAME_FLAG_RESPONSE, request->code, size);
    if (size > 0) memcpy(bytes + FRAME_HEAD, body, size);
    load_write(fd, bytes, FRAME_HEAD + size);
}

static void store(relay_t *r, const void *bytes, size_t size) {
    ssize_t n = pwrite(r->file, bytes, size, r->written);
    r->written += n > 0 ? n : 0;
}

static void take_send(relay_t *r, int fd, const frame_t *f) {
    static const uint8_t action[ACTION_BYTES];
    uint8_t body[BUFFER];
    store(r, f->body.data, f->body.size);
    if (r->waits >= 0 && f->body.size > CRC_BYTES && f->body.size < BUFFER - PULL_RESPONSE_HEAD) {
        size_t size = f->body.size - CRC_BYTES;
        put_u64(body, (uint64_t)r->sequence++);
        put_u64(body + 8, UINT64_MAX);
        memcpy(body + PULL_RESPONSE_HEAD, f->body.data + CRC_BYTES, size);
        store(r, action, sizeof action);
        answer(r->waits, &r->pull, body, PULL_RESPONSE_HEAD + size);
        r->waits = -1;
    }
    answer(fd, f, NULL, 0);
}

static bool serve(relay_t *r, int fd) {
    uint8_t bytes[BUFFER];
    frame_t f;
    size_t needed;
    const char *reason;
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    for (size_t at = 0; frame_parse(bytes + at, (size_t)n - at, BUFFER, &f, &needed, &reason) == APR_SUCCESS; at += f.size) {
        if (f.code == REQUEST_SEND_MESSAGE) {
            take_send(r, fd, &f);
        } else if (f.code == REQUEST_PULL_MESSAGE) {
            r->waits = fd;
            r->pull = f;
        } else {
            answer(fd, &f, NULL, 0);
        }
    }
    return true;
}

void load_serve_latency(const load_options_t *o, int listener, int fd, int file) {
    (void)o;
    relay_t r = {file, 0, 0, -1, {0}};
    int on = 1;
    struct pollfd sockets[2] = {{fd, POLLIN, 0}, {accept(listener, NULL, NULL), POLLIN, 0}};
    (void)setsockopt(sockets[1].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bool going = true;
    while (going && poll(sockets, 2, -1) > 0) {
        for (int i = 0; i < 2; i++) {
            if (sockets[i].revents != 0) going = going && serve(&r, sockets[i].fd);
        }
    }
    (void)close(sockets[1].fd);
}
