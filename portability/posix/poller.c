/* Waiting by epoll, waking by eventfd, both used directly: an apr_socket_t drags a pool of 8 KiB behind it, and apr_pollset wakes
 * through a pipe and waits in milliseconds. */
#include "portability/posix/loop_private.h"
#include "portability/posix/system.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 256

struct poller {
    int epoll_fd;
    int count;          /* of events */
    bool has_fine_wait; /* the kernel knows epoll_pwait2 */
    watch_t wake;
    struct epoll_event events[EVENTS_PER_ROUND];
};

static void ignore_wake(watch_t *self, uint32_t events) {
    (void)self, (void)events;
}

static apr_status_t add(poller_t *p, watch_t *w, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = w};
    if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, w->fd, &e) != 0) return system_error();
    w->armed = events;
    return APR_SUCCESS;
}

apr_status_t watch_start(loop_t *l, watch_t *w, uint32_t events) {
    return add(loop_poller(l), w, events);
}

void watch_arm(loop_t *l, watch_t *w, uint32_t events) {
    if (w->armed == events) return;
    struct epoll_event e = {.events = events, .data.ptr = w};
    if (epoll_ctl(loop_poller(l)->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) != 0) system_fatal("epoll_ctl", errno);
    w->armed = events;
}

void watch_stop(loop_t *l, watch_t *w) {
    struct epoll_event unused = {0};
    /* Not left to close: a child between fork and exec may hold the descriptor too, and events would name freed memory. */
    if (epoll_ctl(loop_poller(l)->epoll_fd, EPOLL_CTL_DEL, w->fd, &unused) != 0) system_fatal("epoll_ctl", errno);
}

void watch_retire(loop_t *l, watch_t *w) {
    w->retired = true;
    loop_retire(l, &w->retiree);
}

void descriptor_close(int fd) {
    if (close(fd) != 0 && errno == EBADF) system_fatal("close", errno); /* other errors come from the peer; it is closed */
}

static apr_status_t open_descriptors(poller_t *p) {
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll_fd < 0) return system_error();
    p->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->wake.fd < 0) return system_error();
    p->wake.ready = ignore_wake;
    return add(p, &p->wake, EPOLLIN | EPOLLET); /* by edge: the counter never has to be read */
}

apr_status_t poller_create(poller_t **out) {
    poller_t *p = system_alloc(sizeof *p);
    p->epoll_fd = p->wake.fd = -1;
    p->has_fine_wait = true;
    apr_status_t status = open_descriptors(p);
    if (status != APR_SUCCESS) {
        poller_destroy(p);
        return status;
    }
    *out = p;
    return APR_SUCCESS;
}

void poller_destroy(poller_t *p) {
    if (p->wake.fd >= 0) descriptor_close(p->wake.fd);
    if (p->epoll_fd >= 0) descriptor_close(p->epoll_fd);
    free(p);
}

void poller_wake(poller_t *p) {
    uint64_t one = 1;
    ssize_t n;
    do {
        n = write(p->wake.fd, &one, sizeof one);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN) system_fatal("eventfd", errno); /* EAGAIN: the counter is full, the loop is awake */
}

bool poller_is_ready(const poller_t *p) {
    (void)p;
    return false;
}

static int poll_events(poller_t *p, int64_t wait_us) {
    if (p->has_fine_wait) {
        struct timespec t = {.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000) * 1000};
        int n = epoll_pwait2(p->epoll_fd, p->events, EVENTS_PER_ROUND, wait_us < 0 ? NULL : &t, NULL);
        if (n >= 0 || errno != ENOSYS) return n;
        p->has_fine_wait = false;
    }
    int wait_ms = wait_us < 0 ? -1 : (int)((wait_us + 999) / 1000);
    return epoll_wait(p->epoll_fd, p->events, EVENTS_PER_ROUND, wait_ms);
}

apr_status_t poller_wait(poller_t *p, int64_t wait_us) {
    int n = poll_events(p, wait_us);
    apr_status_t status = n >= 0 || errno == EINTR ? APR_SUCCESS : system_error();
    p->count = n < 0 ? 0 : n;
    return status;
}

void poller_dispatch(poller_t *p) {
    for (int i = 0; i < p->count; i++) {
        watch_t *w = p->events[i].data.ptr;
        if (!w->retired) w->ready(w, p->events[i].events);
    }
    p->count = 0;
}

bool poller_is_closing(const poller_t *p) {
    (void)p; /* a closed descriptor has no operations */
    return false;
}

void poller_reap(poller_t *p) {
    (void)p;
}
