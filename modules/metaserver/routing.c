#include "metaserver/routing.h"

#include "base/memory.h"
#include "metaserver/broker_rows.h"
#include "portability/random.h"
#include "protocol/codes.h"
#include "protocol/subject.h"

bool routing_real_subject(view_t raw, view_t *real) {
    view_t group;
    subject_split(raw, real, &group);
    return real->size > 0 && !subject_has_illegal_character(*real) && !view_has(*real, '\0') &&
           text_characters(*real) <= SUBJECT_CHARACTERS;
}

static bool is_candidate(const live_group_t *g, view_t tag, const group_names_t *taken) {
    return g->kind == KIND_NORMAL && g->state != BROKER_NRW && view_equal(g->tag, tag) &&
           (taken == NULL || !group_names_have(taken, g->name));
}

/* A tag that no normal group carries reads as the default tag; one whose groups are all NRW does not (metaserver.md 7.3). */
static view_t effective_tag(const catalog_view_t *look, view_t real) {
    view_t tag;
    (void)subject_tags_find(look->tags, real, &tag);
    size_t at = 0;
    const live_group_t *g;
    while (tag.size > 0 && (g = broker_groups_next(look->groups, &at)) != NULL) {
        if (g->kind == KIND_NORMAL && view_equal(g->tag, tag)) return tag;
    }
    return view_make(NULL, 0);
}

/* All candidates; *to is malloc'ed. */
static size_t candidates(const catalog_view_t *look, view_t real, const group_names_t *taken, view_t **to) {
    view_t tag = effective_tag(look, real);
    *to = memory_alloc((look->groups->by_name.count + 1) * sizeof **to);
    size_t count = 0;
    size_t at = 0;
    const live_group_t *g;
    while ((g = broker_groups_next(look->groups, &at)) != NULL) {
        if (is_candidate(g, tag, taken)) (*to)[count++] = g->name;
    }
    return count;
}

static bool has_candidate(const catalog_view_t *look, view_t real, const group_names_t *taken) {
    view_t tag = effective_tag(look, real);
    size_t at = 0;
    const live_group_t *g;
    while ((g = broker_groups_next(look->groups, &at)) != NULL) {
        if (is_candidate(g, tag, taken)) return true;
    }
    return false;
}

routing_need_t routing_need(const catalog_view_t *look, view_t real, size_t wanted) {
    if (look->route != NULL && look->route->count >= wanted) return ROUTING_READY;
    if (!has_candidate(look, real, look->route)) return ROUTING_READY;
    return look->route == NULL ? ROUTING_ASSIGN : ROUTING_TOP_UP;
}

size_t routing_assigned(const catalog_view_t *look, const live_group_t **to) {
    size_t count = 0;
    if (look->route == NULL) return 0;
    for (size_t i = 0; i < look->route->count && count < ROUTING_MAX_GROUPS; i++) {
        const live_group_t *g = broker_groups_find(look->groups, look->route->items[i]);
        if (g != NULL && g->kind == KIND_NORMAL) to[count++] = g;
    }
    return count;
}

/* FNV-1a, because every metaserver must come to the same result. */
static uint64_t hash_of(uint64_t hash, view_t text) {
    for (size_t i = 0; i < text.size; i++) hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001B3);
    return hash;
}

/* How much the client wants the group: each client has an order of its own over all groups, and they share the clients evenly. */
static uint64_t affinity(view_t client, view_t group) {
    if (client.size == 0) return random_below(UINT64_MAX);
    uint64_t hash = hash_of(hash_of(UINT64_C(0xCBF29CE484222325), client), group);
    hash = (hash ^ hash >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94D049BB133111EB);
    return hash ^ hash >> 31;
}

size_t routing_delay(const catalog_view_t *look, view_t client, const live_group_t **to) {
    uint64_t best[ROUTING_DELAY_GROUPS];
    size_t count = 0;
    size_t at = 0;
    const live_group_t *g;
    while ((g = broker_groups_next(look->groups, &at)) != NULL) {
        if (g->kind != KIND_DELAY || g->state == BROKER_NRW) continue;
        uint64_t wish = affinity(client, g->name);
        size_t place = count;
        while (place > 0 && best[place - 1] < wish) place--;
        if (place == ROUTING_DELAY_GROUPS) continue;
        size_t last = count < ROUTING_DELAY_GROUPS ? count : ROUTING_DELAY_GROUPS - 1;
        for (size_t i = last; i > place; i--) {
            best[i] = best[i - 1];
            to[i] = to[i - 1];
        }
        best[place] = wish;
        to[place] = g;
        if (count < ROUTING_DELAY_GROUPS) count++;
    }
    return count;
}

size_t routing_choose(const catalog_view_t *look, view_t real, const group_names_t *taken, size_t wanted, view_t **to) {
    size_t count = candidates(look, real, taken, to);
    if (count <= wanted) return count;
    for (size_t i = 0; i < wanted; i++) {
        size_t other = i + (size_t)random_below(count - i);
        view_t chosen = (*to)[other];
        (*to)[other] = (*to)[i];
        (*to)[i] = chosen;
    }
    return wanted;
}
