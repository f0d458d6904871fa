#include "base/config_internal.h"

#include "base/status.h"
#include "portability/file.h"

#include <stdio.h>
#include <stdlib.h>

static view_t slot_name(const void *value) {
    return view_of(((const config_slot_t *)value)->key->name);
}

static void keys_destroy(shared_t *shared) {
    config_keys_t *k = (config_keys_t *)shared;
    table_free(&k->by_name);
    memory_free(k->slots);
    memory_free(k);
}

static config_keys_t *keys_create(const config_key_t *const *tables) {
    config_keys_t *k = memory_zalloc(sizeof *k);
    shared_init(&k->shared, keys_destroy);
    table_init(&k->by_name, slot_name);
    size_t count = 0;
    for (const config_key_t *const *t = tables; *t != NULL; t++) {
        for (const config_key_t *row = *t; row->name != NULL; row++) count++;
    }
    k->slots = memory_alloc(count * sizeof *k->slots);
    for (const config_key_t *const *t = tables; *t != NULL; t++) {
        for (const config_key_t *row = *t; row->name != NULL; row++) {
            config_slot_t *slot = &k->slots[k->count];
            *slot = (config_slot_t){row, k->count};
            if (table_get(&k->by_name, view_of(row->name)) != NULL) {
                fprintf(stderr, "programming error: the key %s stands twice in the tables of one server\n", row->name);
                abort();
            }
            table_put(&k->by_name, slot);
            k->count++;
        }
    }
    return k;
}

static void add_file(config_source_t *s, const char *name) {
    for (size_t i = 0; i < s->file_count; i++) {
        if (strcmp(s->files[i].name, name) == 0) return;
    }
    s->files = memory_realloc(s->files, (s->file_count + 1) * sizeof *s->files);
    s->files[s->file_count++] = (config_file_t){.name = name, .path = memory_printf("%s/%s", s->directory, name)};
}

static char **copy_texts(const char *const *texts) {
    size_t count = 0;
    while (texts != NULL && texts[count] != NULL) count++;
    char **copy = memory_zalloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++) copy[i] = memory_strdup(texts[i]);
    return copy;
}

static config_source_t *source_create(const config_options_t *o) {
    config_source_t *s = memory_zalloc(sizeof *s);
    mutex_init(&s->lock);
    s->directory = memory_strdup(o->directory);
    s->path_base = o->path_base == NULL ? NULL : memory_strdup(o->path_base);
    s->overrides = copy_texts(o->overrides);
    if (o->log != NULL) {
        s->log = *o->log;
    } else {
        log_init(&s->log, "config");
    }
    s->keys = keys_create(o->tables);
    for (size_t i = 0; i < s->keys->count; i++) add_file(s, s->keys->slots[i].key->file);
    return s;
}

void config_close(config_source_t *s) {
    if (s == NULL) return;
    config_release(s->current);
    for (size_t i = 0; i < s->file_count; i++) {
        properties_free(s->files[i].properties);
        memory_free(s->files[i].path);
    }
    memory_free(s->files);
    size_t at = 0;
    for (char *id = table_next(&s->warned, &at); id != NULL; id = table_next(&s->warned, &at)) memory_free(id);
    table_free(&s->warned);
    for (char **o = s->overrides; *o != NULL; o++) memory_free(*o);
    memory_free(s->overrides);
    memory_free(s->directory);
    memory_free(s->path_base);
    shared_release(&s->keys->shared);
    mutex_destroy(&s->lock);
    memory_free(s);
}

static qmq_error_t *read_file(config_source_t *s, config_file_t *f, const path_info_t *info) {
    qmq_error_t *e = NULL;
    /* also of a file that is refused, so that it is complained of once and not at every check */
    f->modified_ms = info->modified_ms;
    f->size = info->size;
    properties_t *p = properties_read(f->path, &e);
    if (p == NULL) return e;
    properties_free(f->properties);
    f->properties = p;
    f->fresh = true;
    config_warn_unknown(s, f);
    return NULL;
}

static qmq_error_t *inspect(const config_file_t *f, path_info_t *info) {
    apr_status_t status = path_inspect(f->path, info);
    if (status == APR_SUCCESS) return NULL;
    char why[120];
    return error_create(status, "Check the path and the permissions of its directories", "cannot look at %s: %s", f->path,
                        status_text(status, why, sizeof why));
}

