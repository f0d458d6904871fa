#include "store/snapshot_files.h"

#include "base/id.h"
#include "base/memory.h"

#include <stdlib.h>

/* Far above what a store of a million subjects needs. */
#define MOST_BYTES ((size_t)1 << 31)
#define TEMPORARY_END ".tmp"
#define VERSION_DIGITS 20

typedef struct listing {
    snapshot_versions_t *versions;
    const char *kind;
    const char *directory;
} listing_t;

static char *path_of(const char *directory, const char *kind, int64_t version) {
    return memory_printf("%s/%s.%020lld", directory, kind, (long long)version);
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static apr_status_t note_version(void *arg, const char *name) {
    listing_t *l = arg;
    view_t rest = view_of(name), kind = view_of(l->kind);
    int64_t version = 0;
    if (!view_starts(rest, kind) || rest.size != kind.size + 1 + VERSION_DIGITS || name[kind.size] != '.') return APR_SUCCESS;
    if (!id_parse_i64(view_make(name + kind.size + 1, VERSION_DIGITS), &version) || version < 0) return APR_SUCCESS;
    snapshot_versions_t *v = l->versions;
    if (v->count == v->capacity) {
        v->capacity = v->capacity == 0 ? 8 : v->capacity * 2;
        v->at = memory_realloc(v->at, v->capacity * sizeof v->at[0]);
    }
    v->at[v->count++] = version;
    return APR_SUCCESS;
}

apr_status_t snapshot_versions_list(snapshot_versions_t *v, const char *directory, const char *kind) {
    memset(v, 0, sizeof *v);
    listing_t listing = {v, kind, directory};
    apr_status_t status = directory_list(directory, note_version, &listing);
    if (v->count > 0) qsort(v->at, v->count, sizeof v->at[0], compare);
    return status;
}

void snapshot_versions_free(snapshot_versions_t *v) {
    memory_free(v->at);
    memset(v, 0, sizeof *v);
}

apr_status_t snapshot_load(const char *directory, const char *kind, int64_t version, char **text, size_t *size) {
    char *path = path_of(directory, kind, version);
    apr_status_t status = file_read_all(path, MOST_BYTES, text, size);
    memory_free(path);
    return status;
}

apr_status_t snapshot_save(const char *directory, const char *kind, int64_t version, void (*write)(void *arg, text_file_t *to), void *arg) {
    char *temporary = memory_printf("%s/.%s%s", directory, kind, TEMPORARY_END);
    char *path = path_of(directory, kind, version);
    text_file_t file;
    text_file_start(&file, temporary);
    write(arg, &file);
    apr_status_t status = text_file_finish(&file);
    if (status == APR_SUCCESS) status = path_rename(temporary, path);
    if (status == APR_SUCCESS) status = directory_sync(directory);
    memory_free(temporary);
    memory_free(path);
    return status;
}

apr_status_t snapshot_delete(const char *directory, const char *kind, int64_t version) {
    char *path = path_of(directory, kind, version);
    apr_status_t status = path_remove(path);
    memory_free(path);
    return status;
}

apr_status_t snapshot_keep(const char *directory, const char *kind, size_t keep) {
    snapshot_versions_t v;
    apr_status_t status = snapshot_versions_list(&v, directory, kind);
    for (size_t i = 0; status == APR_SUCCESS && i + keep < v.count; i++) status = snapshot_delete(directory, kind, v.at[i]);
    snapshot_versions_free(&v);
    return status;
}

static apr_status_t delete_temporary(void *arg, const char *name) {
    size_t size = strlen(name), end = strlen(TEMPORARY_END);
    if (size < end || strcmp(name + size - end, TEMPORARY_END) != 0) return APR_SUCCESS;
    char *path = memory_printf("%s/%s", (const char *)arg, name);
    apr_status_t status = path_remove(path);
    memory_free(path);
    return status;
}

apr_status_t snapshot_delete_temporaries(const char *directory) {
    char *copy = memory_strdup(directory);
    apr_status_t status = directory_list(copy, delete_temporary, copy);
    memory_free(copy);
    return status;
}
