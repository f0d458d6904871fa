#include "site.h"

#include "base/memory.h"
#include "metaserver/metaserver.h"
#include "portability/file.h"
#include "protocol/broker_acquire_meta.h"
#include "protocol/broker_register.h"
#include "protocol/client_register.h"
#include "test_database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OVERRIDES 32
#define ANSWER_SECONDS 10
#define INTERNAL_TOKEN "meta.server.internal.token=" SITE_INTERNAL_TOKEN

static const config_key_t test_keys[] = {
    {"metaserver.properties", "listen.address", CONFIG_STRING, "127.0.0.1", 0, 0, false, "Address of the ports."},
    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, false, NULL}};

char *site_path(const site_t *s, const char *name) {
    return memory_printf("%s/%s", s->home, name);
}

void site_write(const site_t *s, const char *name, const char *text) {
    char *path = site_path(s, name);
    CU_ASSERT_EQUAL_FATAL(file_replace(path, text, strlen(text)), APR_SUCCESS);
    memory_free(path);
}

/* The servers' own lines go to a file of the scratch directory: it stays when a test fails. */
static void log_beside(void) {
    char *path = memory_printf("%s/log", test_directory());
    CU_ASSERT_EQUAL(log_to_file(path, 64 * 1024 * 1024, 1), APR_SUCCESS);
    memory_free(path);
}

/* A test that names its database itself gets that one. */
static bool names_database(const char *const *overrides) {
    for (; overrides != NULL && *overrides != NULL; overrides++) {
        if (strncmp(*overrides, "jdbc.", 5) == 0) return true;
    }
    return false;
}

static void use_mysql(site_t *s) {
    s->mysql_url = test_mysql_create();
    char *text = memory_printf("jdbc.url=%s\njdbc.username=" TEST_MYSQL_USER "\njdbc.password=" TEST_MYSQL_PASSWORD "\n", s->mysql_url);
    site_write(s, "conf/datasource.properties", text);
    memory_free(text);
}

bool site_on_mysql(const site_t *s) {
    return s->mysql_url != NULL;
}

site_t *site_prepare(const char *const *overrides) {
    static int number;
    if (number == 0) log_beside();
    site_t *s = memory_zalloc(sizeof *s);
    log_init(&s->log, "metaserver");
    s->overrides = overrides;
    s->home = memory_printf("%s/site-%d", test_directory(), ++number);
    char *conf = site_path(s, "conf");
    CU_ASSERT_EQUAL_FATAL(directory_create(conf), APR_SUCCESS);
    memory_free(conf);
    site_write(s, "conf/metaserver.properties", "");
    site_write(s, "conf/valid-api-tokens.properties", SITE_TOKEN "=tests\n=nobody\n");
    if (test_has_mysql() && !names_database(overrides)) use_mysql(s);
    s->metrics = metrics_create();
    return s;
}

static config_source_t *open_config(site_t *s, qmq_error_t **error) {
    const char *all[MAX_OVERRIDES] = {"meta.server.port=0", "meta.server.discover.port=0", "refresh.period.seconds=1", "io.loops=1",
                                      INTERNAL_TOKEN};
    size_t count = 5;
    for (size_t i = 0; s->overrides != NULL && s->overrides[i] != NULL && count < MAX_OVERRIDES - 1; i++) all[count++] = s->overrides[i];
    all[count] = NULL;
    static const config_key_t *const tables[] = {metaserver_keys, test_keys, NULL};
    char *conf = site_path(s, "conf");
    config_options_t o = {.directory = conf, .tables = tables, .overrides = all, .path_base = s->home, .log = &s->log};
    config_source_t *config = config_open(&o, error);
    memory_free(conf);
    return config;
}

static void open_database(site_t *s) {
    char *url = s->mysql_url != NULL ? memory_strdup(s->mysql_url) : memory_printf("jdbc:sqlite:%s/data/meta.db", s->home);
    db_options_t o = {.url = url, .user = TEST_MYSQL_USER, .password = TEST_MYSQL_PASSWORD, .pool_size = 1, .log = &s->log};
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(db_open(&s->db, &o, &error), APR_SUCCESS);
    memory_free(url);
}