static qmq_error_t *check_mandatory(const config_source_t *s, const char *const *mandatory) {
    for (const char *const *name = mandatory; name != NULL && *name != NULL; name++) {
        char *path = memory_printf("%s/%s", s->directory, *name);
        path_info_t info = {PATH_MISSING, 0, 0};
        apr_status_t status = path_inspect(path, &info);
        qmq_error_t *e = NULL;
        if (status == APR_SUCCESS && info.kind == PATH_MISSING) {
            e = error_create(
                APR_ENOENT,
                "Create it after the sample of the release's conf directory, or point --conf (QMQ_CONF) at the directory that has it",
                "the configuration file %s does not exist", path);
        }
        memory_free(path);
        if (e != NULL) return e;
    }
    return NULL;
}

static qmq_error_t *read_all(config_source_t *s) {
    qmq_error_t *e = NULL;
    for (size_t i = 0; i < s->file_count && e == NULL; i++) {
        path_info_t info;
        e = inspect(&s->files[i], &info);
        if (e == NULL && info.kind != PATH_MISSING) e = read_file(s, &s->files[i], &info);
    }
    return e;
}

config_source_t *config_open(const config_options_t *options, qmq_error_t **error) {
    config_source_t *s = source_create(options);
    *error = config_check_overrides(s);
    if (*error == NULL) *error = check_mandatory(s, options->mandatory);
    if (*error == NULL) *error = read_all(s);
    if (*error == NULL) s->current = config_build(s, NULL, error);
    if (*error == NULL) return s;
    config_close(s);
    return NULL;
}

/* Re-reads what changed; true when anything was read. A deleted file keeps its last content. */
static bool read_changed(config_source_t *s, bool force) {
    bool any = false;
    for (size_t i = 0; i < s->file_count; i++) {
        config_file_t *f = &s->files[i];
        path_info_t info;
        f->fresh = false;
        qmq_error_t *e = inspect(f, &info);
        if (e == NULL && info.kind != PATH_MISSING && (force || info.modified_ms != f->modified_ms || info.size != f->size)) {
            e = read_file(s, f, &info);
        }
        if (e != NULL) {
            log_error(&s->log, "%s; the whole file is refused and its old values stay. %s", qmq_error_message(e), qmq_error_remedy(e));
            qmq_error_free(e);
        }
        any = any || f->fresh;
    }
    return any;
}

static bool is_same(const config_t *a, const config_t *b) {
    for (size_t i = 0; i < a->keys->count; i++) {
        const config_value_t *x = &a->values[i];
        const config_value_t *y = &b->values[i];
        bool same_text = x->text == NULL || y->text == NULL ? x->text == y->text : strcmp(x->text, y->text) == 0;
        if (!same_text || strcmp(x->origin, y->origin) != 0) return false;
    }
    return true;
}

bool config_reload(config_source_t *s, bool force) {
    if (!read_changed(s, force)) return false;
    qmq_error_t *error = NULL;
    config_t *old = s->current; /* only this thread replaces it */
    config_t *new = config_build(s, old, &error);
    if (new == NULL || is_same(old, new)) {
        config_release(new);
        qmq_error_free(error);
        return false;
    }
    mutex_lock(&s->lock);
    s->current = new;
    mutex_unlock(&s->lock);
    config_release(old);
    return true;
}

config_t *config_current(config_source_t *s) {
    mutex_lock(&s->lock);
    config_t *c = s->current;
    shared_retain(&c->shared);
    mutex_unlock(&s->lock);
    return c;
}

void config_release(config_t *c) {
    if (c != NULL) shared_release(&c->shared);
}

static const config_value_t *value_of(const config_t *c, const char *key) {
    const config_slot_t *slot = config_slot_find(c->keys, key);
    if (slot == NULL) {
        fprintf(stderr, "programming error: the configuration key %s is in no table\n", key);
        abort();
    }
    return &c->values[slot->index];
}

static const config_value_t *value_of_type(const config_t *c, const char *key, config_type_t type) {
    const config_value_t *v = value_of(c, key);
    if (config_slot_find(c->keys, key)->key->type != type) {
        fprintf(stderr, "programming error: the configuration key %s is asked for as another type than its table says\n", key);
        abort();
    }
    return v;
}

const char *config_string(const config_t *c, const char *key) {
    return value_of(c, key)->text;
}

int64_t config_int(const config_t *c, const char *key) {
    return value_of_type(c, key, CONFIG_INT)->number;
}

bool config_bool(const config_t *c, const char *key) {
    return value_of_type(c, key, CONFIG_BOOL)->flag;
}

double config_double(const config_t *c, const char *key) {
    const config_value_t *v = value_of(c, key);
    return v->real;
}

bool config_is_set(const config_t *c, const char *key) {
    return value_of(c, key)->set;
}

const char *config_origin(const config_t *c, const char *key) {
    return value_of(c, key)->origin;
}

const char *config_directory(const config_source_t *s) {
    return s->directory;
}
