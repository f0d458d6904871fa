#include "store/offset_file.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "store/store_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".offset"

static char *path_of(const segmented_log_t *l, int64_t base) {
    return memory_printf("%s/.%020lld" SUFFIX, l->directory, (long long)base);
}

typedef struct collected {
    store_t *store;
    int64_t base;
    json_t *object;
    bool failed;
} collected_t;

static void collect(void *arg, store_subject_t *subject) {
    collected_t *c = arg;
    int64_t sequence = 0;
    if (consumer_log_first_from(&c->store->index, subject, c->base, &sequence) != APR_SUCCESS) c->failed = true;
    if (sequence > 0) (void)json_object_set_new_nocheck(c->object, subject->name, json_integer(sequence - 1));
}

static apr_status_t write_file(store_t *s, int64_t base, const char *path) {
    collected_t c = {s, base, json_object(), false};
    subject_table_each(&s->subjects, collect, &c);
    char *text = json_dumps(c.object, JSON_COMPACT);
    json_decref(c.object);
    if (c.failed || text == NULL) {
        free(text);
        return APR_EGENERAL;
    }
    apr_status_t status = file_replace(path, text, strlen(text));
    free(text);
    return status;
}

void offset_files_write(store_t *s) {
    segmented_log_t *l = &s->messages.segments;
    int64_t end = segmented_log_end(l);
    if (end == 0) return;
    int64_t base = segmented_log_base(l, end - 1);
    char *path = path_of(l, base);
    path_info_t info;
    apr_status_t status = path_inspect(path, &info);
    if (status == APR_SUCCESS && info.kind == PATH_MISSING) status = write_file(s, base, path);
    char text[160];
    if (status != APR_SUCCESS)
        log_warn(s->options.log, "cannot write %s: %s; it is tried again", path, status_text(status, text, sizeof text));
    memory_free(path);
}

static apr_status_t forget(void *arg, const char *name) {
    segmented_log_t *l = arg;
    size_t size = strlen(name);
    int64_t base = 0;
    if (name[0] != '.' || size <= sizeof SUFFIX || strcmp(name + size - strlen(SUFFIX), SUFFIX) != 0) return APR_SUCCESS;
    if (!id_parse_i64(view_make(name + 1, size - 1 - strlen(SUFFIX)), &base) || base >= segmented_log_min(l)) return APR_SUCCESS;
    char *path = memory_printf("%s/%s", l->directory, name);
    (void)path_remove(path); /* the original ignores one that is left over */
    memory_free(path);
    return APR_SUCCESS;
}

void offset_files_forget(segmented_log_t *l) {
    (void)directory_list(l->directory, forget, l);
}