char *site_try_start(site_t *s) {
    qmq_error_t *error = NULL;
    s->config = open_config(s, &error);
    apr_status_t rv = s->config == NULL ? APR_EGENERAL : APR_SUCCESS;
    if (rv == APR_SUCCESS) {
        char *conf = site_path(s, "conf");
        config_t *config = config_current(s->config);
        metaserver_options_t o = {
            .config = config, .home = s->home, .conf = conf, .address = "127.0.0.1", .log = &s->log, .metrics = s->metrics};
        rv = metaserver_open(&s->m, &o, &error);
        config_release(config);
        memory_free(conf);
    }
    if (rv != APR_SUCCESS) {
        char *line = error_line(error);
        qmq_error_free(error);
        return line;
    }
    metaserver_serve(s->m);
    if (s->db == NULL) open_database(s);
    s->wire = wire_client_open(metaserver_tcp_port(s->m));
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->wire);
    return NULL;
}

static void stop(site_t *s) {
    wire_client_close(s->wire);
    s->wire = NULL;
    if (s->m != NULL) metaserver_close(s->m);
    s->m = NULL;
    if (s->config != NULL) config_close(s->config);
    s->config = NULL;
}

site_t *site_open(const char *const *overrides) {
    site_t *s = site_prepare(overrides);
    char *problem = site_try_start(s);
    if (problem != NULL) printf("%s\n", problem);
    CU_ASSERT_PTR_NULL_FATAL(problem);
    return s;
}

void site_restart(site_t *s) {
    stop(s);
    char *problem = site_try_start(s);
    CU_ASSERT_PTR_NULL_FATAL(problem);
}

void site_reconfigure(site_t *s, const char *text) {
    site_write(s, "conf/metaserver.properties", text);
    (void)config_reload(s->config, true);
    config_t *config = config_current(s->config);
    metaserver_configure(s->m, config);
    config_release(config);
}

void site_close(site_t *s) {
    stop(s);
    db_close(s->db);
    metrics_destroy(s->metrics);
    memory_free(s->mysql_url);
    memory_free(s->home);
    memory_free(s);
}

/* SQL. */

typedef struct by_hand {
    const char *sql;
    int64_t number;
    apr_status_t status;
} by_hand_t;

static void run_script(void *arg, db_session_t *session, apr_status_t status) {
    by_hand_t *h = arg;
    h->status = session == NULL ? status : db_execute_script(session, h->sql);
    if (session != NULL && h->status != APR_SUCCESS) printf("%s: %s\n", h->sql, db_session_error(session));
}

static bool take_number(void *arg, const db_value_t *columns, size_t count) {
    by_hand_t *h = arg;
    if (count > 0) h->number = columns[0].number;
    return false;
}

static void run_select(void *arg, db_session_t *session, apr_status_t status) {
    by_hand_t *h = arg;
    h->status = session == NULL ? status : db_execute(session, h->sql, NULL, 0, take_number, h, NULL);
    if (session != NULL && h->status != APR_SUCCESS) printf("%s: %s\n", h->sql, db_session_error(session));
}

void site_sql(site_t *s, const char *script) {
    by_hand_t h = {.sql = script};
    db_call(s->db, true, run_script, &h);
    CU_ASSERT_EQUAL_FATAL(h.status, APR_SUCCESS);
}

int64_t site_number(site_t *s, const char *select) {
    by_hand_t h = {.sql = select, .number = -1};
    db_call(s->db, false, run_select, &h);
    CU_ASSERT_EQUAL_FATAL(h.status, APR_SUCCESS);
    return h.number;
}

