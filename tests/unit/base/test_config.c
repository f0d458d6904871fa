#include "base/config.h"
#include "base/memory.h"
#include "base/status.h"
#include "portability/file.h"
#include "portability/thread.h"
#include "suites.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static const config_key_t server_keys[] = {
    {"server.properties", "server.port", CONFIG_INT, "20881", 0, 65535, false, "TCP port."},
    {"server.properties", "queue.size", CONFIG_INT, "50000", 1, 1000000, true, "Entries."},
    {"server.properties", "free.number", CONFIG_INT, NULL, 0, 0, true, "Any number."},
    {"server.properties", "wait.slave", CONFIG_BOOL, "false", 0, 0, true, "Waits."},
    {"server.properties", "rate", CONFIG_DOUBLE, "50", 0, 1000, true, "A second."},
    {"server.properties", "endpoint", CONFIG_STRING, NULL, 0, 0, true, "URL."},
    {"server.properties", "store.root", CONFIG_PATH, "data", 0, 0, false, "Directory."},
    {"server.properties", "api.token", CONFIG_STRING, NULL, 0, 0, true, "Secret."},
    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, false, NULL},
};

static const config_key_t monitor_keys[] = {
    {"monitor.properties", "monitor.type", CONFIG_STRING, "prometheus", 0, 0, false, "Kind."},
    {"monitor.properties", "monitor.port", CONFIG_INT, "3333", 0, 65535, false, "Port."},
    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, false, NULL},
};

static const config_key_t *const tables[] = {server_keys, monitor_keys, NULL};

/* One configuration directory a test, with its log beside it. */
static char directory[1000];
static char log_file[1100];
static log_t log_name;

