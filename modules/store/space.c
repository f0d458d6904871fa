#include "store/space.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"

#define PERIOD_US 1000000
#define LEAST_STEP (256 * 1024)
#define MOST_STEP (64 * 1024 * 1024)
/* What pulls and acks can go on with when the disk is full. */
#define ACTION_ROOM (1024 * 1024)
/* Less than this is not worth a step. */
#define LEAST_ROOM (64 * 1024)
#define WARNING_US 10000000
#define RESERVE_NAME ".reserve"
#define RESERVE_PART 64
#define LEAST_RESERVE (256 * 1024)
#define MOST_RESERVE (16 * 1024 * 1024)

enum { CAUSE_FULL = 1, CAUSE_SYNC = 2 };

void space_init(space_t *s, const store_options_t *options, const char *root, segmented_log_t *messages, segmented_log_t *actions) {
    memset(s, 0, sizeof *s);
    s->root = root;
    s->log = options->log;
    s->min_free_bytes = options->min_free_bytes;
    s->min_free_percent = options->min_free_percent;
    atomic_init(&s->min_free, options->min_free_bytes);
    space_forecast_init(&s->forecast);
    s->metrics = options->metrics;
    s->hot_window = options->hot_window;
    s->writable = options->writable;
    s->arg = options->arg;
    s->logs[SPACE_MESSAGES] = messages;
    s->logs[SPACE_ACTIONS] = actions;
    s->announced = true;
}

bool space_is_writable(const space_t *s, const char **reason) {
    unsigned causes = atomic_load_explicit(&s->causes, memory_order_acquire);
    if (reason != NULL) *reason = causes == 0 ? "" : causes & CAUSE_SYNC ? "a data sync failed" : "the disk is full";
    return causes == 0;
}

bool space_takes_actions(const space_t *s) {
    return (atomic_load_explicit(&s->causes, memory_order_acquire) & CAUSE_SYNC) == 0;
}

void space_ask(space_t *s) {
    if (!atomic_exchange(&s->asked, true) && s->keeper != NULL) periodic_trigger(s->keeper);
}

int64_t space_available(const space_t *s) {
    int64_t available = 0, total = 0;
    return disk_space(s->root, &available, &total) == APR_SUCCESS ? available : -1;
}

bool space_is_ample(const space_t *s) {
    int64_t available = space_available(s);
    return (atomic_load(&s->causes) & CAUSE_FULL) == 0 && (available < 0 || available >= 2 * atomic_load(&s->min_free));
}

/* The limit follows the size of the disk. */
static void measure(space_t *s) {
    int64_t available = 0, total = 0;
    if (disk_space(s->root, &available, &total) != APR_SUCCESS) return;
    int64_t part = total / 100 * s->min_free_percent;
    atomic_store(&s->min_free, part > s->min_free_bytes ? part : s->min_free_bytes);
    space_forecast_note(&s->forecast, clock_mono_us(), available, atomic_load(&s->min_free));
}

static double read_forecast(void *arg) {
    const space_t *s = arg;
    return (double)atomic_load(&s->forecast.seconds);
}

/* The reserve. */

static int64_t reserve_size(const space_t *s) {
    int64_t size = segmented_log_end(s->logs[SPACE_MESSAGES]) / RESERVE_PART;
    return size < LEAST_RESERVE ? LEAST_RESERVE : size > MOST_RESERVE ? MOST_RESERVE : size;
}

static void take_reserve(space_t *s) {
    file_t *f = NULL;
    if (s->has_reserve || space_available(s) < 2 * atomic_load(&s->min_free) + MOST_RESERVE) return;
    apr_status_t status = file_open(&f, s->reserve, IO_READ | IO_WRITE | IO_CREATE);
    if (status == APR_SUCCESS) status = file_preallocate(f, 0, reserve_size(s));
    apr_status_t closed = file_close(f);
    s->has_reserve = status == APR_SUCCESS && closed == APR_SUCCESS;
    if (!s->has_reserve) (void)path_remove(s->reserve);
}

static void give_reserve_up(space_t *s) {
    path_info_t info;
    if (path_inspect(s->reserve, &info) == APR_SUCCESS && info.kind == PATH_FILE) (void)path_remove(s->reserve);
    s->has_reserve = false;
}

static void set_full(space_t *s, int64_t available) {
    atomic_store(&s->full_since_us, clock_mono_us());
    if (atomic_fetch_or(&s->causes, CAUSE_FULL) & CAUSE_FULL) return;
    log_error(s->log,
              "the disk of %s is full (%lld bytes available, %lld are kept free): messages are refused until %lld bytes are available; "
              "free space",
              s->root, (long long)available, (long long)atomic_load(&s->min_free), (long long)atomic_load(&s->min_free) * 2);
}

void space_write_failed(space_t *s, apr_status_t status) {
    int64_t suppressed = 0;
    char text[160];
    if (log_permit(&s->limit, WARNING_US, &suppressed)) {
        log_error(s->log, "cannot append to the message log in %s: %s; the messages were refused (%lld such lines suppressed)", s->root,
                  status_text(status, text, sizeof text), (long long)suppressed);
    }
    if (APR_STATUS_IS_ENOSPC(status)) {
        set_full(s, space_available(s));
        space_ask(s);
    }
}

void space_sync_failed(space_t *s, const segmented_log_t *l, apr_status_t status) {
    char text[160];
    if (atomic_fetch_or(&s->causes, CAUSE_SYNC) & CAUSE_SYNC) return;
    log_error(s->log,
              "data sync of the %s in %s failed: %s; what was written behind offset %lld may not be on the disk, nothing is appended any "
              "more; repair the disk and restart",
              l->name, l->directory, status_text(status, text, sizeof text), (long long)atomic_load(&l->synced));
    space_ask(s);
}

