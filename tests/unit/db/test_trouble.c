#include "fixture.h"
#include "suites.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/file.h"

#include <apr_file_io.h>
#include <apr_user.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Opening fails, with all these parts in the message and a remedy. */
static void refused(const char *url, const char *const *parts) {
    qmq_error_t *error = NULL;
    db_t *d = fixture_open_url(url, &error);
    CU_ASSERT_PTR_NULL(d);
    if (d != NULL) {
        printf("%s was opened\n", url);
        db_close(d);
        return;
    }
    for (; *parts != NULL; parts++) {
        if (strstr(qmq_error_message(error), *parts) == NULL) printf("no \"%s\" in: %s\n", *parts, qmq_error_message(error));
        CU_ASSERT(strstr(qmq_error_message(error), *parts) != NULL);
    }
    CU_ASSERT(strlen(qmq_error_remedy(error)) > 10);
    CU_ASSERT(strstr(qmq_error_message(error), "secret") == NULL);
    qmq_error_free(error);
}

#define REFUSED(url, ...) refused(url, (const char *const[]){__VA_ARGS__, NULL})

static void unusable_urls(void) {
    REFUSED("jdbc:oracle:thin", "jdbc.url=jdbc:oracle:thin");
    REFUSED("", "jdbc.url");
    REFUSED("jdbc:sqlite:", "jdbc.url=jdbc:sqlite:");
}

static void files_that_cannot_be_had(void) {
    char *path = memory_printf("%s/plain", test_directory());
    CU_ASSERT_EQUAL(file_replace(path, "x", 1), APR_SUCCESS);
    char *url = memory_printf("jdbc:sqlite:%s/sub/meta.db", path);
    REFUSED(url, "cannot create the directory", path);
    memory_free(url);
    url = memory_printf("jdbc:sqlite:%s", test_directory());
    REFUSED(url, test_directory());
    memory_free(url);
    memory_free(path);
    REFUSED("jdbc:sqlite:/proc/none/meta.db", "/proc/none");
    REFUSED("jdbc:sqlite:/proc/version", "/proc/version");
}

static void a_file_that_is_no_database(void) {
    char *path = memory_printf("%s/garbage.db", test_directory());
    char text[8192];
    memset(text, 'g', sizeof text);
    CU_ASSERT_EQUAL(file_replace(path, text, sizeof text), APR_SUCCESS);
    char *url = memory_printf("jdbc:sqlite:%s", path);
    REFUSED(url, path, "no SQLite database");
    memory_free(url);
    memory_free(path);
}

static bool is_root(void) {
    apr_pool_t *pool = NULL;
    apr_uid_t user;
    apr_gid_t group;
    char *name = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&pool, NULL), APR_SUCCESS);
    bool root = apr_uid_current(&user, &group, pool) == APR_SUCCESS && apr_uid_name_get(&name, user, pool) == APR_SUCCESS &&
                strcmp(name, "root") == 0;
    apr_pool_destroy(pool);
    return root;
}

static void a_read_only_directory_is_named(void) {
    if (is_root()) {
        test_skip("the super-user may write everywhere");
        return;
    }
    char *path = memory_printf("%s/readonly", test_directory());
    CU_ASSERT_EQUAL(directory_create(path), APR_SUCCESS);
    CU_ASSERT_EQUAL(apr_file_perms_set(path, APR_FPROT_UREAD | APR_FPROT_UEXECUTE), APR_SUCCESS);
    char *url = memory_printf("jdbc:sqlite:%s/meta.db", path);
    REFUSED(url, path);
    memory_free(url);
    CU_ASSERT_EQUAL(apr_file_perms_set(path, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE), APR_SUCCESS);
    memory_free(path);
}

