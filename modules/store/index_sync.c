/* Making the files of the index durable. */
#include "base/memory.h"
#include "store/index_internal.h"

#include <string.h>

/* More files than this are left to one sync of the whole file system. */
#define FEW_FILES 16

static apr_status_t sync_file(consumer_logs_t *x, const store_subject_t *s) {
    cached_file_t *f = NULL;
    apr_status_t status = file_cache_open(x->files, s, index_file_base(x, s->persisted - 1), false, &f);
    if (status != APR_SUCCESS) return status;
    status = file_data_sync(f->file);
    file_cache_release(x->files, f);
    char *directory = file_cache_directory(x->files, subject_name(s));
    if (status == APR_SUCCESS) status = directory_sync(directory);
    memory_free(directory);
    return status;
}

static apr_status_t sync_each(consumer_logs_t *x, const subject_list_t *list) {
    apr_status_t status = APR_SUCCESS;
    for (size_t i = 0; status == APR_SUCCESS && i < list->count; i++) {
        if (list->at[i]->persisted > 0) status = sync_file(x, list->at[i]);
    }
    if (status == APR_SUCCESS) status = directory_sync(x->root);
    if (status != APR_SUCCESS || x->root_synced) return status;
    const char *slash = strrchr(x->root, '/');
    char *parent = memory_strndup(x->root, slash == NULL ? 0 : (size_t)(slash - x->root));
    status = directory_sync(parent);
    x->root_synced = status == APR_SUCCESS;
    memory_free(parent);
    return status;
}

apr_status_t consumer_logs_sync(consumer_logs_t *x) {
    subject_list_t *list = &x->unsynced;
    if (list->count == 0) return APR_SUCCESS;
    apr_status_t status = list->count > FEW_FILES ? file_system_sync(x->root) : APR_ENOTIMPL;
    if (status == APR_ENOTIMPL) status = sync_each(x, list);
    if (status != APR_SUCCESS) return status;
    for (size_t i = 0; i < list->count; i++) {
        mutex_lock(index_lock_of(x, list->at[i]));
        list->at[i]->unsynced = false;
        mutex_unlock(index_lock_of(x, list->at[i]));
    }
    memory_free(list->at);
    memset(list, 0, sizeof *list);
    return APR_SUCCESS;
}
