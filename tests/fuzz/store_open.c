/* A whole store in which one file is anything at all: the first byte says which. It opens or is refused with words; what it serves is read,
 * a message is added, it is closed and opened again. */
#include "base/memory.h"
#include "fuzz.h"
#include "portability/file.h"
#include "store/store.h"

#include <unistd.h>

#define FILES 10

static const char *const names[FILES] = {"messagelog/00000000000000000000",
                                         "messagelog/00000000000000016384",
                                         "actionlog/00000000000000000000",
                                         "consumerlog/s/00000000000000000000",
                                         "checkpoint/message-checkpoint.00000000000000000120",
                                         "checkpoint/action-checkpoint.00000000000000000074",
                                         "pulllog_smt/1",
                                         ".marker",
                                         "pulllog/c/g@s/00000000000000000000",
                                         "smt/00000000000000000000"};

static char root[256];

static char *path_of(const char *name) {
    return memory_printf("%s/%s", root, name);
}

static apr_status_t clear(void *arg, const char *name) {
    char *path = memory_printf("%s/%s", (const char *)arg, name);
    path_info_t info;
    if (path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_DIRECTORY) (void)directory_list(path, clear, path);
    (void)path_remove(path);
    memory_free(path);
    return APR_SUCCESS;
}

static void put(const char *name, const void *data, size_t size) {
    char *path = path_of(name), *slash = strrchr(path, '/');
    file_t *f = NULL;
    *slash = 0;
    FUZZ_REQUIRE(directory_create(path) == APR_SUCCESS);
    *slash = '/';
    FUZZ_REQUIRE(file_open(&f, path, IO_WRITE | IO_CREATE | IO_TRUNCATE) == APR_SUCCESS);
    FUZZ_REQUIRE(file_write_at(f, data, size, 0) == APR_SUCCESS && file_close(f) == APR_SUCCESS);
    memory_free(path);
}

static void read_group(void *arg, store_group_t *g) {
    (void)arg;
    for (int64_t pull = 0; pull < 4; pull++) (void)store_pull_lookup(g, view_of("c"), pull);
}

static void read_subject(void *arg, store_subject_t *s) {
    poll_options_t o = {.from = 0, .max = 20, .max_bytes = 65536, .entries_before_ms = INT64_MAX, .may_block = true};
    poll_result_t r;
    poll_result_init(&r);
    (void)store_poll(arg, s, &o, &r);
    poll_result_free(&r);
}

static void open_and_read(void) {
    static log_t log;
    log_init(&log, "fuzz");
    store_options_t o = {.root = root, .log = &log, .message_segment_size = 16384, .action_segment_size = 16384, .min_free_bytes = 1};
    store_t *s = NULL;
    qmq_error_t *error = NULL;
    apr_status_t status = store_open(&s, &o, &error);
    FUZZ_REQUIRE((status == APR_SUCCESS) == (s != NULL) && (error == NULL) == (s != NULL));
    qmq_error_free(error);
    if (s == NULL) return;
    store_subjects(s, read_subject, s);
    store_groups(s, read_group, NULL);
    store_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    if (root[0] == 0) {
        /* In memory where that can be had: every open and close syncs. */
        path_info_t memory;
        bool fast = path_inspect("/dev/shm", &memory) == APR_SUCCESS && memory.kind == PATH_DIRECTORY;
        (void)snprintf(root, sizeof root, "%s/qmq-fuzz-store-%ld", fast ? "/dev/shm" : "/tmp", (long)getpid());
        (void)log_to_file("/dev/null", 1 << 30, 1);
    }
    (void)directory_list(root, clear, root);
    put(names[data[0] % FILES], data + 1, size - 1);
    open_and_read();
    open_and_read();
    (void)directory_list(root, clear, root);
    (void)path_remove(root);
    return 0;
}