static void fill_up(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_execute(s, "PRAGMA max_page_count = 8", NULL, 0, NULL, NULL, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(db_begin(s), APR_SUCCESS);
    for (int i = 0; status == APR_SUCCESS && i < 10000; i++) {
        char name[300];
        (void)snprintf(name, sizeof name, "%0290d", i);
        status = insert(s, name, i);
    }
    CU_ASSERT_EQUAL(status, APR_ENOSPC);
    CU_ASSERT(strstr(db_session_error(s), "the disk is full") != NULL);
    CU_ASSERT(strstr(db_session_error(s), "meta.db") != NULL);
    CU_ASSERT_EQUAL(db_commit(s), APR_ENOSPC);
    db_rollback(s);
}

static void a_full_disk_is_said_and_survived(void) {
    db_t *d = fixture_open_file();
    db_call(d, true, fill_up, NULL);
    CU_ASSERT_EQUAL(count_rows(d), 0);
    CU_ASSERT_EQUAL(insert_one(d, "a", 1), APR_SUCCESS); /* with a new connection, which has room */
    CU_ASSERT_EQUAL(count_rows(d), 1);
    db_close(d);
}

static void fill(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL(db_begin(s), APR_SUCCESS);
    for (int i = 0; i < 1000; i++) {
        char name[120];
        (void)snprintf(name, sizeof name, "%0100d", i);
        CU_ASSERT_EQUAL(insert(s, name, i), APR_SUCCESS);
    }
    CU_ASSERT_EQUAL(db_commit(s), APR_SUCCESS);
}

static void read_all(void *arg, db_session_t *s, apr_status_t status) {
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    *(apr_status_t *)arg = db_execute(s, "SELECT sum(length(name)) FROM t NOT INDEXED", NULL, 0, NULL, NULL, NULL);
    if (*(apr_status_t *)arg != APR_SUCCESS) CU_ASSERT(strstr(db_session_error(s), "the file is damaged") != NULL);
}

static void damaged_pages_are_said(void) {
    db_t *d = fixture_open_file();
    db_call(d, true, fill, NULL);
    db_close(d);
    char *text = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(file_read_all(fixture_file(), 16 * 1024 * 1024, &text, &size), APR_SUCCESS);
    CU_ASSERT_FATAL(size > 20 * 4096);
    memset(text + 4096, 0xEE, size - 4096); /* all but the page with the schema */
    CU_ASSERT_EQUAL(file_replace(fixture_file(), text, size), APR_SUCCESS);
    free(text);
    d = fixture_reopen();
    apr_status_t status = APR_SUCCESS;
    db_call(d, false, read_all, &status);
    CU_ASSERT_EQUAL(status, QMQ_E_CORRUPT);
    db_call(d, true, read_all, &status);
    CU_ASSERT_EQUAL(status, QMQ_E_CORRUPT);
    db_close(d);
}

static void break_session(void *arg, db_session_t *s, apr_status_t status) {
    (void)arg;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(db_execute(s, "SELECT wrong", NULL, 0, NULL, NULL, NULL), APR_SUCCESS);
}

static void get_none(void *arg, db_session_t *s, apr_status_t status) {
    CU_ASSERT_PTR_NULL(s);
    *(apr_status_t *)arg = status;
}

static void a_database_that_vanished_is_not_made_anew(void) {
    db_t *d = fixture_open_file();
    CU_ASSERT_EQUAL(insert_one(d, "a", 1), APR_SUCCESS);
    db_call(d, true, break_session, NULL);
    char *away = memory_printf("%s.away", fixture_file());
    CU_ASSERT_EQUAL(path_rename(fixture_file(), away), APR_SUCCESS);
    apr_status_t status = APR_SUCCESS;
    db_call(d, true, get_none, &status);
    CU_ASSERT_NOT_EQUAL(status, APR_SUCCESS);
    path_info_t info;
    CU_ASSERT(path_inspect(fixture_file(), &info) == APR_SUCCESS && info.kind == PATH_MISSING);
    CU_ASSERT_EQUAL(path_rename(away, fixture_file()), APR_SUCCESS);
    memory_free(away);
    CU_ASSERT_EQUAL(insert_one(d, "b", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(count_rows(d), 2);
    db_close(d);
}

const test_case_t trouble_cases[] = {
    TEST(unusable_urls),
    TEST(files_that_cannot_be_had),
    TEST(a_file_that_is_no_database),
    TEST(a_read_only_directory_is_named),
    TEST(a_full_disk_is_said_and_survived),
    TEST(damaged_pages_are_said),
    TEST(a_database_that_vanished_is_not_made_anew),
    TEST_END,
};
