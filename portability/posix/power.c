#include "portability/posix/power.h"

#include "portability/posix/power_image.h"
#include "portability/posix/system.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_DESCRIPTORS 8192

typedef struct node {
    struct node *next;
    bool directory;
    power_image_t image;
} node_t;

typedef struct name {
    char *path; /* below the root, "" is the root */
    node_t *node;
} name_t;

typedef struct names {
    name_t *at;
    size_t count;
    size_t capacity;
} names_t;

/* A change of a directory that no sync of it covers yet: path is bound to node, or to nothing. Of a rename there are two that belong
 * together. */
typedef struct binding {
    char *path;
    node_t *node;
    bool with_next;
} binding_t;

static struct power {
    pthread_mutex_t lock;
    char *root;
    size_t root_size;
    node_t *nodes;
    names_t live;
    names_t durable;
    binding_t *pending;
    size_t pending_count;
    size_t pending_capacity;
    node_t *of_descriptor[MAX_DESCRIPTORS];
    int64_t operations;
    int64_t cut_at; /* 0: never */
    power_loss_t loss;
    uint64_t random;
    char *to;
    bool cut;
} power = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void enter(void) {
    if (pthread_mutex_lock(&power.lock) != 0) system_fatal("power lock", 0);
}

static void leave(void) {
    if (pthread_mutex_unlock(&power.lock) != 0) system_fatal("power lock", 0);
}

/* Below the root, or NULL. */
static const char *inside(const char *path) {
    if (power.root == NULL || strncmp(path, power.root, power.root_size) != 0) return NULL;
    path += power.root_size;
    if (*path == 0) return path;
    return *path == '/' ? path + 1 : NULL;
}

static name_t *find(const names_t *n, const char *path) {
    for (size_t i = n->count; i-- > 0;) {
        if (strcmp(n->at[i].path, path) == 0) return &n->at[i];
    }
    return NULL;
}

static void bind_name(names_t *n, const char *path, node_t *node) {
    name_t *present = find(n, path);
    if (present != NULL) {
        present->node = node;
        return;
    }
    if (n->count == n->capacity) {
        n->capacity = n->capacity == 0 ? 64 : n->capacity * 2;
        n->at = realloc(n->at, n->capacity * sizeof n->at[0]);
        if (n->at == NULL) system_fatal("out of memory", 0);
    }
    n->at[n->count++] = (name_t){system_copy(path), node};
}

static node_t *node_of(const names_t *n, const char *path) {
    const name_t *name = find(n, path);
    return name == NULL ? NULL : name->node;
}

static node_t *make_node(bool directory) {
    node_t *node = system_alloc(sizeof *node);
    memset(node, 0, sizeof *node);
    node->directory = directory;
    node->next = power.nodes;
    power.nodes = node;
    return node;
}

static void change_name(const char *path, node_t *node, bool with_next) {
    if (power.pending_count == power.pending_capacity) {
        power.pending_capacity = power.pending_capacity == 0 ? 64 : power.pending_capacity * 2;
        power.pending = realloc(power.pending, power.pending_capacity * sizeof power.pending[0]);
        if (power.pending == NULL) system_fatal("out of memory", 0);
    }
    power.pending[power.pending_count++] = (binding_t){system_copy(path), node, with_next};
    bind_name(&power.live, path, node);
}

/* The state that is left, as files. */

static size_t parent_size(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool has_parent(const names_t *n, const char *path) {
    size_t size = parent_size(path);
    if (size == 0) return true;
    char *parent = strndup(path, size);
    if (parent == NULL) system_fatal("out of memory", 0);
    const node_t *node = node_of(n, parent);
    free(parent);
    return node != NULL && node->directory;
}

static void names_lost(names_t *left) {
    for (size_t i = 0; i < power.durable.count; i++) bind_name(left, power.durable.at[i].path, power.durable.at[i].node);
    size_t kept = power.loss == POWER_KEEPS_NONE ? 0 : power.pending_count;
    if (power.loss == POWER_KEEPS_FIRST) kept = power_random(&power.random) % (power.pending_count + 1);
    for (size_t i = 0; i < kept; i++) {
        bool keeps = power.loss != POWER_KEEPS_SOME || power_random(&power.random) % 2 == 0;
        const binding_t *b = &power.pending[i];
        if (keeps) bind_name(left, b->path, b->node);
        if (!b->with_next) continue;
        b = &power.pending[++i]; /* the other half of a rename */
        if (keeps) bind_name(left, b->path, b->node);
    }
}

static void write_node(const name_t *name, const node_t *tears) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", power.to, name->path);
    if (name->node->directory) {
        if (mkdir(path, 0777) != 0 && errno != EEXIST) system_fatal(path, errno);
        return;
    }
    power_bytes_t bytes;
    power_image_lose(&name->node->image, power.loss, &power.random, tears == name->node, &bytes);
    FILE *f = fopen(path, "we");
    if (f == NULL || fwrite(bytes.data, 1, bytes.size, f) != bytes.size || fclose(f) != 0) system_fatal(path, errno);
    free(bytes.data);
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const name_t *)a)->path, ((const name_t *)b)->path);
}

