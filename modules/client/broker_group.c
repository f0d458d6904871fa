#include "client/broker_group.h"

#include "base/memory.h"
#include "portability/random.h"

/* A rejected mark ends after this even when no answer of the metaserver clears it. */
#define REJECTED_US INT64_C(60000000)

broker_group_t *broker_group_create(view_t name, view_t master) {
    broker_group_t *g = memory_zalloc(sizeof *g);
    g->references = 1;
    g->name = memory_strndup(name.data, name.size);
    g->master = memory_strndup(master.data, master.size);
    return g;
}

void broker_group_retain(broker_group_t *g) {
    g->references++;
}

void broker_group_release(broker_group_t *g) {
    if (g == NULL || --g->references > 0) return;
    memory_free(g->name);
    memory_free(g->master);
    memory_free(g);
}

bool broker_group_is_available(broker_group_t *g, int64_t now_us) {
    if (g->rejected && now_us - g->rejected_us >= REJECTED_US) g->rejected = false;
    return !g->rejected && breaker_allows(&g->breaker, now_us);
}

void broker_group_reject(broker_group_t *g, int64_t now_us) {
    g->rejected = true;
    g->rejected_us = now_us;
}

static broker_group_t *first_available(broker_group_t **groups, size_t count, size_t start, int64_t now_us, int *index) {
    for (size_t i = 0; i < count; i++) {
        size_t at = (start + i) % count;
        if (!broker_group_is_available(groups[at], now_us)) continue;
        *index = (int)at;
        return groups[at];
    }
    return NULL;
}

broker_group_t *broker_groups_pick(broker_group_t **groups, size_t count, int last, int64_t now_us, int *index) {
    if (count == 0) return NULL;
    bool known = last >= 0 && (size_t)last < count;
    size_t start = known ? (size_t)last + 1 : (size_t)random_below(count);
    broker_group_t *g = first_available(groups, count, start % count, now_us, index);
    if (g != NULL) return g;
    *index = known ? last : (int)(start % count);
    return groups[*index];
}

broker_group_t *broker_groups_pick_random(broker_group_t **groups, size_t count, int64_t now_us) {
    int index;
    return broker_groups_pick(groups, count, -1, now_us, &index);
}
