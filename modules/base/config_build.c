#include "base/config_internal.h"

#include "base/nearest.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>

static bool same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

config_slot_t *config_slot_find(const config_keys_t *keys, const char *name) {
    return table_get(&keys->by_name, view_of(name));
}

static config_file_t *file_of(const config_source_t *s, const config_key_t *k) {
    for (size_t i = 0; i < s->file_count; i++) {
        if (strcmp(s->files[i].name, k->file) == 0) return &s->files[i];
    }
    return NULL;
}

/* The key of a "key=value" override, blanks around it dropped. */
static view_t override_key(const char *override) {
    const char *equals = strchr(override, '=');
    view_t key = view_make(override, equals == NULL ? strlen(override) : (size_t)(equals - override));
    while (key.size > 0 && key.data[key.size - 1] == ' ') key.size--;
    return key;
}

/* Value of the last override of the key, malloc'ed and trimmed; false when there is none. */
static bool override_value(const config_source_t *s, const char *key, char **value) {
    bool found = false;
    *value = NULL;
    for (char **o = s->overrides; *o != NULL; o++) {
        if (!view_equal(override_key(*o), view_of(key))) continue;
        view_t v = view_of(strchr(*o, '=') + 1);
        while (v.size > 0 && (unsigned char)v.data[0] <= ' ') v = view_make(v.data + 1, v.size - 1);
        while (v.size > 0 && (unsigned char)v.data[v.size - 1] <= ' ') v.size--;
        memory_free(*value);
        *value = memory_strndup(v.data, v.size);
        found = true;
    }
    return found;
}

qmq_error_t *config_check_overrides(const config_source_t *s) {
    for (char **o = s->overrides; *o != NULL; o++) {
        if (strchr(*o, '=') == NULL) {
            return error_create(QMQ_E_INVALID, "Write --set key=value", "--set %s has no \"=\"", *o);
        }
        view_t key = override_key(*o);
        if (table_get(&s->keys->by_name, key) != NULL) continue;
        nearest_t nearest = {NULL, 0};
        for (size_t i = 0; i < s->keys->count; i++) nearest_offer(&nearest, key, s->keys->slots[i].key->name);
        qmq_error_t *e = error_create(QMQ_E_INVALID, NULL, "--set %.*s: unknown key", VIEW_ARG(key));
        if (nearest.name != NULL) error_set_remedy(e, "The nearest known key is %s", nearest.name);
        return e;
    }
    return NULL;
}

static view_t text_key(const void *value) {
    return view_of(value);
}

static bool warn_now(config_source_t *s, const config_file_t *f, const char *key) {
    char *id = memory_printf("%s %s", f->path, key);
    if (s->warned.key_of == NULL) table_init(&s->warned, text_key);
    bool known = table_get(&s->warned, view_of(id)) != NULL;
    if (known) {
        memory_free(id);
    } else {
        table_put(&s->warned, id);
    }
    return !known;
}

void config_warn_unknown(config_source_t *s, const config_file_t *f) {
    const char *key = NULL;
    const char *value = NULL;
    for (size_t i = 0; properties_at(f->properties, i, &key, &value); i++) {
        const config_slot_t *slot = config_slot_find(s->keys, key);
        if (slot != NULL && strcmp(slot->key->file, f->name) == 0) continue;
        if (!warn_now(s, f, key)) continue;
        int line = properties_line(f->properties, key);
        if (slot != NULL) {
            log_warn(&s->log, "%s:%d: the key %s is ignored here, it belongs in %s", f->path, line, key, slot->key->file);
            continue;
        }
        nearest_t nearest = {NULL, 0};
        for (size_t k = 0; k < s->keys->count; k++) {
            const config_key_t *known = s->keys->slots[k].key;
            if (strcmp(known->file, f->name) == 0) nearest_offer(&nearest, view_of(key), known->name);
        }
        log_warn(&s->log, "%s:%d: unknown key %s is ignored; the nearest known key is %s", f->path, line, key,
                 nearest.name == NULL ? "none" : nearest.name);
    }
}

