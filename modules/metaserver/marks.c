#include "metaserver/marks.h"

#include "base/memory.h"
#include "protocol/codes.h"

#define KEY_ON_STACK 1024
static const view_t ANY = {"*", 1};

typedef struct mark {
    view_t key;
    int value;
} mark_t;

static view_t key_of(const void *value) {
    return ((const mark_t *)value)->key;
}

static void destroy(shared_t *s) {
    marks_t *m = (marks_t *)s;
    table_free(&m->by_key);
    arena_free(&m->arena);
    memory_free(m);
}

marks_t *marks_create(void) {
    marks_t *m = memory_zalloc(sizeof *m);
    shared_init(&m->shared, destroy);
    arena_init(&m->arena);
    table_init(&m->by_key, key_of);
    return m;
}

void marks_release(marks_t *m) {
    if (m != NULL) shared_release(&m->shared);
}

static size_t key_size(const view_t *parts, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) size += sizeof parts[i].size + parts[i].size;
    return size;
}

/* Each part with its length in front: no two different rows share a key. */
static void write_key(const view_t *parts, size_t count, char *to) {
    for (size_t i = 0; i < count; i++) {
        memcpy(to, &parts[i].size, sizeof parts[i].size);
        to += sizeof parts[i].size;
        if (parts[i].size > 0) memcpy(to, parts[i].data, parts[i].size);
        to += parts[i].size;
    }
}

static void put(marks_t *m, view_t key, int value) {
    if (table_get(&m->by_key, key) != NULL) return;
    mark_t *made = arena_alloc(&m->arena, sizeof *made);
    made->key = arena_keep(&m->arena, key);
    made->value = value;
    table_put(&m->by_key, made);
}

/* The key of the row: `small` when it is big enough, else memory_free. */
static view_t make_key(const view_t *parts, size_t count, char *small) {
    size_t size = key_size(parts, count);
    char *key = size <= KEY_ON_STACK ? small : memory_alloc(size);
    write_key(parts, count, key);
    return view_make(key, size);
}

static void free_key(view_t key, const char *small) {
    if (key.data != small) memory_free((char *)(uintptr_t)key.data);
}

void marks_add(marks_t *m, const view_t *parts, size_t count, int value) {
    char small[KEY_ON_STACK];
    view_t key = make_key(parts, count, small);
    put(m, key, value);
    free_key(key, small);
}

marks_t *marks_without(const marks_t *m, const view_t *parts, size_t count) {
    char small[KEY_ON_STACK];
    view_t key = make_key(parts, count, small);
    marks_t *copy = marks_create();
    size_t at = 0;
    const mark_t *mark;
    while ((mark = table_next(&m->by_key, &at)) != NULL) {
        if (!view_equal(mark->key, key)) put(copy, mark->key, mark->value);
    }
    free_key(key, small);
    return copy;
}

bool marks_find(const marks_t *m, const view_t *parts, size_t count, int *value) {
    if (m->by_key.count == 0) return false;
    char small[KEY_ON_STACK];
    view_t key = make_key(parts, count, small);
    const mark_t *found = table_get(&m->by_key, key);
    free_key(key, small);
    if (found != NULL) *value = found->value;
    return found != NULL;
}

bool marks_are_readonly(const marks_t *m, view_t subject, view_t group) {
    int value;
    return marks_find(m, (view_t[]){subject, group}, 2, &value) || marks_find(m, (view_t[]){ANY, group}, 2, &value);
}

int marks_consumer_state(const marks_t *m, view_t client, view_t subject, view_t group) {
    int state = STATE_ONLINE;
    if (!marks_find(m, (view_t[]){client, subject, group}, 3, &state) && !marks_find(m, (view_t[]){ANY, subject, group}, 3, &state) &&
        !marks_find(m, (view_t[]){client, ANY, ANY}, 3, &state))
        return STATE_ONLINE;
    return state == 0 ? STATE_ONLINE : STATE_OFFLINE;
}
