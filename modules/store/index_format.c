/* Which format the consumer logs of a store have: nothing in a file's name or place says so (storage.md 5.2). */
#include "base/cursor.h"
#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "protocol/subject.h"
#include "store/index_internal.h"

/* Consumer logs that are looked at. */
#define SAMPLES 10000

typedef struct samples {
    const consumer_logs_t *index;
    char *directory;
    int64_t count;
    char *v1; /* a file of this format, or NULL */
    char *v2;
    bool seen; /* in the directory */
} samples_t;

/* V1 begins with the upper bytes of a time, which are zero; nothing at all says nothing. */
static void look_into(samples_t *s, char *path) {
    uint8_t head[INDEX_V1];
    size_t got = 0;
    file_t *f = NULL;
    apr_status_t status = file_open(&f, path, IO_READ);
    if (status == APR_SUCCESS) status = file_read_at(f, head, sizeof head, 0, &got);
    (void)file_close(f); /* only read */
    cursor_t c = cursor_make(head, status == APR_SUCCESS ? got : 0);
    uint16_t first = cursor_u16(&c);
    int64_t rest = cursor_i64(&c);
    char **to = c.failed || (first == 0 && rest == 0) ? NULL : first == INDEX_V2_MAGIC ? &s->v2 : first == 0 ? &s->v1 : NULL;
    if (to != NULL && *to == NULL) {
        *to = path;
    } else {
        memory_free(path);
    }
}

static apr_status_t sample_file(void *arg, const char *name) {
    samples_t *s = arg;
    int64_t base = 0;
    if (name[0] == '.' || !id_parse_i64(view_of(name), &base)) return APR_SUCCESS;
    look_into(s, memory_printf("%s/%s", s->directory, name));
    s->seen = true;
    return APR_EOF; /* one is enough */
}

static apr_status_t sample_directory(void *arg, const char *name) {
    samples_t *s = arg;
    if (!subject_is_directory_name(view_of(name))) return APR_SUCCESS;
    s->directory = file_cache_directory(s->index->files, view_of(name));
    (void)directory_list(s->directory, sample_file, s); /* one that cannot be read is met again */
    memory_free(s->directory);
    return ++s->count < SAMPLES ? APR_SUCCESS : APR_EOF;
}

static qmq_error_t *judge(const samples_t *s, index_format_t wanted) {
    if (s->v1 != NULL && s->v2 != NULL) {
        return error_create(QMQ_E_INVALID,
                            "Restore the directory consumerlog from a time when it had one format, or delete it and the files "
                            "message-checkpoint.* so that it is made anew",
                            "the consumer logs have two formats: %s has entries of format V1, %s of format V2", s->v1, s->v2);
    }
    if (s->v1 != NULL && wanted == INDEX_V2) {
        return error_create(QMQ_E_INVALID, "Set consumerlog.v2.enable=false; a store keeps the format it was begun with",
                            "consumerlog.v2.enable is true, but %s has entries of format V1", s->v1);
    }
    return NULL;
}

apr_status_t consumer_logs_detect(consumer_logs_t *x, index_format_t wanted, qmq_error_t **error) {
    samples_t s = {.index = x};
    (void)directory_list(x->root, sample_directory, &s); /* there may be none */
    *error = judge(&s, wanted);
    x->format = s.v2 != NULL ? INDEX_V2 : s.v1 != NULL ? INDEX_V1 : wanted;
    if (s.v2 != NULL && wanted == INDEX_V1) log_info(x->log, "the consumer logs in %s have format V2, which is kept", x->root);
    memory_free(s.v1);
    memory_free(s.v2);
    return *error == NULL ? APR_SUCCESS : QMQ_E_INVALID;
}