static void set_fallback(const config_source_t *s, const config_key_t *k, config_value_t *v) {
    v->origin = memory_strdup("default");
    if (k->fallback == NULL) return;
    bool odd = false;
    config_place_t place = {k, "default", 0, k->fallback, NULL};
    qmq_error_t *e = config_value_read(&place, s->path_base, v, &odd);
    if (e == NULL && !odd) return;
    fprintf(stderr, "programming error: the default of the key %s is no valid value: %s\n", k->name, k->fallback);
    abort();
}

/* What stands in the file or on the command line for a key; *made is to be freed. False: nothing. */
static bool find_given(const config_source_t *s, const config_key_t *k, config_place_t *place, char **made) {
    *place = (config_place_t){k, NULL, 0, NULL, NULL};
    if (override_value(s, k->name, made)) {
        place->text = *made;
        return **made != 0; /* blank: absent, whatever the file says */
    }
    const config_file_t *f = file_of(s, k);
    if (f == NULL || f->properties == NULL) return false;
    place->text = properties_get(f->properties, k->name);
    if (place->text == NULL) return false;
    place->path = f->path;
    place->line = properties_line(f->properties, k->name);
    place->raw = properties_raw(f->properties, k->name);
    return true;
}

static qmq_error_t *set_given(const config_source_t *s, const config_place_t *place, bool speak, config_value_t *v) {
    bool odd = false;
    qmq_error_t *e = config_value_read(place, s->path_base, v, &odd);
    if (e != NULL) return e;
    if (odd && speak) {
        char *text = config_place_text(place);
        log_warn(&s->log, "%s is neither true nor false and counts as false", text);
        memory_free(text);
    }
    v->set = true;
    v->origin = place->path == NULL ? memory_strdup("--set") : memory_printf("%s:%d", place->path, place->line);
    return NULL;
}

/* On a reload: a change of a key that is read at start only is announced and not made. */
static void settle_change(const config_source_t *s, const config_key_t *k, const config_value_t *old, bool speak, config_value_t *v) {
    if (same_text(old->text, v->text)) return;
    const char *from = config_shown(k, old->text);
    const char *to = config_shown(k, v->text);
    if (k->hot) {
        log_info(&s->log, "%s: %s changed from %s to %s", v->origin, k->name, from, to);
        return;
    }
    if (speak) {
        log_warn(&s->log, "%s: %s stays %s; the new value %s takes effect at the next start", v->origin, k->name, from, to);
    }
    config_value_clear(v);
    config_value_copy(v, old);
}

static qmq_error_t *build_value(config_source_t *s, const config_key_t *k, const config_value_t *old, config_value_t *v) {
    config_place_t place;
    char *made = NULL;
    const config_file_t *f = file_of(s, k);
    bool speak = old == NULL || (f != NULL && f->fresh);
    qmq_error_t *e = NULL;
    if (find_given(s, k, &place, &made)) {
        e = set_given(s, &place, speak, v);
    } else {
        set_fallback(s, k, v);
    }
    memory_free(made);
    if (old == NULL) return e;
    if (e == NULL) {
        settle_change(s, k, old, speak, v);
        return NULL;
    }
    if (speak) log_error(&s->log, "%s; the old value %s stays. %s", qmq_error_message(e), config_shown(k, old->text), qmq_error_remedy(e));
    qmq_error_free(e);
    config_value_clear(v);
    config_value_copy(v, old);
    return NULL;
}

static void config_destroy(shared_t *shared) {
    config_t *c = (config_t *)shared;
    for (size_t i = 0; i < c->keys->count; i++) config_value_clear(&c->values[i]);
    shared_release(&c->keys->shared);
    memory_free(c);
}

config_t *config_build(config_source_t *s, const config_t *old, qmq_error_t **error) {
    config_t *c = memory_zalloc(sizeof *c + s->keys->count * sizeof *c->values);
    shared_init(&c->shared, config_destroy);
    shared_retain(&s->keys->shared);
    c->keys = s->keys;
    *error = NULL;
    for (size_t i = 0; i < s->keys->count && *error == NULL; i++) {
        *error = build_value(s, s->keys->slots[i].key, old == NULL ? NULL : &old->values[i], &c->values[i]);
    }
    if (*error == NULL) return c;
    shared_release(&c->shared);
    return NULL;
}
