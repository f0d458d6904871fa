#include "store/pull_tablets.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"

#include <stdlib.h>

/* What an int32 can say. */
#define MOST_BYTES ((size_t)INT32_MAX)

void tablet_refs_add(tablet_refs_t *r, pull_tablet_t *tablet, int64_t last) {
    if (r->count == r->capacity) {
        r->capacity = r->capacity == 0 ? 1 : r->capacity * 2;
        r->at = memory_realloc(r->at, r->capacity * sizeof r->at[0]);
    }
    r->at[r->count++] = (tablet_ref_t){tablet, last};
    atomic_fetch_add_explicit(&tablet->users, 1, memory_order_relaxed);
}

void tablet_refs_drop(tablet_refs_t *r, int64_t acked) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->at[i].last > acked) {
            r->at[kept++] = r->at[i];
        } else {
            atomic_fetch_sub_explicit(&r->at[i].tablet->users, 1, memory_order_relaxed);
        }
    }
    r->count = kept;
    if (kept > 0) return;
    memory_free(r->at);
    memset(r, 0, sizeof *r);
}

void pull_tablets_init(pull_tablets_t *t, char *directory, const log_t *log) {
    memset(t, 0, sizeof *t);
    t->directory = directory;
    t->log = log;
}

void pull_tablets_free(pull_tablets_t *t) {
    for (size_t i = 0; i < t->count; i++) memory_free(t->at[i]);
    memory_free(t->at);
    memory_free(t->directory);
    memset(t, 0, sizeof *t);
}

static char *path_of(const pull_tablets_t *t, int64_t id) {
    return memory_printf("%s/%lld", t->directory, (long long)id);
}

pull_tablet_t *pull_tablets_add(pull_tablets_t *t, int64_t id) {
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 8 : t->capacity * 2;
        t->at = memory_realloc(t->at, t->capacity * sizeof t->at[0]);
    }
    pull_tablet_t *tablet = memory_zalloc(sizeof *tablet);
    tablet->id = id;
    t->at[t->count++] = tablet;
    return tablet;
}

static apr_status_t note_file(void *arg, const char *name) {
    pull_tablets_t *t = arg;
    int64_t id = 0;
    if (name[0] == '.') return APR_SUCCESS;
    if (!id_parse_i64(view_of(name), &id) || id < 0) {
        log_warn(t->log, "%s/%s is not a pull-log tablet and is ignored", t->directory, name);
        return APR_SUCCESS;
    }
    (void)pull_tablets_add(t, id);
    return APR_SUCCESS;
}

static int compare(const void *a, const void *b) {
    int64_t x = (*(pull_tablet_t *const *)a)->id, y = (*(pull_tablet_t *const *)b)->id;
    return (x > y) - (x < y);
}

apr_status_t pull_tablets_list(pull_tablets_t *t) {
    apr_status_t status = directory_list(t->directory, note_file, t);
    if (t->count > 0) qsort(t->at, t->count, sizeof t->at[0], compare);
    return status;
}

apr_status_t pull_tablets_load(const pull_tablets_t *t, const pull_tablet_t *tablet, uint8_t **bytes, tablet_image_t *image) {
    char *path = path_of(t, tablet->id), *text = NULL;
    size_t size = 0;
    apr_status_t status = file_read_all(path, MOST_BYTES, &text, &size);
    if (status == APR_SUCCESS && !tablet_image_open(image, text, size)) {
        log_warn(t->log, "%s is not a sound pull-log tablet and is not used; the action log says what was in it", path);
        status = QMQ_E_CORRUPT;
    }
    if (status != APR_SUCCESS) memory_free(text);
    *bytes = status == APR_SUCCESS ? (uint8_t *)text : NULL;
    memory_free(path);
    return status;
}

static void forget(pull_tablets_t *t, size_t index) {
    memory_free(t->at[index]);
    memmove(t->at + index, t->at + index + 1, (t->count - index - 1) * sizeof t->at[0]);
    t->count--;
}

apr_status_t pull_tablets_set_aside(pull_tablets_t *t, size_t index) {
    char *path = path_of(t, t->at[index]->id);
    char *aside = memory_printf("%s/.%lld.damaged", t->directory, (long long)t->at[index]->id);
    apr_status_t status = path_rename(path, aside);
    memory_free(aside);
    memory_free(path);
    if (status == APR_SUCCESS) forget(t, index);
    return status;
}

apr_status_t pull_tablets_save(pull_tablets_t *t, const void *bytes, size_t size) {
    char *path = path_of(t, t->at[t->count - 1]->id);
    apr_status_t status = file_replace(path, bytes, size);
    memory_free(path);
    return status;
}

apr_status_t pull_tablets_clean(pull_tablets_t *t, bool unused) {
    apr_status_t status = APR_SUCCESS;
    for (size_t i = t->count; status == APR_SUCCESS && i > 0; i--) {
        const pull_tablet_t *tablet = t->at[i - 1];
        if (!tablet->superseded && (!unused || atomic_load(&tablet->users) > 0)) continue;
        char *path = path_of(t, tablet->id);
        status = path_remove(path);
        if (APR_STATUS_IS_ENOENT(status)) status = APR_SUCCESS; /* one that could not be written */
        memory_free(path);
        if (status == APR_SUCCESS && atomic_load(&tablet->users) == 0) forget(t, i - 1);
    }
    return status;
}
