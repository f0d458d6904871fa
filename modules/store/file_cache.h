/* Open files of consumer logs, at most so many; the one unused for longest is closed first. Any thread. */
#ifndef QMQ_STORE_FILE_CACHE_H
#define QMQ_STORE_FILE_CACHE_H

#include "portability/file.h"
#include "store/subject_table.h"

typedef struct file_cache file_cache_t;
/* An open file, held until file_cache_release. */
typedef struct cached_file {
    file_t *file;
} cached_file_t;

/* root: directory of the subject directories, with the store's life time. */
file_cache_t *file_cache_create(const char *root, int limit);
void file_cache_destroy(file_cache_t *c);
/* The consumer-log file of the subject that begins at byte `base`; with `create` it and its directory are made when missing, else
 * APR_ENOENT. May block. */
apr_status_t file_cache_open(file_cache_t *c, const store_subject_t *subject, int64_t base, bool create, cached_file_t **out);
/* The same when it is open already, else NULL. Never blocks. */
cached_file_t *file_cache_open_cached(file_cache_t *c, const store_subject_t *subject, int64_t base);
void file_cache_release(file_cache_t *c, cached_file_t *f);
int64_t file_cache_count(file_cache_t *c);
/* Directory of a subject; memory_free it. */
char *file_cache_directory(const file_cache_t *c, view_t subject);

#endif
