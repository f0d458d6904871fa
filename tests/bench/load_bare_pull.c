/* The bare loop of consuming: receive pulls and acknowledgements, one positional write of a small record for each, answers gathered from
 * memory with one vectored send a burst. What no server can beat. */
#include "load.h"

#include "base/memory.h"
#include "base/writer.h"
#include "net/frame.h"
#include "protocol/codes.h"
#include "protocol/pull.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER (1024 * 1024)
#define STORED ((size_t)64 * 1024 * 1024)
#define FRAMES 16
#define SLICES 1024
#define ACTION_BYTES 60
#define CRC_BYTES 8

/* Messages as they lie in a log, over and over, larger than the processor's cache. */
typedef struct stored {
    uint8_t *bytes;
    size_t *at; /* where each message of a batch begins in a copy of the batch; at[batch]: its size */
    size_t copies;
    size_t next;
} stored_t;

static void fill(stored_t *s, const load_options_t *o) {
    size_t size;
    uint8_t *frame = load_send_frame(o, 0, &size);
    size_t batch = (size_t)o->batch, payload = size - FRAME_HEAD;
    s->copies = STORED / payload;
    s->bytes = memory_alloc(s->copies * payload);
    s->at = memory_alloc((batch + 1) * sizeof *s->at);
    cursor_t c = cursor_make(frame + FRAME_HEAD, payload);
    for (size_t i = 0; i < batch; i++) {
        message_t m;
        s->at[i] = payload - cursor_left(&c);
        (void)message_parse_wire(&c, &m);
    }
    s->at[batch] = payload;
    for (size_t i = 0; i < s->copies; i++) memcpy(s->bytes + i * payload, frame + FRAME_HEAD, payload);
    memory_free(frame);
}

/* Appends the slices of an answer; the number of bytes. */
static size_t add_answer(stored_t *s, const load_options_t *o, struct iovec *to, int *count) {
    size_t batch = (size_t)o->batch, bytes = 0;
    const uint8_t *copy = s->bytes + s->next++ % s->copies * s->at[batch];
    for (size_t i = 0; i < batch; i++) {
        size_t size = s->at[i + 1] - s->at[i] - CRC_BYTES;
        to[(*count)++] = (struct iovec){(void *)(uintptr_t)(copy + s->at[i] + CRC_BYTES), size};
        bytes += size;
    }
    return bytes;
}

static bool send_all(int fd, struct iovec *parts, int count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    while (message.msg_iovlen > 0) {
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n <= 0) return false;
        size_t left = (size_t)n;
        while (message.msg_iovlen > 0 && left >= message.msg_iov->iov_len) {
            left -= message.msg_iov->iov_len;
            message.msg_iov++;
            message.msg_iovlen--;
        }
        if (left == 0) continue;
        message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + left;
        message.msg_iov->iov_len -= left;
    }
    return true;
}

/* Answers the whole frames of a burst; the number of bytes they took. */
static size_t answer_burst(int fd, int file, stored_t *s, const load_options_t *o, const uint8_t *from, size_t have) {
    static const uint8_t action[FRAMES * ACTION_BYTES];
    static int64_t pulled, written;
    uint8_t heads[FRAMES * (FRAME_HEAD + PULL_RESPONSE_HEAD)];
    struct iovec parts[SLICES];
    int count = 0, frames = 0;
    size_t at = 0, needed;
    frame_t f;
    const char *reason;
    while (frames < FRAMES && count + o->batch + 2 < SLICES &&
           frame_parse(from + at, have - at, BUFFER, &f, &needed, &reason) == APR_SUCCESS) {
        uint8_t *head = heads + frames++ * (FRAME_HEAD + PULL_RESPONSE_HEAD);
        size_t body = 0, size = FRAME_HEAD;
        int mine = count++;
        if (f.code == REQUEST_PULL_MESSAGE) {
            put_u64(head + FRAME_HEAD, (uint64_t)pulled);
            put_u64(head + FRAME_HEAD + 8, UINT64_MAX);
            pulled += o->batch;
            size += PULL_RESPONSE_HEAD;
            body = PULL_RESPONSE_HEAD + add_answer(s, o, parts, &count);
        }
        frame_write_head(head, 0, f.version, f.opaque, FRAME_FLAG_RESPONSE, f.code, body);
        parts[mine] = (struct iovec){head, size};
        at += f.size;
    }
    if (frames == 0) return 0;
    ssize_t n = pwrite(file, action, (size_t)frames * ACTION_BYTES, written);
    written += n > 0 ? n : 0;
    return send_all(fd, parts, count) ? at : 0;
}

void load_serve_pulls(const load_options_t *o, int listener, int fd, int file) {
    (void)listener;
    stored_t s = {0};
    fill(&s, o);
    uint8_t *buffer = memory_alloc(BUFFER);
    size_t have = 0;
    for (;;) {
        ssize_t n = recv(fd, buffer + have, BUFFER - have, 0);
        if (n <= 0) break;
        have += (size_t)n;
        size_t took = answer_burst(fd, file, &s, o, buffer, have);
        memmove(buffer, buffer + took, have - took);
        have -= took;
    }
    memory_free(buffer);
    memory_free(s.bytes);
    memory_free(s.at);
}