/* MySQL: the table becomes a view that hides the rows from statements that begin with UPDATE. */
static char *lose_on_mysql(const char *table, const char *condition) {
    return memory_printf("CREATE FUNCTION updates() RETURNS BOOLEAN NOT DETERMINISTIC READS SQL DATA "
                         "RETURN (SELECT INFO LIKE 'UPDATE%%' FROM information_schema.processlist WHERE ID = CONNECTION_ID());"
                         "RENAME TABLE %s TO lost_%s;"
                         "CREATE VIEW %s AS SELECT * FROM lost_%s WHERE NOT (%s AND updates())",
                         table, table, table, table, condition);
}

void site_lose_updates(site_t *s, const char *table, const char *condition) {
    char *sql = site_on_mysql(s) ? lose_on_mysql(table, condition)
                                 : memory_printf("CREATE TRIGGER race BEFORE UPDATE ON %s WHEN OLD.%s BEGIN SELECT RAISE(IGNORE); END",
                                                 table, condition);
    site_sql(s, sql);
    memory_free(sql);
}

/* Requests. */

static wire_answer_t ask(site_t *s, int16_t code, writer_t *body) {
    wire_answer_t a = {.bytes = NULL};
    CU_ASSERT_TRUE_FATAL(wire_client_send(s->wire, code, VERSION_9, 0, 0, writer_view(body)));
    writer_free(body);
    CU_ASSERT_TRUE_FATAL(wire_client_receive(s->wire, &a, ANSWER_SECONDS));
    CU_ASSERT_EQUAL(a.frame.request_code, code);
    CU_ASSERT_EQUAL(a.frame.flag, FRAME_FLAG_RESPONSE);
    return a;
}

int site_broker(site_t *s, int type, const char *group, const char *address, int role, int state) {
    broker_register_request_t r = {type, view_of(group), view_of(address), role, state};
    writer_t w;
    writer_init(&w, 64);
    broker_register_request_write(&w, &r);
    wire_answer_t a = ask(s, REQUEST_BROKER_REGISTER, &w);
    CU_ASSERT_EQUAL(a.frame.body.size, 0);
    int code = a.frame.code;
    memory_free(a.bytes);
    return code;
}

int site_online(site_t *s, const char *group) {
    return site_broker(s, REGISTER_ONLINE, group, "10.0.0.1:20881", ROLE_MASTER, BROKER_RW);
}

int site_heartbeat(site_t *s, const char *group, int state) {
    return site_broker(s, REGISTER_HEARTBEAT, group, "10.0.0.1:20881", ROLE_MASTER, state);
}

const char *site_acquire(site_t *s, const char *host, int port) {
    static char text[300];
    broker_acquire_meta_request_t r = {view_of(host), port};
    writer_t w;
    writer_init(&w, 64);
    broker_acquire_meta_request_write(&w, &r);
    wire_answer_t a = ask(s, REQUEST_BROKER_ACQUIRE_META, &w);
    broker_acquire_meta_response_t got;
    if (a.frame.code == 0 && broker_acquire_meta_response_read(a.frame.body, &got)) {
        (void)snprintf(text, sizeof text, "%.*s|%.*s|%d", VIEW_ARG(got.group_name), VIEW_ARG(got.master), (int)got.role);
    } else {
        CU_ASSERT_EQUAL(a.frame.body.size, 0);
        (void)snprintf(text, sizeof text, "%d", a.frame.code);
    }
    memory_free(a.bytes);
    return text;
}

static int by_name(const void *a, const void *b) {
    const view_t *x = &((const route_group_t *)a)->name, *y = &((const route_group_t *)b)->name;
    int order = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
    return order != 0 ? order : (int)x->size - (int)y->size;
}

