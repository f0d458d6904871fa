/* Stop and reload requests as signals, the service manager as systemd's notification socket. SIGTERM, SIGINT and SIGHUP are blocked
 * in every thread and taken from a descriptor, so that no handler ever interrupts anything. */
#include "portability/control.h"

#include "portability/clock.h"
#include "portability/posix/system.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_SIZE 500
#define NOTICE_SIZE (STATUS_SIZE + 100)

static struct control {
    bool installed;
    bool stop_told;
    int signals;  /* readable: a signal came */
    int requests; /* readable: control_request_stop */
    atomic_bool stop_requested;
} control = {.signals = -1, .requests = -1};

apr_status_t control_install(void) {
    if (control.installed) return APR_EEXIST;
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0) return system_error();
    int signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) return system_error();
    int requests = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = requests < 0 ? errno : pthread_sigmask(SIG_BLOCK, &ours, NULL);
    if (error != 0) {
        close(signals);
        if (requests >= 0) close(requests);
        return APR_FROM_OS_ERROR(error);
    }
    control.signals = signals;
    control.requests = requests;
    control.installed = true;
    return APR_SUCCESS;
}

static control_event_t stop_event(void) {
    bool again = control.stop_told;
    control.stop_told = true;
    return again ? CONTROL_STOP_NOW : CONTROL_STOP;
}

/* What is there already. A request of our own is no second one: two parts of a server may ask for the same stop. */
static control_event_t take_event(void) {
    struct signalfd_siginfo signal;
    uint64_t count;
    if (control.requests >= 0 && read(control.requests, &count, sizeof count) < 0 && errno != EAGAIN) system_fatal("eventfd", errno);
    if (atomic_exchange(&control.stop_requested, false) && !control.stop_told) return stop_event();
    if (control.signals < 0) return CONTROL_NONE;
    ssize_t n = read(control.signals, &signal, sizeof signal);
    if (n != (ssize_t)sizeof signal) return CONTROL_NONE;
    return signal.ssi_signo == SIGHUP ? CONTROL_RELOAD : stop_event();
}

static void wait_for_event(int64_t wait_us) {
    struct pollfd sources[2] = {{.fd = control.signals, .events = POLLIN}, {.fd = control.requests, .events = POLLIN}};
    int64_t real_us = wait_us < 0 ? 0 : system_wait_us(wait_us);
    struct timespec t = {.tv_sec = (time_t)(real_us / 1000000), .tv_nsec = (long)(real_us % 1000000) * 1000};
    if (ppoll(sources, 2, wait_us < 0 ? NULL : &t, NULL) < 0 && errno != EINTR) system_fatal("ppoll", errno);
}

control_event_t control_wait(int64_t timeout_us) {
    int64_t start = clock_mono_us();
    for (;;) {
        control_event_t event = take_event();
        if (event != CONTROL_NONE) return event;
        int64_t left = timeout_us < 0 ? -1 : timeout_us - (clock_mono_us() - start);
        if (timeout_us >= 0 && left <= 0) return CONTROL_NONE;
        wait_for_event(left);
    }
}

void control_request_stop(void) {
    atomic_store(&control.stop_requested, true);
    uint64_t one = 1;
    if (control.requests >= 0 && write(control.requests, &one, sizeof one) < 0 && errno != EAGAIN) system_fatal("eventfd", errno);
}

/* Sends one datagram; a service manager that is gone is no reason to fail. */
static void notify(const char *path, const char *text, size_t size) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof to.sun_path) return;
    memcpy(to.sun_path, path, length);
    if (to.sun_path[0] == '@') to.sun_path[0] = 0; /* the abstract name space */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    (void)sendto(fd, text, size, MSG_NOSIGNAL, (const struct sockaddr *)(const void *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

void control_report(control_state_t state, const char *text) {
    /* A start or stop that makes progress gets another 30 s each time it says so. */
    static const char *const lines[] = {"EXTEND_TIMEOUT_USEC=30000000", "READY=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000",
                                        "STOPPING=1"};
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL) return;
    char notice[NOTICE_SIZE];
    int size = snprintf(notice, sizeof notice, "%s\nSTATUS=", lines[state]);
    size_t used = (size_t)size;
    for (const char *c = text; *c != 0 && c < text + STATUS_SIZE; c++) notice[used++] = *c == '\n' ? ' ' : *c;
    notify(path, notice, used);
}
