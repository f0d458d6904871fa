#include "base/metrics_internal.h"

#include "base/memory.h"
#include "portability/clock.h"

#include <stddef.h>

#define SERIES_LIMIT 10000
#define LABEL_LIMIT ((size_t)512)
#define NAME_LIMIT 128

static metric_t dummy;

/* Room for any key on the stack. */
typedef union key_room {
    metric_key_t key;
    char room[sizeof(metric_key_t) + 2 * LABEL_LIMIT];
} key_room_t;

static view_t key_view(const metric_key_t *k) {
    return view_make(k, sizeof *k + k->size1 + k->size2);
}

static view_t metric_key_of(const void *value) {
    return key_view(&((const metric_t *)value)->key);
}

static view_t gauge_key_of(const void *value) {
    return key_view(&((const gauge_t *)value)->key);
}

static view_t gauge_arg_of(const void *value) {
    return view_make(&((const gauge_t *)value)->arg, sizeof(void *));
}

static view_t family_name_of(const void *value) {
    return view_of(((const metric_family_t *)value)->name);
}

metrics_t *metrics_create(void) {
    metrics_t *m = memory_zalloc(sizeof *m);
    mutex_init(&m->lock);
    mutex_init(&m->gauge_lock);
    table_init(&m->families, family_name_of);
    table_init(&m->by_arg, gauge_arg_of);
    return m;
}

static void family_destroy(metric_family_t *f) {
    for (metric_t *s = atomic_load(&f->first); s != NULL;) {
        metric_t *next = atomic_load(&s->next);
        if (s->window != NULL) window_free(s->window);
        memory_free(s->window);
        memory_free(s);
        s = next;
    }
    for (gauge_t *g = f->first_gauge; g != NULL;) {
        gauge_t *next = g->next;
        memory_free(g);
        g = next;
    }
    table_free(&f->series);
    memory_free(f->name);
    memory_free(f->label1);
    memory_free(f->label2);
    memory_free(f);
}

void metrics_destroy(metrics_t *m) {
    if (m == NULL) return;
    for (metric_family_t *f = atomic_load(&m->first); f != NULL;) {
        metric_family_t *next = atomic_load(&f->next);
        family_destroy(f);
        f = next;
    }
    table_free(&m->families);
    table_free(&m->by_arg);
    mutex_destroy(&m->lock);
    mutex_destroy(&m->gauge_lock);
    memory_free(m);
}

/* Length of the UTF-8 character at p, 0 when the bytes are none. */
static size_t character_size(const unsigned char *p, size_t left) {
    size_t size = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
    if (size == 0 || size > left) return 0;
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
    }
    bool beyond =
        (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90);
    return beyond ? 0 : size;
}

/* Label values come from strangers; one byte that is no UTF-8 would make a scraper refuse the whole page. */
static uint16_t copy_label(char *to, view_t value) {
    size_t size = value.size < LABEL_LIMIT ? value.size : LABEL_LIMIT;
    for (size_t i = 0; i < size;) {
        size_t n = character_size((const unsigned char *)value.data + i, size - i);
        if (n == 0) {
            to[i++] = '?';
            continue;
        }
        memcpy(to + i, value.data + i, n);
        i += n;
    }
    return (uint16_t)size;
}

static void make_key(key_room_t *room, metric_labels_t labels) {
    metric_key_t *k = &room->key;
    memset(k, 0, sizeof *k);
    if (labels.name1 == NULL) return;
    k->size1 = copy_label(k->bytes, labels.value1);
    if (labels.name2 != NULL) k->size2 = copy_label(k->bytes + k->size1, labels.value2);
}

static void copy_key(metric_key_t *to, const metric_key_t *from) {
    memcpy(to, from, sizeof *from + from->size1 + from->size2);
}

/* Characters Prometheus does not know become "_". */
static void exported_name(const char *name, char to[NAME_LIMIT]) {
    size_t i = 0;
    for (; name[i] != 0 && i < NAME_LIMIT - 1; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        to[i] = letter || (digit && i > 0) ? c : '_';
    }
    to[i] = 0;
}

static char *copy_or_null(const char *s) {
    return s == NULL ? NULL : memory_strdup(s);
}

static bool same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

metric_family_t *metrics_family_find(metrics_t *m, view_t name) {
    mutex_lock(&m->lock);
    metric_family_t *f = table_get(&m->families, name);
    mutex_unlock(&m->lock);
    return f;
}

