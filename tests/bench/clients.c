/* The clients of a whole site against one metaserver: many connections from several addresses of this machine, each carrying a few keys
 * that register again and again. Nothing of the product but the protocol's encoders. The result is one JSON object on standard output. */
#include "base/memory.h"
#include "base/writer.h"
#include "net/frame.h"
#include "protocol/broker_register.h"
#include "protocol/client_register.h"
#include "protocol/codes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PER_ADDRESS 10000 /* a system has some 28 000 ports an address */
#define PATIENCE_S 60
#define ANSWER_MOST (64 * 1024)
#define EVENTS 256

typedef struct options {
    int port;
    int connections;
    int keys;
    int subjects;
    int groups;  /* broker groups that go on line first; 0: none */
    int window;  /* registrations under way while all register for the first time */
    double rate; /* registrations a second afterwards */
    double seconds;
} options_t;

typedef struct client {
    int fd;
    double asked; /* 0: nothing under way */
    uint8_t bytes[4];
    size_t have;
    size_t left; /* of the frame behind the length */
} client_t;

typedef struct bench {
    options_t o;
    client_t *clients;
    int poller;
    int under_way;
    long answers;
    double *took;
    size_t took_count;
    size_t took_capacity;
    bool measures;
} bench_t;

static void die(const char *what) {
    (void)fprintf(stderr, "bench_clients: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_from(const bench_t *b, int number) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(number / PER_ADDRESS))};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)b->o.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&from, sizeof from) != 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_all(int fd, const uint8_t *bytes, size_t size) {
    if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
}

static void ask(const bench_t *b, int fd, int16_t code, writer_t *w) {
    (void)b;
    if (w->failed) die("cannot encode");
    frame_write_head(w->data, code, VERSION_CURRENT, 1, 0, code, w->used - FRAME_HEAD);
    send_all(fd, w->data, w->used);
    writer_free(w);
}

static void begin(writer_t *w) {
    writer_init(w, 256);
    (void)writer_reserve(w, FRAME_HEAD);
}

/* One key: a consumer of a subject. */
static void send_key(bench_t *b, int key, bool first) {
    char subject[40], group[40], id[40];
    client_t *c = &b->clients[key % b->o.connections];
    writer_t w;
    begin(&w);
    (void)snprintf(subject, sizeof subject, "bench.subject.%d", key % b->o.subjects);
    (void)snprintf(group, sizeof group, "group%d", key / b->o.subjects);
    (void)snprintf(id, sizeof id, "host%d@@bench", key % b->o.connections);
    client_register_request_t r = {.subject = view_of(subject),
                                   .client_type = CLIENT_CONSUMER,
                                   .app_code = view_of("bench"),
                                   .client_id = view_of(id),
                                   .consumer_group = view_of(group),
                                   .request_type = first ? CLIENT_ONLINE : CLIENT_HEARTBEAT,
                                   .client_ldc = view_of("")};
    client_register_request_write(&w, &r);
    c->asked = now();
    b->under_way++;
    ask(b, c->fd, REQUEST_CLIENT_REGISTER, &w);
}

static void note(bench_t *b, double took) {
    if (!b->measures) return;
    if (b->took_count == b->took_capacity) {
        b->took_capacity = b->took_capacity == 0 ? 4096 : b->took_capacity * 2;
        b->took = memory_realloc(b->took, b->took_capacity * sizeof *b->took);
    }
    b->took[b->took_count++] = took;
}

/* True when a whole answer has come. */
static bool take(client_t *c) {
    uint8_t room[ANSWER_MOST];
    while (c->have < 4) {
        ssize_t n = recv(c->fd, c->bytes + c->have, 4 - c->have, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return false;
        if (n <= 0) die("connection lost");
        c->have += (size_t)n;
        c->left = ((size_t)c->bytes[0] << 24) | ((size_t)c->bytes[1] << 16) | ((size_t)c->bytes[2] << 8) | c->bytes[3];
    }
    while (c->left > 0) {
        ssize_t n = recv(c->fd, room, c->left < sizeof room ? c->left : sizeof room, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return false;
        if (n <= 0) die("connection lost");
        c->left -= (size_t)n;
    }
    c->have = 0;
    return true;
}

static void wait_answers(bench_t *b, int ms) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(b->poller, events, EVENTS, ms);
    for (int i = 0; i < n; i++) {
        client_t *c = &b->clients[events[i].data.u32];
        if (!take(c)) continue;
        note(b, now() - c->asked);
        c->asked = 0;
        b->answers++;
        b->under_way--;
    }
}

static void open_all(bench_t *b) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die("setrlimit");
    b->poller = epoll_create1(0);
    b->clients = memory_zalloc((size_t)b->o.connections * sizeof *b->clients);
    for (int i = 0; i < b->o.connections; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        b->clients[i].fd = open_from(b, i);
        if (epoll_ctl(b->poller, EPOLL_CTL_ADD, b->clients[i].fd, &e) != 0) die("epoll_ctl");
    }
}

static void wait_one(bench_t *b) {
    double end = now() + PATIENCE_S;
    int before = b->under_way;
    while (b->under_way == before && now() < end) wait_answers(b, 100);
    if (b->under_way == before) die("no answer for a minute");
}

static void groups_on_line(bench_t *b) {
    for (int i = 0; i < b->o.groups; i++) {
        char name[24];
        writer_t w;
        begin(&w);
        (void)snprintf(name, sizeof name, "bench%d", i);
        broker_register_request_t r = {REGISTER_ONLINE, view_of(name), view_of("10.0.0.1:20881"), ROLE_MASTER, BROKER_RW};
        broker_register_request_write(&w, &r);
        b->clients[0].asked = now();
        b->under_way++;
        ask(b, b->clients[0].fd, REQUEST_BROKER_REGISTER, &w);
        wait_one(b);
    }
}

static void all_for_the_first_time(bench_t *b) {
    for (int key = 0; key < b->o.keys; key++) {
        while (b->under_way >= b->o.window || b->clients[key % b->o.connections].asked != 0) wait_one(b);
        send_key(b, key, true);
    }
    while (b->under_way > 0) wait_one(b);
}

/* At the rate asked for; a key whose connection waits for an answer is late by that. */
static void again_and_again(bench_t *b) {
    double began = now();
    long sent = 0;
    b->measures = true;
    for (double t = began; t < began + b->o.seconds; t = now()) {
        while ((double)sent < (t - began) * b->o.rate) {
            int key = (int)(sent % b->o.keys);
            while (b->clients[key % b->o.connections].asked != 0) wait_one(b);
            send_key(b, key, false);
            sent++;
        }
        wait_answers(b, 1);
    }
    while (b->under_way > 0) wait_one(b);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double part(const bench_t *b, double of) {
    return b->took_count == 0 ? 0 : 1e6 * b->took[(size_t)((double)(b->took_count - 1) * of)];
}

static void wait_for_go(const char *what) {
    (void)printf("%s\n", what);
    (void)fflush(stdout);
    if (getchar() == EOF) exit(1);
}

int main(int argc, char **argv) {
    static bench_t b = {.o = {.port = 20880,
                              .connections = 15000,
                              .keys = 50000,
                              .subjects = 10000,
                              .groups = 100,
                              .window = 200,
                              .rate = 833,
                              .seconds = 20}};
    for (int i = 1; i + 1 < argc; i += 2) {
        struct {
            const char *name;
            int *to;
        } const numbers[] = {{"--port", &b.o.port},         {"--connections", &b.o.connections}, {"--keys", &b.o.keys},
                             {"--subjects", &b.o.subjects}, {"--groups", &b.o.groups},           {"--window", &b.o.window}};
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
            if (strcmp(argv[i], numbers[n].name) == 0) *numbers[n].to = atoi(argv[i + 1]);
        }
        if (strcmp(argv[i], "--rate") == 0) b.o.rate = atof(argv[i + 1]);
        if (strcmp(argv[i], "--seconds") == 0) b.o.seconds = atof(argv[i + 1]);
    }
    open_all(&b);
    groups_on_line(&b);
    wait_for_go("connected");
    double began = now();
    all_for_the_first_time(&b);
    double first = now() - began;
    wait_for_go("registered");
    again_and_again(&b);
    qsort(b.took, b.took_count, sizeof *b.took, compare);
    (void)printf("{\"first_seconds\":%.3f,\"answers\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n", first, b.took_count,
                 part(&b, 0.5), part(&b, 0.99), part(&b, 1));
    return 0;
}
