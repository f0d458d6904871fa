#include "store/file_cache.h"

#include "base/memory.h"
#include "base/table.h"
#include "portability/thread.h"

#include <string.h>

#define NAME_DIGITS 20

typedef struct file_key {
    uint64_t subject; /* its address; both of one size, so that there is no padding in the key */
    int64_t base;
} file_key_t;

typedef struct entry {
    cached_file_t cached; /* first */
    file_key_t key;
    int users;
    struct entry *older; /* idle entries, from newest to oldest; only while users == 0 */
    struct entry *newer;
} entry_t;

struct file_cache {
    const char *root;
    size_t root_size;
    size_t limit;
    mutex_t lock;
    table_t table;
    entry_t *newest;
    entry_t *oldest;
};

static view_t entry_key(const void *value) {
    return view_make(&((const entry_t *)value)->key, sizeof(file_key_t));
}

file_cache_t *file_cache_create(const char *root, int limit) {
    file_cache_t *c = memory_zalloc(sizeof *c);
    c->root = root;
    c->root_size = strlen(root);
    c->limit = (size_t)limit;
    mutex_init(&c->lock);
    table_init(&c->table, entry_key);
    return c;
}

static void entry_free(entry_t *e) {
    (void)file_close(e->cached.file); /* what was written and is lost here is written again by the next replay */
    memory_free(e);
}

void file_cache_destroy(file_cache_t *c) {
    if (c == NULL) return;
    size_t at = 0;
    for (void *e; (e = table_next(&c->table, &at)) != NULL;) entry_free(e);
    table_free(&c->table);
    mutex_destroy(&c->lock);
    memory_free(c);
}

char *file_cache_directory(const file_cache_t *c, view_t subject) {
    return memory_printf("%s/%.*s", c->root, VIEW_ARG(subject));
}

/* With the lock held. */
static void unlink_idle(file_cache_t *c, entry_t *e) {
    *(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
    e->newer = e->older = NULL;
}

/* With the lock held. */
static entry_t *use(file_cache_t *c, const file_key_t *key) {
    entry_t *e = table_get(&c->table, view_make(key, sizeof *key));
    if (e == NULL) return NULL;
    if (e->users++ == 0) unlink_idle(c, e);
    return e;
}

/* Put together by hand: a checkpoint opens a file of every subject. memory_free it. */
static char *file_path(const file_cache_t *c, view_t subject, int64_t base) {
    char *path = memory_alloc(c->root_size + subject.size + NAME_DIGITS + 3);
    char *to = path;
    memcpy(to, c->root, c->root_size);
    to += c->root_size;
    *to++ = '/';
    memcpy(to, subject.data, subject.size);
    to += subject.size;
    *to++ = '/';
    for (int i = NAME_DIGITS - 1; i >= 0; i--, base /= 10) to[i] = (char)('0' + base % 10);
    to[NAME_DIGITS] = '\0';
    return path;
}

static apr_status_t open_file(file_cache_t *c, const store_subject_t *subject, int64_t base, bool create, file_t **out) {
    int flags = IO_READ | IO_WRITE | IO_SPARSE;
    char *path = file_path(c, subject_name(subject), base);
    apr_status_t status = file_open(out, path, flags); /* mostly it is there, and opening without leave to create costs less */
    if (create && APR_STATUS_IS_ENOENT(status)) {
        char *directory = file_cache_directory(c, subject_name(subject));
        status = directory_create(directory);
        if (status == APR_SUCCESS) status = file_open(out, path, flags | IO_CREATE);
        memory_free(directory);
    }
    memory_free(path);
    return status;
}

/* With the lock held: takes what is too much out; the caller closes the chain after unlocking. */
static entry_t *evict(file_cache_t *c) {
    entry_t *evicted = NULL;
    while (c->table.count > c->limit && c->oldest != NULL) {
        entry_t *e = c->oldest;
        unlink_idle(c, e);
        table_remove(&c->table, entry_key(e));
        e->older = evicted;
        evicted = e;
    }
    return evicted;
}

static void close_all(entry_t *e) {
    while (e != NULL) {
        entry_t *next = e->older;
        entry_free(e);
        e = next;
    }
}

apr_status_t file_cache_open(file_cache_t *c, const store_subject_t *subject, int64_t base, bool create, cached_file_t **out) {
    file_key_t key = {(uint64_t)(uintptr_t)subject, base};
    mutex_lock(&c->lock);
    entry_t *e = use(c, &key);
    mutex_unlock(&c->lock);
    if (e == NULL) {
        entry_t *made = memory_zalloc(sizeof *made);
        apr_status_t status = open_file(c, subject, base, create, &made->cached.file);
        if (status != APR_SUCCESS) {
            memory_free(made);
            return status;
        }
        made->key = key;
        made->users = 1;
        mutex_lock(&c->lock);
        e = use(c, &key); /* somebody else may have been faster */
        if (e == NULL) {
            table_put(&c->table, made);
            e = made;
        }
        entry_t *evicted = evict(c);
        mutex_unlock(&c->lock);
        if (e != made) entry_free(made);
        close_all(evicted);
    }
    *out = &e->cached;
    return APR_SUCCESS;
}

cached_file_t *file_cache_open_cached(file_cache_t *c, const store_subject_t *subject, int64_t base) {
    file_key_t key = {(uint64_t)(uintptr_t)subject, base};
    mutex_lock(&c->lock);
    entry_t *e = use(c, &key);
    mutex_unlock(&c->lock);
    return e == NULL ? NULL : &e->cached;
}

void file_cache_release(file_cache_t *c, cached_file_t *f) {
    entry_t *e = (entry_t *)f;
    mutex_lock(&c->lock);
    if (--e->users == 0) {
        e->older = c->newest;
        *(c->newest != NULL ? &c->newest->newer : &c->oldest) = e;
        c->newest = e;
    }
    entry_t *evicted = evict(c);
    mutex_unlock(&c->lock);
    close_all(evicted);
}

int64_t file_cache_count(file_cache_t *c) {
    mutex_lock(&c->lock);
    int64_t n = (int64_t)c->table.count;
    mutex_unlock(&c->lock);
    return n;
}