static metric_family_t *family_create(metrics_t *m, const char *name, metric_kind_t kind, metric_labels_t labels) {
    metric_family_t *f = memory_zalloc(sizeof *f);
    f->name = memory_strdup(name);
    f->kind = kind;
    f->label1 = copy_or_null(labels.name1);
    f->label2 = labels.name1 == NULL ? NULL : copy_or_null(labels.name2);
    table_init(&f->series, kind == METRIC_GAUGE ? gauge_key_of : metric_key_of);
    table_put(&m->families, f);
    if (m->last == NULL) {
        atomic_store_explicit(&m->first, f, memory_order_release);
    } else {
        atomic_store_explicit(&m->last->next, f, memory_order_release);
    }
    m->last = f;
    return f;
}

/* With the lock held. NULL when the name is in use for another kind or other labels. */
static metric_family_t *family_of(metrics_t *m, const char *name, metric_kind_t kind, metric_labels_t labels) {
    char exported[NAME_LIMIT];
    exported_name(name, exported);
    metric_family_t *f = table_get(&m->families, view_of(exported));
    if (f == NULL) return family_create(m, exported, kind, labels);
    bool same = f->kind == kind && same_text(f->label1, labels.name1) && (f->label1 == NULL || same_text(f->label2, labels.name2));
    return same ? f : NULL;
}

static metric_t *series_create(metric_family_t *f, const metric_key_t *key) {
    metric_t *s = memory_zalloc(offsetof(metric_t, key) + key_view(key).size);
    s->family = f;
    copy_key(&s->key, key);
    if (f->kind == METRIC_TIMER) s->window = memory_zalloc(sizeof *s->window);
    table_put(&f->series, s);
    if (f->last == NULL) {
        atomic_store_explicit(&f->first, s, memory_order_release);
    } else {
        atomic_store_explicit(&f->last->next, s, memory_order_release);
    }
    f->last = s;
    return s;
}

static metric_t *series_other(metric_family_t *f) {
    if (f->other == NULL) {
        view_t other = view_of("_other");
        key_room_t room;
        make_key(&room, (metric_labels_t){f->label1, other, f->label2, other});
        metric_t *present = table_get(&f->series, key_view(&room.key));
        f->other = present != NULL ? present : series_create(f, &room.key);
    }
    return f->other;
}

static metric_t *series_of(metrics_t *m, const char *name, metric_kind_t kind, metric_labels_t labels) {
    if (m == NULL) return &dummy;
    key_room_t room;
    make_key(&room, labels);
    mutex_lock(&m->lock);
    metric_t *s = &dummy;
    metric_family_t *f = family_of(m, name, kind, labels);
    if (f != NULL) {
        s = table_get(&f->series, key_view(&room.key));
        if (s == NULL) s = f->series.count < SERIES_LIMIT ? series_create(f, &room.key) : series_other(f);
    }
    mutex_unlock(&m->lock);
    return s;
}

metric_t *metrics_counter(metrics_t *m, const char *name, metric_labels_t labels) {
    return series_of(m, name, METRIC_COUNTER, labels);
}

metric_t *metrics_meter(metrics_t *m, const char *name, metric_labels_t labels) {
    return series_of(m, name, METRIC_METER, labels);
}

metric_t *metrics_timer(metrics_t *m, const char *name, metric_labels_t labels) {
    return series_of(m, name, METRIC_TIMER, labels);
}

static void gauge_link_arg(metrics_t *m, gauge_t *g) {
    gauge_t *head = table_get(&m->by_arg, gauge_arg_of(g));
    if (head == NULL) {
        g->next_of_arg = NULL;
        table_put(&m->by_arg, g);
    } else {
        g->next_of_arg = head->next_of_arg;
        head->next_of_arg = g;
    }
}

static void gauge_unlink_arg(metrics_t *m, gauge_t *g) {
    gauge_t *head = table_get(&m->by_arg, gauge_arg_of(g));
    if (head == g) {
        (void)table_remove(&m->by_arg, gauge_arg_of(g)); /* it is g */
        if (g->next_of_arg != NULL) table_put(&m->by_arg, g->next_of_arg);
        return;
    }
    while (head->next_of_arg != g) head = head->next_of_arg;
    head->next_of_arg = g->next_of_arg;
}

