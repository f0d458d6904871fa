/* The bare loop: receive, one vectored positional write of what arrived, a 24-byte answer a request. What no server can beat. */
#include "load.h"

#include "base/cursor.h"
#include "base/memory.h"
#include "net/frame.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER (1024 * 1024)
#define FILE_LIMIT (1024LL * 1024 * 1024)
#define PREALLOCATE (64LL * 1024 * 1024)

void load_serve_sends(const load_options_t *o, int listener, int fd, int file) {
    (void)o, (void)listener;
    uint8_t *buffer = memory_alloc(BUFFER);
    size_t have = 0;
    int64_t offset = 0, allocated = 0;
    for (;;) {
        ssize_t n = recv(fd, buffer + have, BUFFER - have, 0);
        if (n <= 0) break;
        have += (size_t)n;
        struct iovec parts[256];
        uint8_t answers[256 * FRAME_HEAD];
        int count = 0;
        size_t at = 0;
        frame_t f;
        size_t needed;
        const char *reason;
        while (count < 256 && frame_parse(buffer + at, have - at, BUFFER, &f, &needed, &reason) == APR_SUCCESS) {
            parts[count].iov_base = (void *)(uintptr_t)f.body.data;
            parts[count].iov_len = f.body.size;
            frame_write_head(answers + count * FRAME_HEAD, 0, f.version, f.opaque, FRAME_FLAG_RESPONSE, f.code, 0);
            at += f.size;
            count++;
        }
        if (count > 0) {
            if (offset + BUFFER > allocated) {
                if (posix_fallocate(file, allocated, PREALLOCATE) != 0) break;
                allocated += PREALLOCATE;
            }
            ssize_t written = pwritev(file, parts, count, offset);
            if (written < 0) break;
            offset += written;
            if (offset > FILE_LIMIT) offset = 0;
            load_write(fd, answers, (size_t)count * FRAME_HEAD);
        }
        memmove(buffer, buffer + at, have - at);
        have -= at;
    }
    memory_free(buffer);
}

int load_bare(const load_options_t *o, void (*serve)(const load_options_t *o, int listener, int fd, int file)) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int file = open(o->file, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (listener < 0 || file < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) != 0) {
        perror("bench_load: bare");
        return 1;
    }
    (void)printf("%d\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    int fd = accept(listener, NULL, NULL);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    serve(o, listener, fd, file);
    (void)close(fd);
    (void)close(file);
    return 0;
}
