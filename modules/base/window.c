#include "base/window.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Samples a bucket keeps as they are. */
#define FIRST_SAMPLES 6
/* Steps of the histogram: 0 to 7 µs exactly, then eight an octave up to 2^32 µs. */
#define STEP_BITS 3
#define STEPS_AN_OCTAVE (1u << STEP_BITS)
#define LAST_OCTAVE 31
#define STEPS ((size_t)STEPS_AN_OCTAVE * (LAST_OCTAVE - STEP_BITS + 2))

#define MALLOC_OVERHEAD 16

typedef struct histogram {
    _Atomic int64_t least;
    _Atomic int64_t most;
    _Atomic uint32_t negative;
    _Atomic uint32_t counts[STEPS];
} histogram_t;

struct window_bucket {
    _Atomic int64_t period; /* which two minutes the content is of */
    _Atomic uint32_t added;
    _Atomic int32_t first[FIRST_SAMPLES];
    _Atomic(histogram_t *) histogram; /* NULL until more than FIRST_SAMPLES were added */
};

static unsigned step_of(uint64_t us) {
    if (us < STEPS_AN_OCTAVE) return (unsigned)us;
    unsigned octave = 63u - (unsigned)__builtin_clzll(us);
    if (octave > LAST_OCTAVE) return STEPS - 1;
    unsigned within = (unsigned)(us >> (octave - STEP_BITS)) & (STEPS_AN_OCTAVE - 1);
    return (octave - STEP_BITS + 1) * STEPS_AN_OCTAVE + within;
}

/* Smallest duration of a step. */
static uint64_t step_start(unsigned step) {
    if (step < 2 * STEPS_AN_OCTAVE) return step;
    unsigned shift = step / STEPS_AN_OCTAVE - 1;
    return (uint64_t)(STEPS_AN_OCTAVE + step % STEPS_AN_OCTAVE) << shift;
}

static void lower_to(_Atomic int64_t *least, int64_t us) {
    int64_t seen = atomic_load_explicit(least, memory_order_relaxed);
    while (us < seen && !atomic_compare_exchange_weak_explicit(least, &seen, us, memory_order_relaxed, memory_order_relaxed)) {}
}

static void raise_to(_Atomic int64_t *most, int64_t us) {
    int64_t seen = atomic_load_explicit(most, memory_order_relaxed);
    while (us > seen && !atomic_compare_exchange_weak_explicit(most, &seen, us, memory_order_relaxed, memory_order_relaxed)) {}
}

static void histogram_reset(histogram_t *h) {
    atomic_store_explicit(&h->least, INT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&h->most, INT64_MIN, memory_order_relaxed);
    atomic_store_explicit(&h->negative, 0, memory_order_relaxed);
    for (size_t i = 0; i < STEPS; i++) atomic_store_explicit(&h->counts[i], 0, memory_order_relaxed);
}

static void histogram_add(histogram_t *h, int64_t us, uint32_t times) {
    lower_to(&h->least, us);
    raise_to(&h->most, us);
    _Atomic uint32_t *count = us < 0 ? &h->negative : &h->counts[step_of((uint64_t)us)];
    atomic_fetch_add_explicit(count, times, memory_order_relaxed);
}

static histogram_t *histogram_of(struct window_bucket *b) {
    histogram_t *h = atomic_load_explicit(&b->histogram, memory_order_acquire);
    if (h != NULL) return h;
    histogram_t *fresh = memory_alloc(sizeof *fresh);
    histogram_reset(fresh);
    if (atomic_compare_exchange_strong(&b->histogram, &h, fresh)) return fresh;
    memory_free(fresh);
    return h;
}

/* Whoever moves the bucket on to a new period empties it. */
static void begin_period(struct window_bucket *b, int64_t period) {
    int64_t seen = atomic_load_explicit(&b->period, memory_order_acquire);
    if (seen >= period || !atomic_compare_exchange_strong(&b->period, &seen, period)) return;
    histogram_t *h = atomic_load_explicit(&b->histogram, memory_order_acquire);
    if (h != NULL) histogram_reset(h);
    atomic_store_explicit(&b->added, 0, memory_order_release);
}

static struct window_bucket *bucket_of(window_t *w, int64_t period) {
    _Atomic(struct window_bucket *) *place = &w->buckets[(uint64_t)period % WINDOW_BUCKETS];
    struct window_bucket *b = atomic_load_explicit(place, memory_order_acquire);
    if (b != NULL) return b;
    struct window_bucket *fresh = memory_zalloc(sizeof *fresh);
    atomic_store_explicit(&fresh->period, period, memory_order_relaxed);
    if (atomic_compare_exchange_strong(place, &b, fresh)) return fresh;
    memory_free(fresh);
    return b;
}

static int64_t period_of(int64_t now_us) {
    return now_us / WINDOW_BUCKET_US;
}

void window_add(window_t *w, int64_t now_us, int64_t us) {
    window_add_many(w, now_us, us, 1);
}

void window_add_many(window_t *w, int64_t now_us, int64_t us, uint32_t times) {
    int64_t period = period_of(now_us);
    struct window_bucket *b = bucket_of(w, period);
    begin_period(b, period);
    /* most buckets are full of first samples and need no second shared counter */
    uint32_t at = atomic_load_explicit(&b->added, memory_order_relaxed);
    bool fits = us >= INT32_MIN && us <= INT32_MAX;
    fits = fits && times == 1;
    if (at < FIRST_SAMPLES && fits) at = atomic_fetch_add_explicit(&b->added, 1, memory_order_relaxed);
    if (at < FIRST_SAMPLES && fits) {
        atomic_store_explicit(&b->first[at], (int32_t)us, memory_order_relaxed);
        return;
    }
    histogram_add(histogram_of(b), us, times);
}