static gauge_t *gauge_create(metric_family_t *f, const metric_key_t *key) {
    gauge_t *g = memory_zalloc(offsetof(gauge_t, key) + key_view(key).size);
    g->family = f;
    copy_key(&g->key, key);
    g->previous = f->last_gauge;
    if (f->last_gauge == NULL) {
        f->first_gauge = g;
    } else {
        f->last_gauge->next = g;
    }
    f->last_gauge = g;
    table_put(&f->series, g);
    return g;
}

void metrics_gauge(metrics_t *m, const char *name, metric_labels_t labels, double (*read)(void *arg), void *arg) {
    if (m == NULL) return;
    key_room_t room;
    make_key(&room, labels);
    mutex_lock(&m->gauge_lock);
    mutex_lock(&m->lock);
    metric_family_t *f = family_of(m, name, METRIC_GAUGE, labels);
    mutex_unlock(&m->lock);
    gauge_t *g = f == NULL ? NULL : table_get(&f->series, key_view(&room.key));
    if (g != NULL) {
        gauge_unlink_arg(m, g);
    } else if (f != NULL && f->series.count < SERIES_LIMIT) {
        g = gauge_create(f, &room.key);
    }
    if (g != NULL) {
        g->read = read;
        g->arg = arg;
        gauge_link_arg(m, g);
    }
    mutex_unlock(&m->gauge_lock);
}

static void gauge_destroy(gauge_t *g) {
    metric_family_t *f = g->family;
    (void)table_remove(&f->series, gauge_key_of(g)); /* it is g */
    if (g->previous == NULL) {
        f->first_gauge = g->next;
    } else {
        g->previous->next = g->next;
    }
    if (g->next == NULL) {
        f->last_gauge = g->previous;
    } else {
        g->next->previous = g->previous;
    }
    memory_free(g);
}

void metrics_remove_gauges(metrics_t *m, void *arg) {
    if (m == NULL) return;
    mutex_lock(&m->gauge_lock);
    gauge_t *g = table_remove(&m->by_arg, view_make(&arg, sizeof arg));
    while (g != NULL) {
        gauge_t *next = g->next_of_arg;
        gauge_destroy(g);
        g = next;
    }
    mutex_unlock(&m->gauge_lock);
}

void metric_add(metric_t *m, int64_t n) {
    if (m->family == NULL) return;
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
    if (m->family->kind == METRIC_METER) atomic_fetch_add_explicit(&m->calls, 1, memory_order_relaxed);
}

void metric_time_us(metric_t *m, int64_t us) {
    metric_time_us_many(m, us, 1);
}

static void time_at(metric_t *m, int64_t now_us, int64_t us, uint32_t times) {
    atomic_fetch_add_explicit(&m->value, us * (int64_t)times, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->calls, (int64_t)times, memory_order_relaxed);
    window_add_many(m->window, now_us, us, times);
}

void metric_time_us_many(metric_t *m, int64_t us, uint32_t times) {
    if (m->window != NULL) time_at(m, clock_mono_us(), us, times);
}

void metric_time_span(metric_t *m, int64_t from_us, int64_t to_us) {
    if (m->window != NULL) time_at(m, to_us, to_us - from_us, 1);
}

int64_t metric_value(const metric_t *m) {
    bool counts_calls = m->window != NULL;
    return atomic_load_explicit(counts_calls ? &m->calls : &m->value, memory_order_relaxed);
}

#define MALLOC_OVERHEAD ((size_t)16)

size_t metrics_memory(metrics_t *m) {
    size_t bytes = sizeof *m + m->families.capacity * TABLE_ENTRY_SIZE;
    mutex_lock(&m->gauge_lock);
    mutex_lock(&m->lock);
    for (const metric_family_t *f = atomic_load(&m->first); f != NULL; f = atomic_load(&f->next)) {
        bytes += sizeof *f + f->series.capacity * TABLE_ENTRY_SIZE + 2 * MALLOC_OVERHEAD;
        for (const gauge_t *g = f->first_gauge; g != NULL; g = g->next) bytes += sizeof *g + key_view(&g->key).size + MALLOC_OVERHEAD;
        for (const metric_t *s = atomic_load(&f->first); s != NULL; s = atomic_load(&s->next)) {
            bytes += sizeof *s + key_view(&s->key).size + MALLOC_OVERHEAD;
            if (s->window != NULL) bytes += window_memory(s->window);
        }
    }
    bytes += m->by_arg.capacity * TABLE_ENTRY_SIZE;
    mutex_unlock(&m->lock);
    mutex_unlock(&m->gauge_lock);
    return bytes;
}
