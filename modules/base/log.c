#include "base/log.h"

#include "base/log_rotate.h"
#include "base/status.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "portability/thread.h"

#include <apr_time.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LINE_ON_STACK 1024
#define LINE_LIMIT 32768
#define MOST_KEPT 1000

/* The process-wide sink. All but level and state is guarded by the lock. */
static struct {
    _Atomic int level;
    _Atomic int state; /* 0 new, 1 being made, 2 usable */
    mutex_t lock;
    file_t *file; /* NULL: standard error */
    char *path;
    int64_t max_bytes;
    int64_t rotate_at;
    int keep;
    int hours;          /* 0: rotated by size only */
    int64_t period_end; /* wall clock in ms at which the file has had its time */
    bool is_lost;       /* could not be opened again */
} sink = {.level = LOG_LEVEL_INFO};

static void sink_lock(void) {
    int seen = atomic_load_explicit(&sink.state, memory_order_acquire);
    while (seen != 2) {
        int fresh = 0;
        if (atomic_compare_exchange_strong(&sink.state, &fresh, 1)) {
            mutex_init(&sink.lock);
            atomic_store_explicit(&sink.state, 2, memory_order_release);
        }
        seen = atomic_load_explicit(&sink.state, memory_order_acquire);
    }
    mutex_lock(&sink.lock);
}

static void sink_unlock(void) {
    mutex_unlock(&sink.lock);
}

void log_init(log_t *l, const char *name) {
    (void)snprintf(l->name, sizeof l->name, "%s", name); /* a longer name is cut */
}

void log_set_level(log_level_t lowest) {
    atomic_store_explicit(&sink.level, (int)lowest, memory_order_relaxed);
}

log_level_t log_level(void) {
    return (log_level_t)atomic_load_explicit(&sink.level, memory_order_relaxed);
}

static void write_to_error(const char *line, size_t size) {
    /* standard error is unbuffered: one call; there is nobody left to tell about a failure */
    (void)fwrite(line, 1, size, stderr);
    (void)fflush(stderr);
}

static void complain(const char *what, apr_status_t status) {
    char why[120];
    char line[400];
    int size = snprintf(line, sizeof line, "log file %.200s: %s: %s\n", sink.path, what, status_text(status, why, sizeof why));
    if (size <= 0) return;
    size_t whole = size < (int)sizeof line ? (size_t)size : sizeof line - 1;
    write_to_error(line, whole);
    int64_t end = 0;
    if (sink.file == NULL || file_size(sink.file, &end) != APR_SUCCESS) return;
    (void)file_write_at(sink.file, line, whole, end); /* nobody reads the standard error of a service */
}

static void sink_close(void) {
    if (sink.file == NULL) return;
    apr_status_t status = file_close(sink.file);
    sink.file = NULL;
    if (status != APR_SUCCESS) complain("cannot be closed", status);
}

apr_status_t log_to_file(const char *path, int64_t max_bytes, int keep) {
    file_t *file = NULL;
    int64_t begun = path == NULL ? 0 : log_begun(path);
    if (path != NULL) {
        apr_status_t status = file_open(&file, path, IO_WRITE | IO_CREATE);
        if (status != APR_SUCCESS) return status;
    }
    sink_lock();
    sink_close();
    memory_free(sink.path);
    sink.path = path == NULL ? NULL : memory_strdup(path);
    sink.is_lost = false;
    sink.file = file;
    sink.max_bytes = max_bytes;
    sink.rotate_at = max_bytes;
    sink.period_end = path == NULL ? INT64_MAX : log_period_end(begun, sink.hours);
    sink.keep = keep < 0 ? 0 : keep > MOST_KEPT ? MOST_KEPT : keep;
    sink_unlock();
    return APR_SUCCESS;
}

void log_rotate_every(int hours) {
    sink_lock();
    sink.hours = hours < 0 ? 0 : hours;
    sink.period_end = sink.path == NULL ? INT64_MAX : log_period_end(log_begun(sink.path), sink.hours);
    sink_unlock();
}

void log_close(void) {
    apr_status_t status = log_to_file(NULL, 0, 0);
    (void)status; /* without a path nothing is opened, so nothing fails */
}

/* Somebody may hold the file for himself just now: every line tries again, and the first one says so. */
static void open_again(void) {
    apr_status_t status = file_open(&sink.file, sink.path, IO_WRITE | IO_CREATE);
    bool told = sink.is_lost;
    sink.is_lost = status != APR_SUCCESS;
    if (status == APR_SUCCESS) return;
    sink.file = NULL;
    if (!told) complain("cannot be opened again, lines go to standard error meanwhile", status);
}

static void rotate(int64_t end) {
    sink_close();
    apr_status_t status = log_shift(sink.path, sink.keep);
    sink.rotate_at = sink.max_bytes;
    sink.period_end = log_period_end(clock_wall_ms(), sink.hours);
    open_again();
    if (status == APR_SUCCESS) return;
    complain("cannot be rotated, it grows on", status);
    sink.rotate_at = end + sink.max_bytes; /* try again, but not at every line */
}

