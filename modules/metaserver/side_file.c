#include "metaserver/side_file.h"

#include "base/memory.h"
#include "base/properties.h"
#include "portability/file.h"
#include "portability/thread.h"

#include <apr_cstr.h>

struct side_file {
    char *path;
    const log_t *log;
    int64_t modified_ms; /* of what was read or refused last; only side_file_check */
    int64_t size;
    mutex_t lock;
    properties_t *content; /* NULL: none yet */
};

side_file_t *side_file_open(const char *directory, const char *name, const log_t *log) {
    side_file_t *f = memory_zalloc(sizeof *f);
    f->path = memory_printf("%s/%s", directory, name);
    f->log = log;
    f->size = -1;
    mutex_init(&f->lock);
    side_file_check(f);
    return f;
}

void side_file_close(side_file_t *f) {
    if (f == NULL) return;
    if (f->content != NULL) properties_free(f->content);
    mutex_destroy(&f->lock);
    memory_free(f->path);
    memory_free(f);
}

void side_file_check(side_file_t *f) {
    path_info_t info;
    if (path_inspect(f->path, &info) != APR_SUCCESS || info.kind == PATH_MISSING) return;
    if (info.modified_ms == f->modified_ms && info.size == f->size) return;
    bool again = f->size >= 0;
    f->modified_ms = info.modified_ms;
    f->size = info.size;
    qmq_error_t *error = NULL;
    properties_t *fresh = properties_read(f->path, &error);
    if (fresh == NULL) {
        error = error_wrap(error, "the file is not used%s", again ? ", what it said before stays in force" : "");
        log_problem(f->log, LOG_LEVEL_ERROR, error);
        qmq_error_free(error);
        return;
    }
    mutex_lock(&f->lock);
    properties_t *old = f->content;
    f->content = fresh;
    mutex_unlock(&f->lock);
    if (old != NULL) properties_free(old);
    if (again) log_info(f->log, "%s was read again", f->path);
}

bool side_file_is_true(side_file_t *f, const char *key, bool fallback) {
    mutex_lock(&f->lock);
    const char *value = f->content == NULL ? NULL : properties_get(f->content, key);
    bool is = value == NULL ? fallback : apr_cstr_casecmp(value, "true") == 0;
    mutex_unlock(&f->lock);
    return is;
}

char *side_file_text(side_file_t *f, const char *key) {
    mutex_lock(&f->lock);
    const char *value = f->content == NULL ? NULL : properties_get(f->content, key);
    char *copy = value == NULL ? NULL : memory_strdup(value);
    mutex_unlock(&f->lock);
    return copy;
}

void side_file_walk(side_file_t *f, bool (*visit)(void *arg, const char *key, const char *value), void *arg) {
    mutex_lock(&f->lock);
    const char *key, *value;
    for (size_t i = 0; f->content != NULL && properties_at(f->content, i, &key, &value); i++) {
        if (!visit(arg, key, value)) break;
    }
    mutex_unlock(&f->lock);
}
