/* Starts that must fail, and what they say; many subjects. */
#include "site.h"
#include "suites.h"

#include "base/memory.h"
#include "portability/clock.h"
#include "portability/file.h"

#include <stdio.h>

static void expect_failure(site_t *s, const char *a, const char *b) {
    char *line = site_try_start(s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    if (strstr(line, a) == NULL || strstr(line, b) == NULL) printf("%s\n", line);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, a));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, b));
    memory_free(line);
    site_close(s);
}

static const char *const embedded[] = {"jdbc.url=jdbc:sqlite:data/meta.db", NULL};

static void a_database_directory_that_cannot_be_made(void) {
    site_t *s = site_prepare(embedded);
    site_write(s, "data", "a file in the way");
    expect_failure(s, "/data", "jdbc.url");
}

static void a_damaged_database_is_named(void) {
    site_t *s = site_prepare(embedded);
    char *data = site_path(s, "data");
    CU_ASSERT_EQUAL(directory_create(data), APR_SUCCESS);
    memory_free(data);
    site_write(s, "data/meta.db",
               "this is no database, whatever its name says; it is long enough to have a header of a hundred bytes and more.");
    expect_failure(s, "meta.db", "not a database");
}

static void metaserver_02_a_user_without_url_is_an_error(void) {
    static const char *const overrides[] = {"jdbc.username=qmq", NULL};
    expect_failure(site_prepare(overrides), "jdbc.url has no value", "jdbc.username");
}

static void urls_that_are_none(void) {
    static const char *const nothing[] = {"jdbc.url=jdbc:sqlite:", NULL};
    expect_failure(site_prepare(nothing), "jdbc:sqlite:", "names no file");
    static const char *const strange[] = {"jdbc.url=sqlite:x.db", NULL};
    expect_failure(site_prepare(strange), "sqlite:x.db", "jdbc:sqlite:<file>");
}

static void metaserver_03_ports_in_use(void) {
    site_t *first = site_open(NULL);
    char tcp[64], http[64], port[2][16];
    (void)snprintf(tcp, sizeof tcp, "meta.server.port=%d", metaserver_tcp_port(first->m));
    (void)snprintf(http, sizeof http, "meta.server.discover.port=%d", metaserver_http_port(first->m));
    (void)snprintf(port[0], sizeof port[0], "%d", metaserver_tcp_port(first->m));
    (void)snprintf(port[1], sizeof port[1], "%d", metaserver_http_port(first->m));
    const char *const taken_tcp[] = {tcp, NULL}, *const taken_http[] = {http, NULL};
    expect_failure(site_prepare(taken_tcp), "meta.server.port", port[0]);
    expect_failure(site_prepare(taken_http), "meta.server.discover.port", port[1]);
    site_close(first);
}

static void the_schema_has_the_columns_of_the_original(void) {
    static const struct {
        const char *table, *columns;
    } tables[] = {
        {"broker", "id,group_name,hostname,ip,role,serve_port,sync_port,create_time,update_time"},
        {"broker_group", "id,group_name,kind,master_address,broker_state,tag,create_time,update_time,ext"},
        {"subject_info", "id,name,tag,create_time,update_time"},
        {"subject_route", "id,subject_info,broker_group_json,version,create_time,update_time"},
        {"client_meta_info", "id,subject_info,client_type,consumer_group,client_id,app_code,room,create_time,update_time"},
        {"client_offline_state", "id,client_id,subject_info,consumer_group,state"},
        {"readonly_broker_group_setting", "id,subject,broker_group,create_time"},
        {"datasource_config", "id,url,user_name,password,status,room,create_time,update_time"},
        {"leader_election", "id,name,node,last_seen_active"},
    };
    site_t *s = site_open(NULL);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char *sql =
            memory_printf(site_on_mysql(s) ? "SELECT (SELECT GROUP_CONCAT(column_name ORDER BY ordinal_position) FROM "
                                             "information_schema.columns WHERE table_schema = DATABASE() AND table_name = '%s') = '%s'"
                                           : "SELECT (SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info('%s') "
                                             "ORDER BY cid)) = '%s'",
                          tables[i].table, tables[i].columns);
        CU_ASSERT_EQUAL(site_number(s, sql), 1);
        memory_free(sql);
    }
    site_close(s);
}

static void hundred_thousand_subjects(void) {
    site_t *s = site_prepare(NULL);
    char *problem = site_try_start(s);
    CU_ASSERT_PTR_NULL_FATAL(problem);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_online(s, "bg2"), 0);
#define NUMBERS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
#define INTO "INSERT INTO subject_route (subject_info, broker_group_json, version) "
#define PREFIX "'a.subject.with.a.usual.name.'"
#define GROUPS ", '[\"bg1\",\"bg2\"]', 1 FROM n"
    site_sql(s, site_on_mysql(s) ? "SET max_recursive_iterations = 200000; " INTO NUMBERS "SELECT CONCAT(" PREFIX ", i)" GROUPS
                                 : NUMBERS INTO "SELECT " PREFIX " || i" GROUPS);
    int64_t began = clock_mono_us();
    site_restart(s);
    printf("  start with 100000 subjects: %lld ms\n", (long long)((clock_mono_us() - began) / 1000));
    CU_ASSERT_STRING_EQUAL(site_register(s, "a.subject.with.a.usual.name.77777").names, "bg1,bg2");
    CU_ASSERT_STRING_EQUAL(site_register(s, "a.new.subject").names, "bg1,bg2");
    site_close(s);
}

const test_case_t start_cases[] = {TEST(a_database_directory_that_cannot_be_made),
                                   TEST(a_damaged_database_is_named),
                                   TEST(metaserver_02_a_user_without_url_is_an_error),
                                   TEST(urls_that_are_none),
                                   TEST(metaserver_03_ports_in_use),
                                   TEST(the_schema_has_the_columns_of_the_original),
                                   TEST(hundred_thousand_subjects),
                                   TEST_END};
