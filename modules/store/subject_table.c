#include "store/subject_table.h"

#include "base/memory.h"
#include "protocol/subject.h"

static inline store_subject_t *subject_of(named_t *thing) {
    return (store_subject_t *)thing;
}

static bool same_name(const named_t *thing, const void *key) {
    const store_subject_t *s = (const store_subject_t *)thing;
    return view_equal(subject_name(s), *(const view_t *)key);
}

static named_t *make_subject(void *arg, const void *key) {
    view_t name = *(const view_t *)key;
    store_subject_t *s = memory_zalloc(sizeof *s + name.size);
    s->index = arg;
    s->name_size = (uint16_t)name.size;
    memcpy(s->name, name.data, name.size);
    return &s->named;
}

void subject_table_init(subject_table_t *t, struct consumer_logs *index) {
    t->index = index;
    name_table_init(&t->names);
}

static void free_subject(void *arg, named_t *thing) {
    (void)arg;
    memory_free(thing);
}

void subject_table_free(subject_table_t *t) {
    name_table_each(&t->names, free_subject, NULL);
    name_table_free(&t->names);
}

store_subject_t *subject_table_find(const subject_table_t *t, view_t name) {
    return subject_of(name_table_find(&t->names, view_hash(name), same_name, &name));
}

store_subject_t *subject_table_get(subject_table_t *t, view_t name) {
    uint64_t hash = view_hash(name);
    named_t *found = name_table_find(&t->names, hash, same_name, &name);
    if (found == NULL && subject_is_directory_name(name)) found = name_table_get(&t->names, hash, same_name, make_subject, t->index, &name);
    return subject_of(found);
}

typedef struct walk {
    void (*visit)(void *arg, store_subject_t *subject);
    void *arg;
} walk_t;

static void visit_subject(void *arg, named_t *thing) {
    walk_t *walk = arg;
    walk->visit(walk->arg, subject_of(thing));
}

void subject_table_each(const subject_table_t *t, void (*visit)(void *arg, store_subject_t *subject), void *arg) {
    walk_t walk = {visit, arg};
    name_table_each(&t->names, visit_subject, &walk);
}
