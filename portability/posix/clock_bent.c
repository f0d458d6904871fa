/* The clocks of a test build. QMQ_TEST_CLOCK names a file with two numbers, "<shift in ms> <speed>": at the moment the file was
 * written the wall clock was the real one plus shift, from then on it runs at speed, in every process that reads the file alike.
 * The monotonic clock takes the speed only, from where it stands. The file is looked at every 10 ms. */
#include "portability/clock.h"

#include "portability/posix/system.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define CHECK_INTERVAL_US 10000
#define WAIT_SLICE_US 10000

static struct bent_clock {
    pthread_mutex_t lock;
    bool started;
    const char *path;
    struct timespec modified;
    ino_t inode;
    int64_t next_check_us;
    int64_t shift_ms;
    double speed;
    int64_t anchor_wall_us; /* real wall time at which the file was written */
    int64_t anchor_real_us; /* monotonic clock: real and bent time of the last change of speed */
    int64_t anchor_bent_us;
} bent = {.lock = PTHREAD_MUTEX_INITIALIZER, .speed = 1};

static int64_t timespec_us(const struct timespec *t) {
    return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

static int64_t read_clock_us(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) system_fatal("clock_gettime", errno);
    return timespec_us(&now);
}

static int64_t bent_mono(int64_t real_us) {
    return bent.anchor_bent_us + (int64_t)((double)(real_us - bent.anchor_real_us) * bent.speed);
}

static void read_file(int64_t real_us) {
    struct stat info;
    if (stat(bent.path, &info) != 0) return;
    if (info.st_mtim.tv_sec == bent.modified.tv_sec && info.st_mtim.tv_nsec == bent.modified.tv_nsec && info.st_ino == bent.inode) return;
    FILE *file = fopen(bent.path, "re");
    if (file == NULL) return;
    long long shift = 0;
    double speed = 1;
    int fields = fscanf(file, "%lld %lf", &shift, &speed);
    fclose(file);
    if (fields != 2 || speed < 0) return; /* being written: the next check sees it whole */
    bent.modified = info.st_mtim;
    bent.inode = info.st_ino;
    bent.anchor_bent_us = bent_mono(real_us);
    bent.anchor_real_us = real_us;
    bent.anchor_wall_us = timespec_us(&info.st_mtim);
    bent.shift_ms = shift;
    bent.speed = speed;
}

/* Takes the lock and brings the state up to date; returns the real monotonic time. */
static int64_t enter(void) {
    if (pthread_mutex_lock(&bent.lock) != 0) system_fatal("clock lock", 0);
    int64_t real_us = read_clock_us(CLOCK_MONOTONIC);
    if (!bent.started) {
        bent.started = true;
        bent.path = getenv("QMQ_TEST_CLOCK");
        bent.anchor_real_us = bent.anchor_bent_us = real_us;
    }
    if (bent.path != NULL && real_us >= bent.next_check_us) {
        bent.next_check_us = real_us + CHECK_INTERVAL_US;
        read_file(real_us);
    }
    return real_us;
}

static void leave(void) {
    if (pthread_mutex_unlock(&bent.lock) != 0) system_fatal("clock lock", 0);
}

int64_t clock_wall_ms(void) {
    enter();
    int64_t wall_us = read_clock_us(CLOCK_REALTIME);
    int64_t gained_us = (int64_t)((double)(wall_us - bent.anchor_wall_us) * (bent.speed - 1));
    int64_t result = (wall_us + gained_us) / 1000 + bent.shift_ms;
    leave();
    return result;
}

int64_t clock_mono_us(void) {
    int64_t result = bent_mono(enter());
    leave();
    return result;
}

int64_t system_wait_us(int64_t us) {
    enter();
    int64_t result = us;
    if (bent.path != NULL) {
        double real = bent.speed > 0 ? (double)us / bent.speed + 1 : WAIT_SLICE_US;
        result = real < WAIT_SLICE_US ? (int64_t)real : WAIT_SLICE_US;
    }
    leave();
    return result;
}
