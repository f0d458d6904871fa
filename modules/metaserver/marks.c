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

void marks_add(marks_t *m, const view_t *parts, size_t count, int value) {
    size_t size = key_size(parts, count);
    char *key = arena_alloc(&m->arena, size);
    write_key(parts, count, key);
    if (table_get(&m->by_key, view_make(key, size)) != NULL) return;
    mark_t *made = arena_alloc(&m->arena, sizeof *made);
    made->key = view_make(key, size);
    made->value = value;
    table_put(&m->by_key, made);
}

bool marks_find(const marks_t *m, const view_t *parts, size_t count, int *value) {
    if (m->by_key.count == 0) return false;
    size_t size = key_size(parts, count);
    char small[KEY_ON_STACK];
    char *key = size <= sizeof small ? small : memory_alloc(size);
    write_key(parts, count, key);
    const mark_t *found = table_get(&m->by_key, view_make(key, size));
    if (key != small) memory_free(key);
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
