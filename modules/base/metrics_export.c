#include "base/java_double.h"
#include "base/memory.h"
#include "base/metrics_internal.h"
#include "base/writer.h"
#include "portability/clock.h"

#include <stdio.h>

static const char *const QUANTILE_NAMES[] = {"0.5", "0.75", "0.99"};
static const double QUANTILES[] = {0.5, 0.75, 0.99};
enum { QUANTILE_COUNT = 3 };

typedef struct export {
    writer_t text;
    const char *const *names; /* NULL: all */
    int64_t now_us;
    const metric_labels_t *extra; /* of the registry at hand */
    bool said_type;
}
export_t;

static void put_text(export_t *e, const char *text) {
    writer_bytes(&e->text, text, strlen(text));
}

static void put_label(export_t *e, const char *name, view_t value) {
    put_text(e, name);
    put_text(e, "=\"");
    size_t plain = 0;
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        if (c != '\\' && c != '"' && c != '\n') continue;
        writer_bytes(&e->text, value.data + plain, i - plain);
        put_text(e, c == '\n' ? "\\n" : c == '"' ? "\\\"" : "\\\\");
        plain = i + 1;
    }
    if (value.size > plain) writer_bytes(&e->text, value.data + plain, value.size - plain);
    put_text(e, "\",");
}

static bool is_wanted(const export_t *e, const char *name, const char *suffix) {
    if (e->names == NULL) return true;
    size_t size = strlen(name);
    for (const char *const *n = e->names; *n != NULL; n++) {
        if (strncmp(*n, name, size) == 0 && strcmp(*n + size, suffix) == 0) return true;
    }
    return false;
}

static void say_type(export_t *e, const metric_family_t *f) {
    if (e->said_type) return;
    e->said_type = true;
    bool summary = f->kind == METRIC_METER || f->kind == METRIC_TIMER;
    put_text(e, "# HELP ");
    put_text(e, f->name);
    put_text(e, " ");
    put_text(e, f->name);
    put_text(e, "\n# TYPE ");
    put_text(e, f->name);
    put_text(e, summary ? " summary\n" : " gauge\n");
}

static void put_sample(export_t *e, const metric_family_t *f, const char *suffix, const metric_key_t *key, const char *quantile,
                       double value) {
    if (!is_wanted(e, f->name, suffix)) return;
    say_type(e, f);
    put_text(e, f->name);
    put_text(e, suffix);
    if (f->label1 != NULL || quantile != NULL || e->extra->name1 != NULL) {
        put_text(e, "{");
        if (f->label1 != NULL) put_label(e, f->label1, view_make(key->bytes, key->size1));
        if (f->label2 != NULL) put_label(e, f->label2, view_make(key->bytes + key->size1, key->size2));
        if (e->extra->name1 != NULL) put_label(e, e->extra->name1, e->extra->value1);
        if (e->extra->name2 != NULL) put_label(e, e->extra->name2, e->extra->value2);
        if (quantile != NULL) put_label(e, "quantile", view_of(quantile));
        put_text(e, "}");
    }
    char number[JAVA_DOUBLE_SIZE];
    put_text(e, " ");
    put_text(e, java_double_text(value, number));
    put_text(e, "\n");
}

static void put_timer(export_t *e, const metric_family_t *f, const metric_t *s) {
    if (is_wanted(e, f->name, "")) {
        double values[QUANTILE_COUNT];
        window_quantiles(s->window, e->now_us, QUANTILES, QUANTILE_COUNT, values);
        for (size_t i = 0; i < QUANTILE_COUNT; i++) put_sample(e, f, "", &s->key, QUANTILE_NAMES[i], values[i] / 1000);
    }
    put_sample(e, f, "_count", &s->key, NULL, (double)atomic_load_explicit(&s->calls, memory_order_relaxed));
    put_sample(e, f, "_sum", &s->key, NULL, (double)atomic_load_explicit(&s->value, memory_order_relaxed) / 1000);
}

static void put_series(export_t *e, const metric_family_t *f, const metric_t *s) {
    double value = (double)atomic_load_explicit(&s->value, memory_order_relaxed);
    switch (f->kind) {
    case METRIC_COUNTER:
        put_sample(e, f, "", &s->key, NULL, value);
        break;
    case METRIC_METER:
        put_sample(e, f, "_count", &s->key, NULL, (double)atomic_load_explicit(&s->calls, memory_order_relaxed));
        put_sample(e, f, "_sum", &s->key, NULL, value);
        break;
    case METRIC_TIMER:
        put_timer(e, f, s);
        break;
    case METRIC_GAUGE:
        break;
    }
}

static void put_gauges(export_t *e, metrics_t *m, const metric_family_t *f) {
    if (!is_wanted(e, f->name, "")) return;
    mutex_lock(&m->gauge_lock);
    for (const gauge_t *g = f->first_gauge; g != NULL; g = g->next) put_sample(e, f, "", &g->key, NULL, g->read(g->arg));
    mutex_unlock(&m->gauge_lock);
}

static void put_family(export_t *e, const metrics_part_t *part, const metric_family_t *f) {
    e->extra = &part->extra;
    if (f->kind == METRIC_GAUGE) {
        put_gauges(e, part->metrics, f);
        return;
    }
    for (const metric_t *s = atomic_load_explicit(&f->first, memory_order_acquire); s != NULL;
         s = atomic_load_explicit(&s->next, memory_order_acquire)) {
        put_series(e, f, s);
    }
}

static bool is_in_earlier(const metrics_part_t *parts, size_t before, const char *name) {
    for (size_t i = 0; i < before; i++) {
        if (metrics_family_find(parts[i].metrics, view_of(name)) != NULL) return true;
    }
    return false;
}

/* A name has one HELP and TYPE line on a page, so the series of all registries stand together. */
static void put_everywhere(export_t *e, const metrics_part_t *parts, size_t count, size_t at, const metric_family_t *f) {
    e->said_type = false;
    put_family(e, &parts[at], f);
    for (size_t i = at + 1; i < count; i++) {
        const metric_family_t *same = metrics_family_find(parts[i].metrics, view_of(f->name));
        if (same != NULL && same->kind == f->kind) put_family(e, &parts[i], same);
    }
}

char *metrics_export_parts(const metrics_part_t *parts, size_t count, const char *const *names) {
    export_t e = {.names = names, .now_us = clock_mono_us()};
    writer_init(&e.text, 4096);
    for (size_t i = 0; i < count; i++) {
        for (const metric_family_t *f = atomic_load_explicit(&parts[i].metrics->first, memory_order_acquire); f != NULL;
             f = atomic_load_explicit(&f->next, memory_order_acquire)) {
            if (!is_in_earlier(parts, i, f->name)) put_everywhere(&e, parts, count, i, f);
        }
    }
    writer_u8(&e.text, 0);
    size_t size = 0;
    return (char *)writer_take(&e.text, &size);
}

char *metrics_export(metrics_t *m, const char *extra_label, const char *extra_value) {
    metrics_part_t part = {m, {extra_label, view_of(extra_value), NULL, {NULL, 0}}};
    return metrics_export_parts(&part, 1, NULL);
}