static void begin(const char *name) {
    (void)snprintf(directory, sizeof directory, "%s/%s/conf", test_directory(), name);
    (void)snprintf(log_file, sizeof log_file, "%s/config.log", directory);
    CU_ASSERT_EQUAL_FATAL(directory_create(directory), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(log_to_file(log_file, 0, 0), APR_SUCCESS);
    log_init(&log_name, "test");
}

static void write_conf(const char *file, const char *text) {
    char path[1100];
    (void)snprintf(path, sizeof path, "%s/%s", directory, file);
    CU_ASSERT_EQUAL_FATAL(file_replace(path, text, strlen(text)), APR_SUCCESS);
}

static config_options_t options(void) {
    return (config_options_t){.directory = directory, .tables = tables, .path_base = "/opt/qmq", .log = &log_name};
}

static config_source_t *open_or_fail(const config_options_t *o) {
    qmq_error_t *e = NULL;
    config_source_t *s = config_open(o, &e);
    if (s == NULL) CU_FAIL(qmq_error_message(e));
    if (s == NULL) printf("%s\n", qmq_error_message(e));
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    return s;
}

/* Where "DIR" stands for the directory. */
static char *with_directory(const char *text) {
    char *all = memory_strdup("");
    for (const char *at = text;;) {
        const char *mark = strstr(at, "DIR");
        size_t size = mark == NULL ? strlen(at) : (size_t)(mark - at);
        char *longer = memory_printf("%s%.*s%s", all, (int)size, at, mark == NULL ? "" : directory);
        memory_free(all);
        all = longer;
        if (mark == NULL) return all;
        at = mark + 3;
    }
}

static bool is_text(const char *got, const char *expected) {
    char *full = with_directory(expected);
    bool same = got != NULL && strcmp(got, full) == 0;
    if (!same) printf("--- expected\n%s\n--- got\n%s\n", full, got == NULL ? "(null)" : got);
    memory_free(full);
    return same;
}

/* Paths come absolute: with a drive where there are drives. */
static bool is_path(const char *got, const char *expected) {
    char *full = NULL;
    bool same = path_absolute(expected, NULL, &full) == APR_SUCCESS && got != NULL && strcmp(got, full) == 0;
    free(full);
    return same;
}

static void refused(const config_options_t *o, const char *message, const char *remedy) {
    qmq_error_t *e = NULL;
    CU_ASSERT_PTR_NULL(config_open(o, &e));
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_TRUE(is_text(qmq_error_message(e), message));
    CU_ASSERT_TRUE(is_text(qmq_error_remedy(e), remedy));
    qmq_error_free(e);
}

static size_t count_logged(const char *line) {
    char *text = NULL;
    size_t size = 0;
    size_t count = 0;
    if (file_read_all(log_file, 1 << 20, &text, &size) != APR_SUCCESS) return 0;
    char *full = with_directory(line);
    for (const char *at = strstr(text, full); at != NULL; at = strstr(at + 1, full)) count++;
    if (count == 0) printf("--- no line with\n%s\n--- in\n%s", full, text);
    memory_free(full);
    free(text);
    return count;
}

static bool logged(const char *line) {
    return count_logged(line) > 0;
}

static bool log_is_empty(void) {
    path_info_t info = {PATH_MISSING, 0, 0};
    return path_inspect(log_file, &info) == APR_SUCCESS && info.size == 0;
}

static void config_defaults(void) {
    begin("defaults");
    config_options_t o = options();
    config_source_t *s = open_or_fail(&o);
    config_t *c = config_current(s);
    CU_ASSERT_EQUAL(config_int(c, "server.port"), 20881);
    CU_ASSERT_EQUAL(config_bool(c, "wait.slave"), false);
    CU_ASSERT_EQUAL(config_double(c, "rate"), 50);
    CU_ASSERT_PTR_NULL(config_string(c, "endpoint"));
    CU_ASSERT_STRING_EQUAL(config_string(c, "monitor.type"), "prometheus");
    CU_ASSERT_TRUE(is_path(config_string(c, "store.root"), "/opt/qmq/data"));
    CU_ASSERT_FALSE(config_is_set(c, "server.port"));
    CU_ASSERT_STRING_EQUAL(config_origin(c, "server.port"), "default");
    CU_ASSERT_STRING_EQUAL(config_directory(s), directory);
    config_release(c);
    config_close(s);
    CU_ASSERT_TRUE(log_is_empty());
}

static void config_files_and_overrides(void) {
    begin("values");
    write_conf("server.properties", "server.port = 1\n"
                                    "queue.size=\n"
                                    "wait.slave = TRUE\n"
                                    "rate: 2.5e1\n"
                                    "endpoint http://127.0.0.1:8080/meta/address\n"
                                    "store.root = /data\n");
    write_conf("monitor.properties", "monitor.port=4\n");
    static const char *const overrides[] = {"server.port=2", "server.port= 3 ", "monitor.port=5", "rate=", "endpoint=a=b", NULL};
    config_options_t o = options();
    config_source_t *s = open_or_fail(&o);
    config_t *c = config_current(s);
    CU_ASSERT_EQUAL(config_int(c, "server.port"), 1);
    CU_ASSERT_EQUAL(config_int(c, "queue.size"), 50000); /* blank is absent */
    CU_ASSERT_FALSE(config_is_set(c, "queue.size"));
    CU_ASSERT_TRUE(config_bool(c, "wait.slave"));
    CU_ASSERT_EQUAL(config_double(c, "rate"), 25);
    CU_ASSERT_TRUE(is_path(config_string(c, "store.root"), "/data"));
    CU_ASSERT_TRUE(is_text(config_origin(c, "rate"), "DIR/server.properties:4"));
    config_close(s);
    CU_ASSERT_EQUAL(config_int(c, "monitor.port"), 4); /* the snapshot outlives its source */
    config_release(c);

    o.overrides = overrides;
    s = open_or_fail(&o);
    c = config_current(s);
    CU_ASSERT_EQUAL(config_int(c, "server.port"), 3); /* the last one */
    CU_ASSERT_EQUAL(config_int(c, "monitor.port"), 5);
    CU_ASSERT_EQUAL(config_double(c, "rate"), 50); /* blank takes the file's value away */
    CU_ASSERT_STRING_EQUAL(config_string(c, "endpoint"), "a=b");
    CU_ASSERT_TRUE(config_is_set(c, "server.port"));
    CU_ASSERT_STRING_EQUAL(config_origin(c, "server.port"), "--set");
    config_release(c);
    config_close(s);
    CU_ASSERT_TRUE(log_is_empty());
}

static void config_numbers_are_checked_at_open(void) {
    begin("numbers");
    config_options_t o = options();
    write_conf("server.properties", "# comment\nserver.port = 65536\n");
    refused(&o, "DIR/server.properties:2: server.port=65536 is out of range, it must be a whole number from 0 to 65535",
            "Give a whole number from 0 to 65535, or remove the line to get the default 20881");
    write_conf("server.properties", "server.port = 20881x\n");
    refused(&o, "DIR/server.properties:1: server.port=20881x is no valid number, it must be a whole number from 0 to 65535",
            "Give a whole number from 0 to 65535, or remove the line to get the default 20881");
    write_conf("server.properties", "free.number = 99999999999999999999\n");
    refused(&o, "DIR/server.properties:1: free.number=99999999999999999999 is no valid number, it must be a whole number",
            "Give a whole number, or remove the line");
    static const char *const wrong[] = {"rate=1e4", "rate=-1", "rate=0x10", "rate=1d", "rate=nan", "rate=1e999", "rate=.", "rate=1 2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        qmq_error_t *e = NULL;
        write_conf("server.properties", wrong[i]);
        CU_ASSERT_PTR_NULL(config_open(&o, &e));
        CU_ASSERT_EQUAL(qmq_error_status(e), QMQ_E_INVALID);
        qmq_error_free(e);
    }
    static const char *const overrides[] = {"queue.size=0", NULL};
    write_conf("server.properties", "");
    o.overrides = overrides;
    refused(&o, "--set queue.size=0 is out of range, it must be a whole number from 1 to 1000000",
            "Give a whole number from 1 to 1000000, or leave the option out to get the default 50000");
}

static void config_odd_boolean_warns_and_is_false(void) {
    begin("booleans");
    write_conf("server.properties", "\nwait.slave = yes\n");
    config_options_t o = options();
    config_source_t *s = open_or_fail(&o);
    config_t *c = config_current(s);
    CU_ASSERT_FALSE(config_bool(c, "wait.slave"));
    config_release(c);
    config_close(s);
    CU_ASSERT_TRUE(logged(" WARN  [test] DIR/server.properties:2: wait.slave=yes is neither true nor false and counts as false\n"));
}

static void config_unknown_keys_are_named_once_with_the_nearest(void) {
    begin("unknown");
    write_conf("server.properties", "server.prot=1\nmonitor.port=5\n");
    config_options_t o = options();
    config_source_t *s = open_or_fail(&o);
    CU_ASSERT_EQUAL(
        count_logged(" WARN  [test] DIR/server.properties:1: unknown key server.prot is ignored; the nearest known key is server.port\n"),
        1);
    CU_ASSERT_EQUAL(
        count_logged(" WARN  [test] DIR/server.properties:2: the key monitor.port is ignored here, it belongs in monitor.properties\n"), 1);
    CU_ASSERT_FALSE(config_reload(s, true));
    CU_ASSERT_EQUAL(count_logged("server.prot"), 1);
    config_t *c = config_current(s);
    CU_ASSERT_EQUAL(config_int(c, "monitor.port"), 3333);
    config_release(c);
    config_close(s);
}

static void config_unknown_override_is_refused(void) {
    begin("override");
    config_options_t o = options();
    static const char *const unknown[] = {"server.port=1", "store.rot=/x", NULL};
    static const char *const no_value[] = {"store.root", NULL};
    o.overrides = unknown;
    refused(&o, "--set store.rot: unknown key", "The nearest known key is store.root");
    o.overrides = no_value;
    refused(&o, "--set store.root has no \"=\"", "Write --set key=value");
}

static void config_mandatory_file(void) {
    begin("mandatory");
    static const char *const mandatory[] = {"server.properties", NULL};
    config_options_t o = options();
    o.mandatory = mandatory;
    refused(&o, "the configuration file DIR/server.properties does not exist",
            "Create it after the sample of the release's conf directory, or point --conf (QMQ_CONF) at the directory that has it");
    write_conf("server.properties", "server.port=\\u12\n");
    qmq_error_t *e = NULL;
    CU_ASSERT_PTR_NULL(config_open(&o, &e));
    CU_ASSERT_TRUE(is_text(qmq_error_message(e), "DIR/server.properties:1: malformed \\uXXXX escape"));
    qmq_error_free(e);
    write_conf("server.properties", "");
    config_close(open_or_fail(&o));
}

static void config_swallowed_backslash_is_refused(void) {
    begin("paths");
    config_options_t o = options();
    write_conf("server.properties", "# a\nstore.root=D:\\data\\qmq\n");
    refused(&o,
            "DIR/server.properties:2: the path store.root is read as D:dataqmq, because a single backslash is an escape in a property file",
            "Write store.root=D:/data/qmq or store.root=D:\\\\data\\\\qmq");
    write_conf("server.properties", "store.root=D:\\temp\\\\x\n");
    refused(&o,
            "DIR/server.properties:1: the path store.root is read as D:<0x09>emp\\x, because a single backslash is an escape in a property "
            "file",
            "Write store.root=D:/temp/x or store.root=D:\\\\temp\\\\x");
    write_conf("server.properties", "store.root=D:\\\nserver.port=1\n");
    refused(
        &o,
        "DIR/server.properties:1: the path store.root is read as D:server.port=1, because a single backslash is an escape in a property "
        "file",
        "Write store.root=D:/ or store.root=D:\\\\");
    write_conf("server.properties", "store.root=data\\\nserver.port=1\n");
    refused(
        &o,
        "DIR/server.properties:1: the path store.root is read as dataserver.port=1, because a single backslash is an escape in a property "
        "file",
        "Write store.root=data/ or store.root=data\\\\");

    static const char *const fine[] = {"store.root=/srv/a\\ b", "store.root=/srv/a\\\n  \\ b", "store.root=/srv/a\\u0020b"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        write_conf("server.properties", fine[i]);
        config_source_t *s = open_or_fail(&o);
        config_t *c = config_current(s);
        CU_ASSERT_TRUE(is_path(config_string(c, "store.root"), "/srv/a b"));
        config_release(c);
        config_close(s);
    }
    /* on the command line a backslash is one; what it means is the system's business */
    static const char *const overrides[] = {"store.root=/a\\data", NULL};
    o.overrides = overrides;
    config_source_t *s = open_or_fail(&o);
    config_t *c = config_current(s);
    CU_ASSERT_PTR_NOT_NULL(strstr(config_string(c, "store.root"), "data"));
    config_release(c);
    config_close(s);
}

static void config_without_path_base_leaves_paths(void) {
    begin("nobase");
    config_options_t o = options();
    o.path_base = NULL;
    config_source_t *s = open_or_fail(&o);
    config_t *c = config_current(s);
    CU_ASSERT_STRING_EQUAL(config_string(c, "store.root"), "data");
    config_release(c);
    config_close(s);
}

static void config_reload_publishes_new_values(void) {
    begin("reload");
    write_conf("server.properties", "queue.size=10\n");
    config_options_t o = options();
    config_source_t *s = open_or_fail(&o);
    config_t *old = config_current(s);
    CU_ASSERT_FALSE(config_reload(s, false)); /* untouched */
    CU_ASSERT_FALSE(config_reload(s, true));  /* the same */
    write_conf("server.properties", "wait.slave=true\nqueue.size=2000\n");
    CU_ASSERT_TRUE(config_reload(s, false));
    config_t *new = config_current(s);
    CU_ASSERT_EQUAL(config_int(new, "queue.size"), 2000);
    CU_ASSERT_TRUE(config_bool(new, "wait.slave"));
    CU_ASSERT_EQUAL(config_int(old, "queue.size"), 10);
    CU_ASSERT_TRUE(logged(" INFO  [test] DIR/server.properties:2: queue.size changed from 10 to 2000\n"));
    config_release(old);
    config_release(new);

    /* an optional file that appears later; a key that goes away */
    write_conf("monitor.properties", "monitor.type=graphite\n");
    write_conf("server.properties", "wait.slave=true\n");
    CU_ASSERT_TRUE(config_reload(s, false));
    new = config_current(s);
    CU_ASSERT_EQUAL(config_int(new, "queue.size"), 50000);
    CU_ASSERT_STRING_EQUAL(config_string(new, "monitor.type"), "prometheus"); /* not hot */
    CU_ASSERT_TRUE(logged(" WARN  [test] DIR/monitor.properties:1: monitor.type stays prometheus; the new value graphite takes effect at "
                          "the next start\n"));
    config_release(new);

    /* a deleted file keeps its last content */
    char path[1100];
    (void)snprintf(path, sizeof path, "%s/server.properties", directory);
    CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
    CU_ASSERT_FALSE(config_reload(s, false));
    CU_ASSERT_FALSE(config_reload(s, true));
    new = config_current(s);
    CU_ASSERT_TRUE(config_bool(new, "wait.slave"));
    config_release(new);
    config_close(s);
}

static void config_reload_keeps_the_old_value_of_a_bad_one(void) {
    begin("bad");
    write_conf("server.properties", "queue.size=10\nrate=1\n");
    config_options_t o = options();
    config_source_t *s = open_or_fail(&o);
    write_conf("server.properties", "rate=2\n\nqueue.size=many\n");
    CU_ASSERT_TRUE(config_reload(s, false));
    config_t *c = config_current(s);
    CU_ASSERT_EQUAL(config_int(c, "queue.size"), 10);
    CU_ASSERT_EQUAL(config_double(c, "rate"), 2);
    CU_ASSERT_TRUE(logged(" ERROR [test] DIR/server.properties:3: queue.size=many is no valid number, it must be a whole number from 1 to "
                          "1000000; the old value 10 stays. Give a whole number from 1 to 1000000, or remove the line to get the default "
                          "50000\n"));
    config_release(c);

    /* the file as a whole, once */
    write_conf("server.properties", "rate=3\nqueue.size=30\nendpoint=\\uzzzz\n");
    CU_ASSERT_FALSE(config_reload(s, false));
    CU_ASSERT_FALSE(config_reload(s, false));
    c = config_current(s);
    CU_ASSERT_EQUAL(config_double(c, "rate"), 2);
    CU_ASSERT_EQUAL(
        count_logged(" ERROR [test] DIR/server.properties:3: malformed \\uXXXX escape; the whole file is refused and its old values stay."),
        1);
    config_release(c);
    write_conf("server.properties", "rate=3\nqueue.size=30\n");
    CU_ASSERT_TRUE(config_reload(s, false));
    c = config_current(s);
    CU_ASSERT_EQUAL(config_double(c, "rate"), 3);
    CU_ASSERT_EQUAL(config_int(c, "queue.size"), 30);
    config_release(c);
    config_close(s);
}

static void config_override_wins_over_a_reload(void) {
    begin("wins");
    static const char *const overrides[] = {"queue.size=7", NULL};
    config_options_t o = options();
    o.overrides = overrides;
    config_source_t *s = open_or_fail(&o);
    write_conf("server.properties", "queue.size=8\nrate=9\n");
    CU_ASSERT_TRUE(config_reload(s, false));
    config_t *c = config_current(s);
    CU_ASSERT_EQUAL(config_int(c, "queue.size"), 7);
    CU_ASSERT_EQUAL(config_double(c, "rate"), 9);
    config_release(c);
    config_close(s);
}

static void config_secrets_are_not_logged(void) {
    begin("secret");
    write_conf("server.properties", "api.token=hunter2\n");
    config_options_t o = options();
    config_source_t *s = open_or_fail(&o);
    write_conf("server.properties", "api.token=hunter3\n");
    CU_ASSERT_TRUE(config_reload(s, true));
    CU_ASSERT_TRUE(logged("api.token changed from *** to ***\n"));
    config_close(s);
}

static atomic_bool stop_reading;

static void read_snapshots(void *arg) {
    config_source_t *s = arg;
    while (!atomic_load(&stop_reading)) {
        config_t *c = config_current(s);
        /* both come from one file, so from one reading */
        if (config_int(c, "queue.size") != (int64_t)config_double(c, "rate")) abort();
        config_release(c);
    }
}

static void config_readers_see_whole_snapshots(void) {
    begin("threads");
    write_conf("server.properties", "queue.size=1\nrate=1\n");
    config_options_t o = options();
    config_source_t *s = open_or_fail(&o);
    thread_t *readers[2];
    atomic_store(&stop_reading, false);
    for (int i = 0; i < 2; i++) CU_ASSERT_EQUAL_FATAL(thread_start(&readers[i], "reader", read_snapshots, s), APR_SUCCESS);
    for (int i = 2; i < 100; i++) {
        char text[60];
        (void)snprintf(text, sizeof text, "queue.size=%d\nrate=%d\n", i, i);
        write_conf("server.properties", text);
        CU_ASSERT_TRUE(config_reload(s, true));
    }
    atomic_store(&stop_reading, true);
    for (int i = 0; i < 2; i++) thread_join(readers[i]);
    config_close(s);
    log_close();
}

const test_case_t config_cases[] = {
    TEST(config_defaults),
    TEST(config_files_and_overrides),
    TEST(config_numbers_are_checked_at_open),
    TEST(config_odd_boolean_warns_and_is_false),
    TEST(config_unknown_keys_are_named_once_with_the_nearest),
    TEST(config_unknown_override_is_refused),
    TEST(config_mandatory_file),
    TEST(config_swallowed_backslash_is_refused),
    TEST(config_without_path_base_leaves_paths),
    TEST(config_reload_publishes_new_values),
    TEST(config_reload_keeps_the_old_value_of_a_bad_one),
    TEST(config_override_wins_over_a_reload),
    TEST(config_secrets_are_not_logged),
    TEST(config_readers_see_whole_snapshots),
    TEST_END,
};
