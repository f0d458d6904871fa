#include "metaserver/routes.h"

#include "base/memory.h"

/* A text that many subjects share, and for routes what it says. */
typedef struct shared_text {
    view_t text;
    const group_names_t *names;
} shared_text_t;

typedef struct subject_entry {
    const shared_text_t *value;
    uint32_t size;
    char subject[];
} subject_entry_t;

static view_t entry_subject(const void *value) {
    const subject_entry_t *e = value;
    return view_make(e->subject, e->size);
}

static view_t value_text(const void *value) {
    return ((const shared_text_t *)value)->text;
}

static void destroy(shared_t *s) {
    subject_texts_t *t = (subject_texts_t *)s;
    table_free(&t->by_subject);
    table_free(&t->values);
    arena_free(&t->arena);
    memory_free(t);
}

static subject_texts_t *texts_create(void) {
    subject_texts_t *t = memory_zalloc(sizeof *t);
    shared_init(&t->shared, destroy);
    arena_init(&t->arena);
    table_init(&t->by_subject, entry_subject);
    table_init(&t->values, value_text);
    return t;
}

void subject_texts_release(subject_texts_t *t) {
    if (t != NULL) shared_release(&t->shared);
}

static shared_text_t *value_of(subject_texts_t *t, view_t text, bool *made) {
    shared_text_t *value = table_get(&t->values, text);
    *made = value == NULL;
    if (value != NULL) return value;
    value = arena_alloc(&t->arena, sizeof *value);
    value->text = arena_keep(&t->arena, text);
    value->names = NULL;
    table_put(&t->values, value);
    return value;
}

static void put(subject_texts_t *t, view_t subject, const shared_text_t *value) {
    if (table_get(&t->by_subject, subject) != NULL || subject.size > UINT32_MAX) return;
    subject_entry_t *e = arena_alloc(&t->arena, sizeof *e + subject.size);
    e->value = value;
    e->size = (uint32_t)subject.size;
    if (subject.size > 0) memcpy(e->subject, subject.data, subject.size);
    table_put(&t->by_subject, e);
}

routes_t *routes_create(void) {
    return texts_create();
}

/* The list moves into the arena: one block as group_names_make lays it out, with its views moved along. */
static const group_names_t *keep_names(arena_t *arena, const group_names_t *names) {
    group_names_t *kept = arena_alloc(arena, sizeof *kept + names->count * sizeof kept->items[0]);
    kept->count = names->count;
    for (size_t i = 0; i < names->count; i++) kept->items[i] = arena_keep(arena, names->items[i]);
    return kept;
}

bool routes_add(routes_t *r, view_t subject, view_t json) {
    bool made;
    shared_text_t *value = value_of(r, json, &made);
    if (made) {
        group_names_t *names = group_names_parse(json);
        if (names != NULL) value->names = keep_names(&r->arena, names);
        memory_free(names);
    }
    if (value->names == NULL) return false;
    put(r, subject, value);
    return true;
}

const group_names_t *routes_find(const routes_t *r, view_t subject) {
    const subject_entry_t *e = table_get(&r->by_subject, subject);
    return e == NULL ? NULL : e->value->names;
}

const group_names_t *routes_next(const routes_t *r, size_t *at, view_t *subject) {
    const subject_entry_t *e = table_next(&r->by_subject, at);
    if (e == NULL) return NULL;
    *subject = entry_subject(e);
    return e->value->names;
}

subject_tags_t *subject_tags_create(void) {
    return texts_create();
}

void subject_tags_add(subject_tags_t *t, view_t subject, view_t tag) {
    bool made;
    put(t, subject, value_of(t, tag, &made));
}

bool subject_tags_find(const subject_tags_t *t, view_t subject, view_t *tag) {
    const subject_entry_t *e = table_get(&t->by_subject, subject);
    *tag = e == NULL ? view_make(NULL, 0) : e->value->text;
    return e != NULL;
}
