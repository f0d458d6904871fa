/* qmq-tools against a scripted metaserver: what each command sends, what it prints, its exit code (metaserver.md 15, design decision 11).
 */
#include "suites.h"

#include "base/memory.h"
#include "http/server.h"
#include "tools/tools.h"

#include <apr_env.h>
#include <apr_pools.h>
#include <string.h>

/* The metaserver: notes the last request's parameters and answers as told. Written on the HTTP thread before the tool's call returns. */
typedef struct script {
    http_server_t *server;
    char address[64];
    char got[1000]; /* "action=AddBroker token=x brokerGroup=g ..." */
    int status;
    const char *answer;
} script_t;

static const char *const parameters[] = {"action",
                                         "brokerGroup",
                                         "role",
                                         "hostname",
                                         "ip",
                                         "servePort",
                                         "syncPort",
                                         "subject",
                                         "tag",
                                         "relatedSubject",
                                         "relatedBrokerGroup",
                                         "newBrokerGroup",
                                         "type",
                                         "host",
                                         "port",
                                         "username",
                                         "password",
                                         "room",
                                         "group",
                                         "code",
                                         "operation",
                                         "clientId",
                                         "consumerGroup",
                                         "state",
                                         "token",
                                         "metaserver",
                                         NULL};

static void handle(void *arg, http_request_t *r) {
    script_t *s = arg;
    const char *token = http_request_header(r, "X-Api-Token");
    (void)snprintf(s->got, sizeof s->got, "token=%s", token == NULL ? "(none)" : token);
    if (strcmp(http_request_method(r), "GET") == 0)
        (void)snprintf(s->got + strlen(s->got), sizeof s->got - strlen(s->got), " GET %s", http_request_path(r));
    for (size_t i = 0; parameters[i] != NULL; i++) {
        const char *value = http_request_parameter(r, parameters[i]);
        size_t used = strlen(s->got);
        if (value != NULL) (void)snprintf(s->got + used, sizeof s->got - used, " %s=%s", parameters[i], value);
    }
    http_respond(r, s->status, "application/json", s->answer, strlen(s->answer));
}

static log_t test_log;