static int64_t step_of(int64_t end) {
    int64_t step = end / 4;
    return step < LEAST_STEP ? LEAST_STEP : step > MOST_STEP ? MOST_STEP : step;
}

/* Bytes in [end, upto) that have no blocks yet. */
static int64_t missing(segmented_log_t *l, int64_t end, int64_t upto) {
    int64_t bytes = 0, last = segmented_log_base(l, end) + l->segment_size;
    for (int64_t base = last - l->segment_size; base <= last && base < upto; base += l->segment_size) {
        int64_t wanted = upto - base < l->segment_size ? upto - base : l->segment_size;
        segment_t *s = segmented_log_locate(l, base);
        int64_t present = s == NULL ? 0 : atomic_load(&s->allocated);
        if (wanted > present) bytes += wanted - present;
        segment_release(s);
    }
    return bytes;
}

/* Reserves [end, upto), at most to the end of the next segment; *reached is how far there is room now. */
static apr_status_t reserve(segmented_log_t *l, int64_t end, int64_t upto, int64_t *reached) {
    apr_status_t status = APR_SUCCESS;
    int64_t last = segmented_log_base(l, end) + l->segment_size;
    *reached = end;
    for (int64_t base = last - l->segment_size; status == APR_SUCCESS && base <= last && base < upto; base += l->segment_size) {
        segment_t *s = NULL;
        status = segmented_log_obtain(l, base, &s);
        if (status == APR_SUCCESS) status = segment_allocate(s, upto - base, l->segment_size);
        if (status == APR_SUCCESS) *reached = upto - base < l->segment_size ? upto : base + l->segment_size;
        segment_release(s);
    }
    return status;
}

static void note_low(space_t *s, space_log_t which, int64_t end, int64_t reached) {
    atomic_store_explicit(&s->low[which], end + (reached - end) / 2, memory_order_relaxed);
}

/* On a nearly full disk smaller pieces may still be had. */
static void keep_action_room(space_t *s) {
    segmented_log_t *l = s->logs[SPACE_ACTIONS];
    int64_t end = segmented_log_end(l), reached = end;
    int64_t ahead = ACTION_ROOM + step_of(end);
    apr_status_t status = reserve(l, end, end + ahead, &reached);
    while (status != APR_SUCCESS && ahead > LEAST_ROOM) {
        ahead /= 2;
        status = reserve(l, end, end + ahead, &reached);
    }
    /* The low mark leaves ACTION_ROOM at any time. */
    int64_t spare = reached - end - ACTION_ROOM;
    atomic_store_explicit(&s->low[SPACE_ACTIONS], spare > 0 ? end + spare / 2 : end, memory_order_relaxed);
}

static bool may_reopen(const space_t *s, int64_t available) {
    int64_t min_free = atomic_load(&s->min_free);
    return available >= 2 * min_free && available >= min_free + LEAST_ROOM && clock_mono_us() - atomic_load(&s->full_since_us) >= PERIOD_US;
}

static void keep_message_room(space_t *s) {
    segmented_log_t *l = s->logs[SPACE_MESSAGES];
    bool full = (atomic_load(&s->causes) & CAUSE_FULL) != 0;
    int64_t end = segmented_log_end(l), reached = end;
    int64_t upto = end + step_of(end);
    int64_t bytes = missing(l, end, upto);
    if (bytes == 0 && !full) {
        note_low(s, SPACE_MESSAGES, end, upto);
        return;
    }
    int64_t available = space_available(s);
    if (full && !may_reopen(s, available)) return;
    int64_t usable = available - atomic_load(&s->min_free);
    if (available >= 0 && usable < LEAST_ROOM && usable < bytes) {
        set_full(s, available);
        return;
    }
    if (available >= 0 && bytes > usable) upto = end + usable;
    apr_status_t status = reserve(l, end, upto, &reached);
    if (APR_STATUS_IS_ENOSPC(status)) {
        set_full(s, available);
        return;
    }
    note_low(s, SPACE_MESSAGES, end, reached);
    if (full) {
        atomic_fetch_and(&s->causes, ~(unsigned)CAUSE_FULL);
        log_info(s->log, "the disk of %s has %lld bytes available again: messages are taken", s->root, (long long)available);
    }
}

static void reserve_room(space_t *s) {
    atomic_store(&s->asked, false);
    measure(s);
    if (atomic_load(&s->causes) & CAUSE_FULL) give_reserve_up(s);
    keep_action_room(s);
    keep_message_room(s);
    if ((atomic_load(&s->causes) & CAUSE_FULL) == 0) take_reserve(s);
}

static void keep(void *arg) {
    space_t *s = arg;
    reserve_room(s);
    segmented_log_unmap_before(s->logs[SPACE_MESSAGES], segmented_log_end(s->logs[SPACE_MESSAGES]) - s->hot_window);
    const char *reason = NULL;
    bool writable = space_is_writable(s, &reason);
    if (writable == s->announced) return;
    s->announced = writable;
    if (s->writable != NULL) s->writable(s->arg, writable, reason);
}

void space_prepare(space_t *s) {
    s->reserve = memory_printf("%s/" RESERVE_NAME, s->root);
    give_reserve_up(s);
}

apr_status_t space_start(space_t *s) {
    reserve_room(s);
    metrics_gauge(s->metrics, "storeDiskFullInSeconds", METRIC_NO_LABELS, read_forecast, s);
    return periodic_start(&s->keeper, "store-space", PERIOD_US, keep, s);
}

void space_stop(space_t *s) {
    periodic_stop(s->keeper);
    s->keeper = NULL;
    metrics_remove_gauges(s->metrics, s);
    memory_free(s->reserve);
    s->reserve = NULL;
}