static void free_names(names_t *n) {
    for (size_t i = 0; i < n->count; i++) free(n->at[i].path);
    free(n->at);
    memset(n, 0, sizeof *n);
}

static void write_state(const node_t *tears) {
    names_t left = {NULL, 0, 0};
    names_lost(&left);
    qsort(left.at, left.count, sizeof left.at[0], by_path); /* directories first */
    if (mkdir(power.to, 0777) != 0 && errno != EEXIST) system_fatal(power.to, errno);
    for (size_t i = 0; i < left.count; i++) {
        name_t *name = &left.at[i];
        if (!has_parent(&left, name->path)) name->node = NULL; /* and so nothing below it */
        if (name->node != NULL && name->path[0] != 0) write_node(name, tears);
    }
    free_names(&left);
    power.cut = true;
}

/* With the lock held: one more operation; the state is taken in front of it, with `tears` half done. */
static void count_operation(const node_t *tears) {
    power.operations++;
    if (!power.cut && power.cut_at != 0 && power.operations >= power.cut_at) write_state(tears);
}

/* What is there at the beginning. */

static void load_file(const char *path, node_t *node) {
    FILE *f = fopen(path, "re");
    struct stat info;
    if (f == NULL || fstat(fileno(f), &info) != 0) system_fatal(path, errno);
    power_bytes_t *b = &node->image.durable;
    b->size = (size_t)info.st_size;
    b->data = system_alloc(b->size == 0 ? 1 : b->size);
    if (fread(b->data, 1, b->size, f) != b->size || fclose(f) != 0) system_fatal(path, errno);
}

static char *joined(const char *front, const char *back) {
    size_t size = strlen(front) + strlen(back) + 2;
    char *path = system_alloc(size);
    (void)snprintf(path, size, *front == 0 || *back == 0 ? "%s%s" : "%s/%s", front, back);
    return path;
}

static void load(const char *relative);

static void load_entry(const char *relative, const char *entry) {
    char *name = joined(relative, entry), *path = joined(power.root, name);
    struct stat info;
    if (stat(path, &info) != 0) system_fatal(path, errno);
    node_t *node = make_node(S_ISDIR(info.st_mode));
    if (!node->directory) load_file(path, node);
    bind_name(&power.live, name, node);
    bind_name(&power.durable, name, node);
    if (node->directory) load(name);
    free(path);
    free(name);
}

static void load(const char *relative) {
    char *path = joined(power.root, relative);
    DIR *d = opendir(path);
    free(path);
    if (d == NULL) return;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) load_entry(relative, e->d_name);
    }
    (void)closedir(d);
}

void power_watch(const char *root) {
    power_end();
    enter();
    power.root = system_copy(root);
    power.root_size = strlen(root);
    load("");
    leave();
}

void power_cut_at(int64_t nth, power_loss_t loss, uint64_t seed, const char *to) {
    enter();
    free(power.to);
    power.to = system_copy(to);
    power.loss = loss;
    power.random = seed;
    power.cut_at = power.operations + nth;
    power.cut = false;
    leave();
}

int64_t power_operations(void) {
    enter();
    int64_t n = power.operations;
    leave();
    return n;
}

bool power_was_cut(void) {
    enter();
    bool cut = power.cut;
    leave();
    return cut;
}

void power_cut_now(void) {
    enter();
    if (!power.cut) write_state(NULL);
    leave();
}

