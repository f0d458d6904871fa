#include "test_database.h"

#include "base/memory.h"
#include "db/db.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *place(void) {
    const char *set = getenv("QMQ_TEST_MYSQL");
    return set == NULL || *set == 0 ? NULL : set;
}

bool test_has_mysql(void) {
    return place() != NULL;
}

static void create(void *arg, db_session_t *session, apr_status_t status) {
    if (session != NULL) status = db_execute_script(session, arg);
    if (session != NULL && status != APR_SUCCESS) printf("%s: %s\n", (const char *)arg, db_session_error(session));
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
}

/* The scratch directory's name ends with digits nobody else has. */
char *test_mysql_create(void) {
    static int number;
    const char *run = strrchr(test_directory(), '-');
    char *name = memory_printf("t_%s_%d", run == NULL ? "0" : run + 1, ++number);
    char *sql = memory_printf("CREATE DATABASE %s CHARACTER SET utf8mb4", name);
    char *server = memory_printf("jdbc:mysql://%s/mysql", place());
    db_options_t o = {.url = server, .user = TEST_MYSQL_USER, .password = TEST_MYSQL_PASSWORD, .pool_size = 1};
    db_t *d = NULL;
    qmq_error_t *error = NULL;
    apr_status_t status = db_open(&d, &o, &error);
    if (status != APR_SUCCESS) printf("%s\n", qmq_error_message(error));
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    db_call(d, true, create, sql);
    db_close(d);
    char *url = memory_printf("jdbc:mysql://%s/%s", place(), name);
    memory_free(server);
    memory_free(sql);
    memory_free(name);
    return url;
}
