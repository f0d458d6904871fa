#include "store/snapshot_files.h"

#include "base/crc32.h"
#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>

/* Far above what a store of a million subjects needs. */
#define MOST_BYTES ((size_t)1 << 31)
#define TEMPORARY_END ".tmp"
#define VERSION_DIGITS 20
#define SUM_SIZE 64

typedef struct listing {
    snapshot_versions_t *versions;
    const char *kind;
    const char *directory;
} listing_t;

static char *path_of(const char *directory, const char *kind, int64_t version) {
    return memory_printf("%s/%s.%020lld", directory, kind, (long long)version);
}

static char *sum_path_of(const char *directory, const char *kind, int64_t version) {
    return memory_printf("%s/.%s.%020lld.crc", directory, kind, (long long)version);
}

static int sum_put(char to[SUM_SIZE], uint32_t crc, int64_t size) {
    return snprintf(to, SUM_SIZE, "crc %lu of %lld\n", (unsigned long)crc, (long long)size);
}

/* Not made durable: one that a power loss has torn or taken away says nothing. */
static void save_sum(const char *path, uint32_t crc, int64_t size) {
    char text[SUM_SIZE];
    int length = sum_put(text, crc, size);
    file_t *f = NULL;
    if (file_open(&f, path, IO_WRITE | IO_CREATE | IO_TRUNCATE) != APR_SUCCESS) return;
    (void)file_write_at(f, text, (size_t)length, 0); /* what is cut short says nothing */
    (void)file_close(f);
}

/* False only when a sum that is whole says something else. */
static bool sum_fits(const char *path, const char *text, size_t size) {
    char *sum = NULL, mine[SUM_SIZE];
    size_t sum_size = 0;
    unsigned long crc = 0;
    long long of = 0;
    bool whole = file_read_all(path, SUM_SIZE, &sum, &sum_size) == APR_SUCCESS && sscanf(sum, "crc %lu of %lld", &crc, &of) == 2 &&
                 sum_put(mine, (uint32_t)crc, of) == (int)sum_size && memcmp(mine, sum, sum_size) == 0;
    memory_free(sum);
    return !whole || (of == (long long)size && crc == crc32_of(text, size));
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
    char *sum = sum_path_of(directory, kind, version);
    if (status == APR_SUCCESS && !sum_fits(sum, *text, *size)) {
        memory_free(*text);
        *text = NULL;
        status = QMQ_E_CORRUPT;
    }
    memory_free(sum);
    memory_free(path);
    return status;
}

/* The sum of an earlier file of this version must not meet the new one. */
static apr_status_t forget_sum(const char *directory, const char *path) {
    apr_status_t status = path_remove(path);
    if (APR_STATUS_IS_ENOENT(status)) return APR_SUCCESS;
    return status == APR_SUCCESS ? directory_sync(directory) : status;
}

apr_status_t snapshot_save(const char *directory, const char *kind, int64_t version, void (*write)(void *arg, text_file_t *to), void *arg) {
    char *temporary = memory_printf("%s/.%s%s", directory, kind, TEMPORARY_END);
    char *path = path_of(directory, kind, version), *sum = sum_path_of(directory, kind, version);
    text_file_t file;
    text_file_start(&file, temporary);
    write(arg, &file);
    apr_status_t status = text_file_finish(&file);
    if (status == APR_SUCCESS) status = forget_sum(directory, sum);
    if (status == APR_SUCCESS) status = path_rename(temporary, path);
    if (status == APR_SUCCESS) status = directory_sync(directory);
    if (status == APR_SUCCESS) save_sum(sum, file.crc, file.written);
    memory_free(temporary);
    memory_free(path);
    memory_free(sum);
    return status;
}

apr_status_t snapshot_delete(const char *directory, const char *kind, int64_t version) {
    char *path = path_of(directory, kind, version);
    apr_status_t status = path_remove(path);
    char *sum = sum_path_of(directory, kind, version);
    if (status == APR_SUCCESS) (void)path_remove(sum); /* alone it says nothing */
    memory_free(sum);
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
