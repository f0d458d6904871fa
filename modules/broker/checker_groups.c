#include "broker/checker_groups.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "status-checker-"
#define NAME_SIZE 520

struct checker_group {
    _Atomic int tasks;
    size_t size;
    char name[];
};

static view_t name_of(const void *value) {
    const checker_group_t *g = value;
    return view_make(g->name, g->size);
}

void checker_groups_init(checker_groups_t *c, metrics_t *metrics) {
    c->metrics = metrics;
    table_init(&c->by_name, name_of);
    atomic_init(&c->count, 0);
}

static double read_tasks(void *arg) {
    return atomic_load_explicit(&((checker_group_t *)arg)->tasks, memory_order_relaxed);
}

static checker_group_t *checker_group_create(checker_groups_t *c, view_t group) {
    checker_group_t *g = memory_zalloc(sizeof *g + group.size);
    g->size = group.size;
    memcpy(g->name, group.data, group.size);
    table_put(&c->by_name, g);
    atomic_fetch_add(&c->count, 1);
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, PREFIX "%.*s", VIEW_ARG(group));
    metric_labels_t labels = {"name", view_of(name), NULL, {NULL, 0}};
    metrics_gauge(c->metrics, "actorQueue_consumers", labels, read_tasks, g);
    return g;
}

checker_group_t *checker_groups_enter(checker_groups_t *c, view_t group) {
    checker_group_t *g = table_get(&c->by_name, group);
    if (g == NULL) g = checker_group_create(c, group);
    atomic_fetch_add_explicit(&g->tasks, 1, memory_order_relaxed);
    return g;
}

void checker_group_leave(checker_group_t *g) {
    atomic_fetch_sub_explicit(&g->tasks, 1, memory_order_relaxed);
}

void checker_groups_free(checker_groups_t *c) {
    size_t at = 0;
    for (checker_group_t *g; (g = table_next(&c->by_name, &at)) != NULL;) {
        if (c->metrics != NULL) metrics_remove_gauges(c->metrics, g);
        memory_free(g);
    }
    table_free(&c->by_name);
}