bool site_decode_route(const wire_answer_t *a, site_route_t *r) {
    client_register_response_t got;
    if (a->frame.code != 0 || !client_register_response_read(a->frame.body, &got)) return false;
    *r = (site_route_t){.timestamp = got.timestamp, .on_offline = got.on_offline, .client_type = got.client_type, .count = got.group_count};
    (void)snprintf(r->subject, sizeof r->subject, "%.*s", VIEW_ARG(got.subject));
    (void)snprintf(r->group, sizeof r->group, "%.*s", VIEW_ARG(got.consumer_group));
    route_group_t groups[64];
    size_t count = 0;
    cursor_t c = cursor_of(got.groups);
    while (count < 64 && route_group_next(&c, &groups[count])) count++;
    qsort(groups, count, sizeof groups[0], by_name);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(r->groups), used_names = strlen(r->names);
        (void)snprintf(r->groups + used, sizeof r->groups - used, "%s%.*s=%.*s/%d", i == 0 ? "" : ",", VIEW_ARG(groups[i].name),
                       VIEW_ARG(groups[i].master), groups[i].state);
        (void)snprintf(r->names + used_names, sizeof r->names - used_names, "%s%.*s", i == 0 ? "" : ",", VIEW_ARG(groups[i].name));
        CU_ASSERT_TRUE(groups[i].update_time > 0 && groups[i].update_time % 1000 == 0);
    }
    return true;
}

site_route_t site_register_as(site_t *s, const char *subject, int client_type, int request_type, const char *group, const char *client) {
    client_register_request_t r = {.subject = view_of(subject),
                                   .client_type = client_type,
                                   .app_code = view_of("app"),
                                   .client_id = view_of(client),
                                   .consumer_group = view_of(group),
                                   .request_type = request_type,
                                   .client_ldc = view_of("bj")};
    writer_t w;
    writer_init(&w, 256);
    client_register_request_write(&w, &r);
    wire_answer_t a = ask(s, REQUEST_CLIENT_REGISTER, &w);
    site_route_t route;
    CU_ASSERT_TRUE_FATAL(site_decode_route(&a, &route));
    CU_ASSERT_STRING_EQUAL(route.subject, subject);
    CU_ASSERT_STRING_EQUAL(route.group, group);
    memory_free(a.bytes);
    return route;
}

site_route_t site_register(site_t *s, const char *subject) {
    return site_register_as(s, subject, CLIENT_CONSUMER, CLIENT_HEARTBEAT, "g1", "c1");
}

int site_state(site_t *s, const char *group) {
    char sql[200];
    (void)snprintf(sql, sizeof sql, "SELECT broker_state FROM broker_group WHERE group_name = '%s'", group);
    return (int)site_number(s, sql);
}

typedef struct waiting {
    site_t *site;
    const char *name;
    const char *names;
    int state;
} waiting_t;

static bool has_state(void *arg) {
    waiting_t *w = arg;
    return site_state(w->site, w->name) == w->state;
}

bool site_wait_state(site_t *s, const char *group, int state, double seconds) {
    waiting_t w = {.site = s, .name = group, .state = state};
    return test_wait(has_state, &w, seconds);
}

static bool has_names(void *arg) {
    waiting_t *w = arg;
    return strcmp(site_register(w->site, w->name).names, w->names) == 0;
}

bool site_wait_names(site_t *s, const char *subject, const char *names) {
    waiting_t w = {.site = s, .name = subject, .names = names};
    return test_wait(has_names, &w, 10);
}

http_answer_t site_http(site_t *s, const char *method, const char *path, const char *token, const char *const *form) {
    char *url = memory_printf("http://127.0.0.1:%d%s", metaserver_http_port(s->m), path);
    char *header = memory_printf("X-Api-Token: %s", token == NULL ? "" : token);
    const char *headers[] = {token == NULL ? NULL : header, NULL};
    http_call_t call = {.url = url, .method = method, .headers = headers, .form = form};
    http_answer_t answer;
    CU_ASSERT_EQUAL_FATAL(http_fetch(&call, &answer, NULL), APR_SUCCESS);
    memory_free(header);
    memory_free(url);
    return answer;
}

char *site_post(site_t *s, const char *token, const char *const *form) {
    http_answer_t answer = site_http(s, "POST", "/management", token, form);
    CU_ASSERT_EQUAL(answer.status, 200);
    CU_ASSERT_STRING_EQUAL(answer.content_type, "application/json");
    char *body = memory_strdup(answer.body);
    http_answer_free(&answer);
    return body;
}
