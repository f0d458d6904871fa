#include "suites.h"

#include "base/memory.h"
#include "host/host_internal.h"

#include <apr_network_io.h>
#include <string.h>

static void samples_become_lines(void) {
    char *lines = graphite_lines("# HELP a a\n# TYPE a gauge\na{subject=\"t.a\",group=\"g \\\"1\\\"\",} 3.0\nb 12.0\n"
                                 "c{subject=\"x\",quantile=\"0.5\",} NaN\nc_count{subject=\"x\",} 1.5E7\n",
                                 99);
    CU_ASSERT_STRING_EQUAL(lines,
                           "a.subject.t_a.group.g__1_ 3.0 99\nb 12.0 99\nc.subject.x.quantile.0_5 NaN 99\nc_count.subject.x 1.5E7 99\n");
    memory_free(lines);
    lines = graphite_lines("", 1);
    CU_ASSERT_STRING_EQUAL(lines, "");
    memory_free(lines);
    lines = graphite_lines("broken{a=\"b", 1); /* ends where the page ends */
    CU_ASSERT_PTR_NOT_NULL(lines);
    memory_free(lines);
}

static void a_push_is_one_connection(void) {
    apr_pool_t *pool = NULL;
    apr_socket_t *listener = NULL, *socket = NULL;
    apr_sockaddr_t *address = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&pool, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, 0, 0, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_socket_create(&listener, APR_INET, SOCK_STREAM, APR_PROTO_TCP, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_socket_bind(listener, address), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_socket_listen(listener, 5), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_socket_addr_get(&address, APR_LOCAL, listener), APR_SUCCESS);
    log_t log;
    log_init(&log, "test");
    CU_ASSERT(graphite_push(&log, "127.0.0.1", address->port, "a 1.0\nb 2.0\n"));
    CU_ASSERT_EQUAL_FATAL(apr_socket_accept(&socket, listener, pool), APR_SUCCESS);
    char text[200] = "";
    apr_size_t used = 0, size = sizeof text - 1;
    while (apr_socket_recv(socket, text + used, &size) == APR_SUCCESS && size > 0) {
        used += size;
        size = sizeof text - 1 - used;
    }
    CU_ASSERT(strncmp(text, "a 1.0 ", 6) == 0);
    CU_ASSERT(strstr(text, "\nb 2.0 ") != NULL);
    CU_ASSERT(used > 0 && text[used - 1] == '\n');
    CU_ASSERT_EQUAL(apr_socket_close(listener), APR_SUCCESS);
    CU_ASSERT_FALSE(graphite_push(&log, "127.0.0.1", address->port, "a 1.0\n")); /* nobody there: one log line */
    apr_pool_destroy(pool);
}

const test_case_t graphite_cases[] = {
    TEST(samples_become_lines),
    TEST(a_push_is_one_connection),
    TEST_END,
};
