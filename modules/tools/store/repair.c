/* repair: what verify names, one kind at a time, and only with --write. Every repair takes something away that the next start makes anew,
 * or that nothing can be made of. */
#include "tools/store/inspect.h"

#include "base/memory.h"
#include "base/status.h"
#include "store/store_internal.h"

#include <string.h>

static const char *const kinds[] = {"tail", "index", "snapshots", "tablets", "marker"};

static bool is_kind(const char *what) {
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        if (strcmp(kinds[k], what) == 0) return true;
    }
    return false;
}

/* Cuts the file where its sound front ends. */
static apr_status_t cut(const finding_t *one) {
    file_t *f = NULL;
    apr_status_t rv = file_open(&f, one->file, IO_READ | IO_WRITE);
    if (rv == APR_SUCCESS) rv = file_truncate(f, one->position);
    if (rv == APR_SUCCESS) rv = file_data_sync(f);
    apr_status_t closed = file_close(f);
    return rv == APR_SUCCESS ? closed : rv;
}

typedef struct removal {
    const char *directory;
    const char *start;
    apr_status_t status;
} removal_t;

static apr_status_t remove_one(void *arg, const char *name) {
    removal_t *r = arg;
    if (strncmp(name, r->start, strlen(r->start)) != 0) return APR_SUCCESS;
    char *path = memory_printf("%s/%s", r->directory, name);
    r->status = path_remove(path);
    memory_free(path);
    return r->status;
}

/* The index is made anew from the message log when the snapshots that say how much of it there is are gone. */
static apr_status_t remove_index_snapshots(const inspector_t *i) {
    char *directory = memory_printf("%s/checkpoint", i->root);
    removal_t r = {directory, "message-checkpoint", APR_SUCCESS};
    apr_status_t rv = directory_list(directory, remove_one, &r);
    if (APR_STATUS_IS_ENOENT(rv)) rv = APR_SUCCESS;
    memory_free(directory);
    return rv != APR_SUCCESS ? rv : r.status;
}

static void say(inspector_t *i, const finding_t *one, const char *done) {
    if (i->json) {
        inspector_print(i, json_pack("{s:s, s:s, s:s, s:s}", "kind", "repair", "file", one->file, "what", i->what, "done", done));
        return;
    }
    if (strcmp(i->what, "tail") == 0)
        (void)fprintf(i->out, "%s: %s at byte %lld, %lld bytes are given up\n", one->file, done, (long long)one->position,
                      (long long)one->size);
    else
        (void)fprintf(i->out, "%s: %s, the next start makes it anew or does without\n", one->file, done);
}

static apr_status_t repair_one(inspector_t *i, const finding_t *one) {
    bool tail = strcmp(i->what, "tail") == 0;
    if (!i->write) {
        say(i, one, tail ? "would be cut" : "would be deleted");
        return APR_SUCCESS;
    }
    apr_status_t rv = APR_SUCCESS;
    if (strcmp(i->what, "index") == 0) rv = remove_index_snapshots(i);
    if (rv == APR_SUCCESS) rv = tail ? cut(one) : path_remove(one->file);
    char cause[160];
    if (rv == APR_SUCCESS)
        say(i, one, tail ? "cut" : "deleted");
    else
        (void)fprintf(i->err, "%s: %s\n", one->file, status_text(rv, cause, sizeof cause));
    return rv;
}

static int repair_all(inspector_t *i) {
    findings_t f;
    int code = findings_make(i, &f) ? STORE_SOUND : STORE_UNREADABLE;
    size_t count = 0;
    for (size_t k = 0; code == STORE_SOUND && k < f.count; k++) {
        if (f.items[k].repair == NULL || strcmp(f.items[k].repair, i->what) != 0) continue;
        count++;
        if (repair_one(i, &f.items[k]) != APR_SUCCESS) code = STORE_UNREADABLE;
    }
    findings_free(&f);
    if (code == STORE_SOUND && count == 0 && !i->json) (void)fprintf(i->out, "nothing of this kind is to be repaired\n");
    if (code == STORE_SOUND && count > 0 && !i->write) {
        (void)fprintf(i->err, "nothing was changed; with --write it is. Keep a copy of the store first\n");
        code = STORE_DAMAGED;
    }
    return code;
}

int command_repair(inspector_t *i) {
    if (i->what == NULL || !is_kind(i->what)) {
        (void)fprintf(i->err, "repair needs --what tail, index, snapshots, tablets or marker, as verify names it\n");
        return STORE_USAGE;
    }
    if (!i->write) return repair_all(i);
    file_t *lock = NULL;
    qmq_error_t *error = NULL;
    int code = STORE_UNREADABLE;
    if (store_lock(i->root, &lock, &error) == APR_SUCCESS) {
        code = repair_all(i);
    } else {
        char *line = error_line(error);
        (void)fprintf(i->err, "%s\n", line);
        memory_free(line);
        qmq_error_free(error);
    }
    (void)file_close(lock); /* gives the lock back */
    return code;
}