void power_end(void) {
    enter();
    while (power.nodes != NULL) {
        node_t *next = power.nodes->next;
        power_image_free(&power.nodes->image);
        free(power.nodes);
        power.nodes = next;
    }
    free_names(&power.live);
    free_names(&power.durable);
    for (size_t i = 0; i < power.pending_count; i++) free(power.pending[i].path);
    free(power.pending);
    free(power.root);
    free(power.to);
    power.root = power.to = NULL;
    power.pending = NULL;
    power.pending_count = power.pending_capacity = 0;
    power.operations = power.cut_at = 0;
    power.cut = false;
    memset(power.of_descriptor, 0, sizeof power.of_descriptor);
    leave();
}

/* Notes. */

void power_note_open(const char *path, int fd) {
    enter();
    const char *name = inside(path);
    if (name != NULL && fd < MAX_DESCRIPTORS) {
        node_t *node = node_of(&power.live, name);
        if (node == NULL) {
            count_operation(NULL);
            node = make_node(false);
            change_name(name, node, false);
        }
        power.of_descriptor[fd] = node;
    }
    leave();
}

void power_note_close(int fd) {
    enter();
    if (fd < MAX_DESCRIPTORS) power.of_descriptor[fd] = NULL;
    leave();
}

static node_t *node_of_descriptor(int fd) {
    return fd >= 0 && fd < MAX_DESCRIPTORS ? power.of_descriptor[fd] : NULL;
}

void power_note_write(int fd, const io_slice_t *slices, size_t count, int64_t offset, size_t size) {
    enter();
    node_t *node = node_of_descriptor(fd);
    if (node != NULL) {
        power_image_write(&node->image, slices, count, offset, size);
        count_operation(node);
    }
    leave();
}

void power_note_size(int fd, int64_t size, bool grows) {
    enter();
    node_t *node = node_of_descriptor(fd);
    if (node != NULL) {
        power_image_resize(&node->image, size, grows);
        count_operation(node);
    }
    leave();
}

size_t power_sync_begins(int fd) {
    enter();
    const node_t *node = node_of_descriptor(fd);
    size_t begun = node == NULL ? 0 : power_image_changes(&node->image);
    leave();
    return begun;
}

void power_note_sync(int fd, size_t begun) {
    enter();
    node_t *node = node_of_descriptor(fd);
    if (node != NULL) {
        count_operation(NULL);
        power_image_sync(&node->image, begun);
    }
    leave();
}

void power_note_rename(const char *from, const char *to) {
    enter();
    const char *old = inside(from), *new = inside(to);
    node_t *node = old == NULL ? NULL : node_of(&power.live, old);
    if (node != NULL && new != NULL) {
        count_operation(NULL);
        change_name(new, node, true);
        change_name(old, NULL, false);
    }
    leave();
}

void power_note_remove(const char *path) {
    enter();
    const char *name = inside(path);
    if (name != NULL && node_of(&power.live, name) != NULL) {
        count_operation(NULL);
        change_name(name, NULL, false);
    }
    leave();
}

void power_note_directory(const char *path) {
    enter();
    const char *name = inside(path);
    if (name != NULL && *name != 0 && node_of(&power.live, name) == NULL) {
        count_operation(NULL);
        change_name(name, make_node(true), false);
    }
    leave();
}

void power_note_directory_sync(const char *path) {
    enter();
    const char *name = inside(path);
    size_t left = 0;
    if (name != NULL) count_operation(NULL);
    for (size_t i = 0; name != NULL && i < power.pending_count; i++) {
        binding_t b = power.pending[i];
        size_t size = strlen(name);
        while (size > 0 && name[size - 1] == '/') size--;
        if (parent_size(b.path) == size && strncmp(b.path, name, size) == 0) {
            bind_name(&power.durable, b.path, b.node);
            free(b.path);
        } else {
            power.pending[left++] = b;
        }
    }
    if (name != NULL) power.pending_count = left;
    leave();
}

void power_note_whole_sync(void) {
    enter();
    if (power.root != NULL) count_operation(NULL);
    for (node_t *n = power.nodes; n != NULL; n = n->next) power_image_sync(&n->image, power_image_changes(&n->image));
    for (size_t i = 0; i < power.pending_count; i++) {
        bind_name(&power.durable, power.pending[i].path, power.pending[i].node);
        free(power.pending[i].path);
    }
    power.pending_count = 0;
    leave();
}