/* Everything of the window in one place. */
typedef struct summary {
    int64_t samples[WINDOW_BUCKETS * FIRST_SAMPLES];
    size_t sample_count;
    histogram_t histogram;
    bool has_histogram;
} summary_t;

static void collect_histogram(summary_t *s, const histogram_t *h) {
    s->has_histogram = true;
    lower_to(&s->histogram.least, atomic_load_explicit(&h->least, memory_order_relaxed));
    raise_to(&s->histogram.most, atomic_load_explicit(&h->most, memory_order_relaxed));
    atomic_fetch_add(&s->histogram.negative, atomic_load_explicit(&h->negative, memory_order_relaxed));
    for (size_t i = 0; i < STEPS; i++) {
        uint32_t count = atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        if (count > 0) atomic_fetch_add_explicit(&s->histogram.counts[i], count, memory_order_relaxed);
    }
}

static void collect(summary_t *s, const window_t *w, int64_t period) {
    memset(s, 0, sizeof *s);
    histogram_reset(&s->histogram);
    for (size_t i = 0; i < WINDOW_BUCKETS; i++) {
        struct window_bucket *b = atomic_load_explicit(&w->buckets[i], memory_order_acquire);
        if (b == NULL || atomic_load_explicit(&b->period, memory_order_acquire) <= period - WINDOW_BUCKETS) continue;
        uint32_t added = atomic_load_explicit(&b->added, memory_order_acquire);
        if (added > FIRST_SAMPLES) added = FIRST_SAMPLES;
        for (uint32_t k = 0; k < added; k++) s->samples[s->sample_count++] = atomic_load_explicit(&b->first[k], memory_order_relaxed);
        const histogram_t *h = atomic_load_explicit(&b->histogram, memory_order_acquire);
        if (h != NULL) collect_histogram(s, h);
    }
    for (size_t i = 0; s->has_histogram && i < s->sample_count; i++) histogram_add(&s->histogram, s->samples[i], 1);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The rank, from 1, that stands for quantile q of n samples. */
static uint64_t rank_of(double q, uint64_t n) {
    double rank = floor(q * (double)n + 0.5);
    if (rank < 1) return 1;
    return rank > (double)n ? n : (uint64_t)rank;
}

static double clamp(const histogram_t *h, double value) {
    double least = (double)atomic_load_explicit(&h->least, memory_order_relaxed);
    double most = (double)atomic_load_explicit(&h->most, memory_order_relaxed);
    return value < least ? least : value > most ? most : value;
}

/* Value at a rank: inside a step the samples are taken as evenly spread. */
static double histogram_value(const histogram_t *h, uint64_t rank) {
    uint64_t before = atomic_load_explicit(&h->negative, memory_order_relaxed);
    if (rank <= before) return (double)atomic_load_explicit(&h->least, memory_order_relaxed);
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t count = atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        if (rank > before + count) {
            before += count;
            continue;
        }
        double start = (double)step_start(i);
        double width = (double)(step_start(i + 1) - 1) - start;
        double within = ((double)(rank - before) - 0.5) / (double)count;
        return clamp(h, start + width * within);
    }
    return (double)atomic_load_explicit(&h->most, memory_order_relaxed);
}

static uint64_t histogram_count(const histogram_t *h) {
    uint64_t count = atomic_load_explicit(&h->negative, memory_order_relaxed);
    for (size_t i = 0; i < STEPS; i++) count += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
    return count;
}

void window_quantiles(const window_t *w, int64_t now_us, const double *q, size_t count, double *values) {
    summary_t s;
    collect(&s, w, period_of(now_us));
    uint64_t n = s.has_histogram ? histogram_count(&s.histogram) : s.sample_count;
    if (!s.has_histogram && n > 0) qsort(s.samples, s.sample_count, sizeof *s.samples, by_value);
    for (size_t i = 0; i < count; i++) {
        if (n == 0) {
            values[i] = (double)NAN;
        } else if (s.has_histogram) {
            values[i] = histogram_value(&s.histogram, rank_of(q[i], n));
        } else {
            values[i] = (double)s.samples[rank_of(q[i], n) - 1];
        }
    }
}

size_t window_memory(const window_t *w) {
    size_t bytes = sizeof *w + MALLOC_OVERHEAD;
    for (size_t i = 0; i < WINDOW_BUCKETS; i++) {
        struct window_bucket *b = atomic_load_explicit(&w->buckets[i], memory_order_acquire);
        if (b == NULL) continue;
        bytes += sizeof *b + MALLOC_OVERHEAD;
        if (atomic_load_explicit(&b->histogram, memory_order_acquire) != NULL) bytes += sizeof(histogram_t) + MALLOC_OVERHEAD;
    }
    return bytes;
}

void window_free(window_t *w) {
    for (size_t i = 0; i < WINDOW_BUCKETS; i++) {
        struct window_bucket *b = atomic_load(&w->buckets[i]);
        if (b == NULL) continue;
        memory_free(atomic_load(&b->histogram));
        memory_free(b);
    }
    memset(w, 0, sizeof *w);
}