static void script_start(script_t *s) {
    *s = (script_t){.status = 200, .answer = "{\"status\":0,\"message\":\"\",\"data\":null}\n"};
    log_init(&test_log, "tools");
    http_route_t routes[] = {{"POST", "/management", handle, s},
                             {"GET", "/subject/consumers", handle, s},
                             {"GET", "/onoffline", handle, s},
                             {NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "port", .address = "127.0.0.1", .routes = routes, .log = &test_log};
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(http_server_start(&s->server, &o, &error), APR_SUCCESS);
    (void)snprintf(s->address, sizeof s->address, "--metaserver=127.0.0.1:%d", http_server_port(s->server));
}

typedef struct outcome {
    int code;
    char out[20000];
    char err[2000];
} outcome_t;

static void slurp(FILE *f, char *to, size_t size) {
    rewind(f);
    size_t n = fread(to, 1, size - 1, f);
    to[n] = 0;
    (void)fclose(f);
}

static bool show_to_people; /* as on a terminal */

/* arguments end with NULL. */
static const outcome_t *run(const char *const *arguments) {
    static outcome_t o;
    int count = 0;
    while (arguments[count] != NULL) count++;
    FILE *out = tmpfile(), *err = tmpfile();
    CU_ASSERT_TRUE_FATAL(out != NULL && err != NULL);
    tool_output_t to = {.out = out, .err = err, .human = show_to_people};
    o.code = tools_run(count, arguments, &to);
    slurp(out, o.out, sizeof o.out);
    slurp(err, o.err, sizeof o.err);
    return &o;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static bool is_one_line(const char *text) {
    const char *end = strchr(text, '\n');
    return end != NULL && end[1] == 0;
}

static void metaserver_76_each_command_sends_its_parameters(void) {
    script_t s;
    script_start(&s);
    static const struct {
        const char *arguments[12];
        const char *request;
    } cases[] = {
        {{"AddBroker", "--brokerGroup=g", "--role=0", "--hostname=h", "--ip=1.2.3.4", "--servePort=1", "--syncPort=2", "--token=t"},
         "token=t action=AddBroker brokerGroup=g role=0 hostname=h ip=1.2.3.4 servePort=1 syncPort=2"},
        {{"ReplaceBroker", "--token", "t", "--syncPort=-2", "--servePort=+1", "--ip", "bogus", "--hostname=h", "--role=x",
          "--brokerGroup=g"},
         "token=t action=ReplaceBroker brokerGroup=g role=x hostname=h ip=bogus servePort=+1 syncPort=-2"},
        {{"ListBrokers"}, "token= action=ListBrokers brokerGroup="},
        {{"ListBrokers", "--brokerGroup", "g"}, "token= action=ListBrokers brokerGroup=g"},
        {{"ListBrokerGroups"}, "token= action=ListBrokerGroups"},
        {{"ListSubjectRoutes"}, "token= action=ListSubjectRoutes"},
        {{"AddNewSubject", "--token=t", "--subject=s", "--tag=x"}, "token=t action=AddNewSubject subject=s tag=x"},
        {{"AddSubjectBrokerGroup", "--token=t", "--subject=s", "--brokerGroup=g"},
         "token=t action=AddSubjectBrokerGroup brokerGroup=g subject=s"},
        {{"RemoveSubjectBrokerGroup", "--token=t", "--subject=*", "--brokerGroup=g"},
         "token=t action=RemoveSubjectBrokerGroup brokerGroup=g subject=*"},
        {{"ExtendSubjectRoute", "--token=t", "--relatedSubject=*", "--relatedBrokerGroup=g", "--newBrokerGroup=n"},
         "token=t action=ExtendSubjectRoute relatedSubject=* relatedBrokerGroup=g newBrokerGroup=n"},
        {{"MarkReadonly", "--token=t", "--brokerGroup=g"}, "token=t action=MarkReadonlyBrokerGroup brokerGroup=g subject=*"},
        {{"UnMarkReadonly", "--token=t", "--brokerGroup=g", "--subject=s"},
         "token=t action=UnMarkReadonlyBrokerGroup brokerGroup=g subject=s"},
        {{"AddDb", "--token=t", "--host=db", "--port=3306", "--username=u", "--password=p w"},
         "token=t action=AddDb type=mmm host=db port=3306 username=u password=p w room=default"},
        {{"QuerySubjectRoute", "--subject=s"}, "token= action=QuerySubjectRoute subject=s"},
        {{"ListConsumers", "--subject=%RETRY%s%g"}, "token= GET /subject/consumers subject=%RETRY%s%g"},
        {{"Onoffline", "--clientId=c@@1", "--subject=s", "--group=g", "--state=1"},
         "token= GET /onoffline subject=s operation=update clientId=c@@1 consumerGroup=g state=1"},
        {{"Onoffline", "--operation=query", "--clientId=*", "--subject=s", "--group=g", "--token=t"},
         "token=t GET /onoffline subject=s operation=query clientId=* consumerGroup=g state=0"},
        {{"SetBrokerGroupTag", "--token=t", "--brokerGroup=g", "--tag="}, "token=t action=SetBrokerGroupTag brokerGroup=g tag="},
        {{"SwapBroker", "--token=t", "--brokerGroup=g"}, "token=t action=SwapBroker brokerGroup=g"},
        {{"ResetOffset", "--token=t", "--subject=s", "--group=g", "--action=1"},
         "token=t action=ResetOffset subject=s group=g code=1"}, /* metaserver_78 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *arguments[14] = {NULL};
        size_t count = 0;
        while (cases[i].arguments[count] != NULL) {
            arguments[count] = cases[i].arguments[count];
            count++;
        }
        arguments[count] = s.address;
        const outcome_t *o = run(arguments);
        CU_ASSERT_EQUAL(o->code, TOOLS_DONE);
        CU_ASSERT_STRING_EQUAL(o->out, "{\"status\":0,\"message\":\"\",\"data\":null}\n");
        CU_ASSERT_STRING_EQUAL(o->err, "");
        CU_ASSERT_STRING_EQUAL(s.got, cases[i].request);
        if (strcmp(s.got, cases[i].request) != 0) printf("%s\n%s\n", s.got, o->err);
    }
    http_server_stop(s.server);
}

static void metaserver_79_values_arrive_unchanged(void) {
    script_t s;
    script_start(&s);
    (void)RUN("MarkReadonly", s.address, "--token=a=b c", "--brokerGroup=a b&c=d%20+组", "--subject= x ");
    CU_ASSERT_STRING_EQUAL(s.got, "token=a=b c action=MarkReadonlyBrokerGroup brokerGroup=a b&c=d%20+组 subject= x ");
    http_server_stop(s.server);
}

static void the_body_is_printed_trimmed_and_tells_the_exit_code(void) {
    script_t s;
    script_start(&s);
    static const struct {
        int status;
        const char *body, *out;
        int code;
    } cases[] = {
        {200, " \n[{\"a\":1}]\r\n\n", "[{\"a\":1}]\n", 0},
        {200, "[]\n", "[]\n", 0},
        {200, "{\"data\":{}}", "{\"data\":{}}\n", 0},
        {200, "{\"status\":-1,\"message\":\"no\",\"data\":null}\n", "{\"status\":-1,\"message\":\"no\",\"data\":null}\n", 1},
        {200, "{\"error\":\"no\"}\n", "{\"error\":\"no\"}\n", 1},
        {200, "need provide action param\n", "need provide action param\n", 1},
        {200, "", "\n", 1},
        {500, "<html>", "", 1},
        {404, "", "", 1},
        {302, "", "", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        s.status = cases[i].status;
        s.answer = cases[i].body;
        const outcome_t *o = RUN("ListBrokerGroups", s.address);
        CU_ASSERT_EQUAL(o->code, cases[i].code);
        CU_ASSERT_STRING_EQUAL(o->out, cases[i].out);
        CU_ASSERT_EQUAL(*o->err == 0, cases[i].status == 200);
        if (*o->err != 0) CU_ASSERT_TRUE(is_one_line(o->err));
    }
    http_server_stop(s.server);
}

static void metaserver_80_unreachable(void) {
    script_t s;
    script_start(&s);
    http_server_stop(s.server); /* nobody listens there any more */
    const outcome_t *o = RUN("ListBrokers", s.address);
    CU_ASSERT_EQUAL(o->code, TOOLS_UNREACHABLE);
    CU_ASSERT_STRING_EQUAL(o->out, "");
    CU_ASSERT_TRUE(is_one_line(o->err));
    CU_ASSERT_PTR_NOT_NULL(strstr(o->err, "send request meta server failed"));
    CU_ASSERT_PTR_NULL(strstr(o->err, "8080"));
}

/* Nobody of a test machine listens on port 80 of this loopback address. */
static void metaserver_77_without_a_port_80_is_used_and_8080_is_named(void) {
    const outcome_t *o = RUN("ListBrokers", "--metaserver=127.0.0.77");
    CU_ASSERT_EQUAL(o->code, TOOLS_UNREACHABLE);
    CU_ASSERT_TRUE(is_one_line(o->err));
    CU_ASSERT_PTR_NOT_NULL(strstr(o->err, "http://127.0.0.77/management"));
    CU_ASSERT_PTR_NOT_NULL(strstr(o->err, "--metaserver=127.0.0.77:8080"));
}

/* NULL: not set. */
static void set_environment(const char *value) {
    apr_pool_t *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&pool, NULL), APR_SUCCESS);
    (void)apr_env_delete("QMQ_METASERVER", pool); /* fails when it is not set */
    if (value != NULL) CU_ASSERT_EQUAL(apr_env_set("QMQ_METASERVER", value, pool), APR_SUCCESS);
    apr_pool_destroy(pool);
}

static void wrong_usage_is_one_line_and_exit_code_2(void) {
    set_environment(NULL);
    static const struct {
        const char *arguments[8];
        const char *line; /* how it begins */
    } cases[] = {
        {{"ListBrokers"}, "Missing required option '--metaserver=<metaserver>'"},
        {{"AddNewSubject", "--metaserver=m"}, "Missing required options [--subject=<subject>, --tag=<tag>, --token=<token>]"},
        {{"AddNewSubject", "--subject"}, "Missing required parameter for option '--subject' (<subject>)"},
        {{"AddNewSubject", "--subject", "--tag=x"}, "Missing required parameter for option '--subject' (<subject>)"},
        {{"ListBrokers", "--bogus"}, "Unknown option: --bogus"},
        {{"ListBrokers", "--bogus=1"}, "Unknown option: --bogus=1"},
        {{"ListBrokers", "--brokergroup=g"}, "Unknown option: --brokergroup=g. The nearest of ListBrokers is --brokerGroup"},
        {{"ListBrokers", "--token=t"}, "Unknown option: --token=t"},
        {{"ListBrokers", "-x"}, "Unknown option: -x"},
        {{"ListBrokers", "extra"}, "Unmatched argument: extra"},
        {{"ListBrokers", "--metaserver=a", "--metaserver=b"}, "option '--metaserver' (<metaserver>) should be specified only once"},
        {{"ListBrokers", "--metaserver=http://a"}, "Invalid value for option '--metaserver': 'http://a' is not host:port"},
        {{"ListBrokers", "--metaserver="}, "Invalid value for option '--metaserver': '' is not host:port"},
        {{"AddBroker", "--servePort=abc"}, "Invalid value for option '--servePort': 'abc' is not an int"},
        {{"AddBroker", "--servePort=2147483648"}, "Invalid value for option '--servePort': '2147483648' is not an int"},
        {{"AddBroker", "--servePort="}, "Invalid value for option '--servePort': '' is not an int"},
        {{"ResetOffset", "--action=EARLIEST"}, "Invalid value for option '--action': 'EARLIEST' is not an int"},
        {{"ListBroker"}, "Unmatched argument: ListBroker. The nearest command is ListBrokers"},
        {{"listbrokers"}, "Unmatched argument: listbrokers. The nearest command is ListBrokers"},
        {{"--bogus"}, "Unknown option: --bogus"},
        {{"MarkReadonly", "--metaserver=m", "--brokerGroup=g", "--token=a\nb"}, "Invalid value for option '--token'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const outcome_t *o = run(cases[i].arguments);
        CU_ASSERT_EQUAL(o->code, TOOLS_USAGE);
        CU_ASSERT_STRING_EQUAL(o->out, "");
        CU_ASSERT_TRUE(is_one_line(o->err));
        CU_ASSERT_EQUAL(strncmp(o->err, cases[i].line, strlen(cases[i].line)), 0);
        if (strncmp(o->err, cases[i].line, strlen(cases[i].line)) != 0) printf("%s", o->err);
    }
}

static void help_comes_from_the_table(void) {
    static const char *const none[] = {NULL};
    const outcome_t *o = run(none);
    CU_ASSERT_EQUAL(o->code, TOOLS_DONE);
    for (const tool_command_t *c = tool_commands; c->name != NULL; c++) CU_ASSERT_PTR_NOT_NULL(strstr(o->out, c->name));
    CU_ASSERT_EQUAL(RUN("-h")->code, TOOLS_DONE);
    CU_ASSERT_EQUAL(RUN("--version")->code, TOOLS_DONE);
    for (const tool_command_t *c = tool_commands; c->name != NULL; c++) {
        o = RUN(c->name, "--help");
        CU_ASSERT_EQUAL(o->code, TOOLS_DONE);
        CU_ASSERT_STRING_EQUAL(o->err, "");
        const tool_option_t *option;
        for (size_t i = 0; (option = tool_option_at(c, i)) != NULL; i++) {
            CU_ASSERT_PTR_NOT_NULL(strstr(o->out, option->name));
            CU_ASSERT_TRUE(i < TOOL_MAX_OPTIONS);
        }
        CU_ASSERT_EQUAL(RUN(c->name, "-V")->code, TOOLS_DONE);
    }
}

static void the_metaserver_may_stand_in_the_environment(void) {
    script_t s;
    script_start(&s);
    set_environment(strchr(s.address, '=') + 1);
    CU_ASSERT_EQUAL(RUN("ListBrokers")->code, TOOLS_DONE);
    CU_ASSERT_STRING_EQUAL(s.got, "token= action=ListBrokers brokerGroup=");
    CU_ASSERT_EQUAL(RUN("ListBrokers", "--metaserver=127.0.0.1:1")->code, TOOLS_UNREACHABLE);
    set_environment(NULL);
    http_server_stop(s.server);
}

static void a_terminal_shows_tables_and_words(void) {
    script_t s;
    script_start(&s);
    static const struct {
        const char *body, *out, *err;
        int code;
    } cases[] = {
        {"{\"status\":0,\"message\":\"\",\"data\":[{\"group\":\"g1\",\"port\":1},{\"group\":\"组-long\",\"port\":20881}]}",
         "group   port\ng1      1\n组-long  20881\n", "", 0},
        {"[{\"subject\":\"s\",\"brokerGroups\":[\"a\",\"b\"],\"version\":2,\"ext\":null}]",
         "subject  brokerGroups  version  ext\ns        a,b           2        -\n", "", 0},
        {"[{\"g\":\"x\",\"endPoint\":[\"one\",\"two\"]},{\"g\":\"y\",\"endPoint\":[]}]", "g  endPoint\nx  one\n   two\ny  \n", "", 0},
        {"[]", "nothing\n", "", 0},
        {"{\"status\":0,\"message\":\"\",\"data\":{}}", "done\n", "", 0},
        {"{\"status\":0,\"message\":\"OFF\",\"data\":null}", "OFF\n", "", 0},
        {"{\"status\":0,\"message\":\"\",\"data\":\"success\"}", "success\n", "", 0},
        {"{\"data\":{\"name\":\"s\",\"tag\":\"t\"}}", "name           s\ntag            t\n", "", 0},
        {"{\"status\":-1,\"message\":\"no\",\"data\":null}", "", "the metaserver refuses: no\n", 1},
        {"{\"status\":-1,\"message\":\"no\",\"data\":{\"s1\":\"last\"}}", "", "the metaserver refuses: no\ns1             last\n", 1},
        {"{\"error\":\"bad\"}", "", "the metaserver refuses: bad\n", 1},
        {"plain words\n", "plain words\n", "", 1},
    };
    show_to_people = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        s.answer = cases[i].body;
        const outcome_t *o = RUN("ListBrokers", s.address);
        CU_ASSERT_EQUAL(o->code, cases[i].code);
        CU_ASSERT_STRING_EQUAL(o->out, cases[i].out);
        CU_ASSERT_STRING_EQUAL(o->err, cases[i].err);
        if (strcmp(o->out, cases[i].out) != 0) printf("%s", o->out);
        o = RUN("ListBrokers", "--raw", s.address); /* the same as into a pipe */
        CU_ASSERT_EQUAL(strncmp(o->out, cases[i].body, strcspn(cases[i].body, "\n")), 0);
        CU_ASSERT_STRING_EQUAL(o->err, "");
    }
    show_to_people = false;
    http_server_stop(s.server);
}

static void words_for_completion_come_from_the_table(void) {
    const outcome_t *o = RUN("--words");
    CU_ASSERT_EQUAL(o->code, TOOLS_DONE);
    for (const tool_command_t *c = tool_commands; c->name != NULL; c++) CU_ASSERT_PTR_NOT_NULL(strstr(o->out, c->name));
    o = RUN("--words", "ResetOffset");
    CU_ASSERT_STRING_EQUAL(o->out, "--subject=\n--group=\n--action=\n--metaserver=\n--token=\n--raw\n--help\n--version\n");
}

const test_case_t tools_cases[] = {TEST(a_terminal_shows_tables_and_words),
                                   TEST(words_for_completion_come_from_the_table),
                                   TEST(metaserver_76_each_command_sends_its_parameters),
                                   TEST(metaserver_79_values_arrive_unchanged),
                                   TEST(the_body_is_printed_trimmed_and_tells_the_exit_code),
                                   TEST(metaserver_80_unreachable),
                                   TEST(metaserver_77_without_a_port_80_is_used_and_8080_is_named),
                                   TEST(wrong_usage_is_one_line_and_exit_code_2),
                                   TEST(help_comes_from_the_table),
                                   TEST(the_metaserver_may_stand_in_the_environment),
                                   TEST_END};