static bool must_rotate(int64_t end, size_t size) {
    if (sink.max_bytes > 0 && end > sink.rotate_at - (int64_t)size) return true;
    return sink.hours > 0 && clock_wall_ms() >= sink.period_end;
}

static void sink_write(const char *line, size_t size) {
    int64_t end = 0;
    apr_status_t status = APR_SUCCESS;
    if (sink.is_lost) open_again();
    /* the real end, because somebody may have emptied the file to save space */
    if (sink.file != NULL) status = file_size(sink.file, &end);
    if (sink.file != NULL && status == APR_SUCCESS && end > 0 && must_rotate(end, size)) {
        rotate(end);
        end = 0;
        if (sink.file != NULL) status = file_size(sink.file, &end);
    }
    if (sink.file != NULL && status == APR_SUCCESS) {
        status = file_write_at(sink.file, line, size, end);
        /* half a line would spoil the next one; when this fails too, that is all that happens */
        if (status != APR_SUCCESS) (void)file_truncate(sink.file, end);
    }
    /* a full disk must not silence the log */
    if (sink.file == NULL || status != APR_SUCCESS) write_to_error(line, size);
}

static int line_head(char *to, size_t size, const log_t *l, log_level_t level) {
    static const char *const names[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
    int64_t now = clock_wall_ms();
    apr_time_exp_t t;
    if (apr_time_exp_lt(&t, now * 1000) != APR_SUCCESS) memset(&t, 0, sizeof t);
    return snprintf(to, size, "%04d-%02d-%02d %02d:%02d:%02d.%03d %s [%s] ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                    t.tm_sec, (int)(now % 1000), names[level], l->name);
}

/* Bytes of strangers must neither end the line nor steer a terminal. */
static void make_printable(char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\t') || c == 127) text[i] = '?';
    }
}

static void log_text(const log_t *l, log_level_t level, const char *format, va_list arguments) {
    if (level < log_level()) return;
    char stack[LINE_ON_STACK];
    char *line = stack;
    int head = line_head(stack, sizeof stack, l, level);
    if (head < 0) return;
    va_list again;
    va_copy(again, arguments);
    size_t room = sizeof stack - (size_t)head - 1; /* one for the line feed */
    int size = vsnprintf(stack + head, room, format, arguments);
    if (size >= 0 && (size_t)size >= room) {
        if (size > LINE_LIMIT) size = LINE_LIMIT;
        line = memory_alloc((size_t)head + (size_t)size + 2);
        memcpy(line, stack, (size_t)head);
        if (vsnprintf(line + head, (size_t)size + 1, format, again) < 0) size = 0;
    }
    va_end(again);
    if (size < 0) size = 0;
    make_printable(line + head, (size_t)size);
    size_t whole = (size_t)head + (size_t)size;
    line[whole++] = '\n';
    sink_lock();
    sink_write(line, whole);
    sink_unlock();
    if (line != stack) memory_free(line);
}

#define LOG_AT(level)                                                                                                                      \
    va_list arguments;                                                                                                                     \
    va_start(arguments, format);                                                                                                           \
    log_text(l, level, format, arguments);                                                                                                 \
    va_end(arguments)

void log_debug(const log_t *l, const char *format, ...) {
    LOG_AT(LOG_LEVEL_DEBUG);
}

void log_info(const log_t *l, const char *format, ...) {
    LOG_AT(LOG_LEVEL_INFO);
}

void log_warn(const log_t *l, const char *format, ...) {
    LOG_AT(LOG_LEVEL_WARN);
}

void log_error(const log_t *l, const char *format, ...) {
    LOG_AT(LOG_LEVEL_ERROR);
}

static void log_at(const log_t *l, log_level_t level, const char *format, ...) QMQ_PRINTF(3, 4);
static void log_at(const log_t *l, log_level_t level, const char *format, ...) {
    LOG_AT(level);
}

void log_problem(const log_t *l, log_level_t level, const qmq_error_t *e) {
    char *line = error_line(e);
    log_at(l, level, "%s", line);
    memory_free(line);
}

int log_permit(log_limit_t *limit, int64_t interval_us, int64_t *suppressed) {
    int64_t now = clock_mono_us();
    int64_t next = atomic_load_explicit(&limit->next_us, memory_order_relaxed);
    if ((next != 0 && now < next) ||
        !atomic_compare_exchange_strong_explicit(&limit->next_us, &next, now + interval_us, memory_order_relaxed, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&limit->swallowed, 1, memory_order_relaxed);
        return 0;
    }
    *suppressed = atomic_exchange_explicit(&limit->swallowed, 0, memory_order_relaxed);
    return 1;
}
