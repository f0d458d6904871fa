#include "base/memory.h"
#include "base/status.h"
#include "cli.h"
#include "portability/control.h"
#include "portability/host.h"
#include "state.h"

#include <string.h>

#define DEFAULT_METASERVER "127.0.0.1:8080"

static void on_log(void *arg, qmq_log_level_t level, const char *line) {
    cli_session_t *s = arg;
    if (level >= QMQ_LOG_WARN && atomic_load(&s->loud)) cli_say("%s", line);
}

static const char *metaserver_of(const cli_options_t *o) {
    const char *set = process_environment("QMQ_METASERVER");
    if (o->metaserver != NULL) return o->metaserver;
    return set != NULL && *set != 0 ? set : DEFAULT_METASERVER;
}

bool cli_open(cli_session_t *s, const cli_options_t *o, int *code) {
    qmq_client_options_t options;
    qmq_error_t *error = NULL;
    char *id = NULL;
    memset(s, 0, sizeof *s);
    *code = EXIT_USAGE;
    if (o->client_id == NULL && !state_take_slot(&s->slot, &id)) return false;
    qmq_client_options_init(&options);
    s->metaserver = memory_strdup(metaserver_of(o));
    options.metaserver = s->metaserver;
    options.client_id = o->client_id != NULL ? o->client_id : id;
    options.app_code = "qmq-cli";
    options.log = on_log;
    options.log_arg = s;
    s->client = qmq_client_create(&options, &error);
    memory_free(id);
    *code = s->client != NULL ? EXIT_DONE : cli_fail(error);
    if (s->client != NULL) return true;
    cli_close(s);
    return false;
}

void cli_close(cli_session_t *s) {
    qmq_client_destroy(s->client);
    if (s->slot != NULL) state_release(s->slot);
    memory_free(s->metaserver);
}

static int run(const cli_options_t *o) {
    if (o->help) {
        cli_help(stdout);
        return EXIT_DONE;
    }
    if (o->version) {
        (void)printf("qmq %s\n", qmq_version());
        return EXIT_DONE;
    }
    apr_status_t status = control_install();
    if (status != APR_SUCCESS) {
        char text[120];
        cli_say("cannot catch signals: %s", status_text(status, text, sizeof text));
        return EXIT_REFUSED;
    }
    if (o->command == COMMAND_PEEK) return peek_command(o);
    if (o->command == COMMAND_RESET) return reset_command(o);
    if (o->command == COMMAND_SEND) return send_command(o);
    return o->command == COMMAND_CONSUME ? consume_command(o) : bench_command(o);
}

int main(int argc, char **argv) {
    process_arguments(&argc, &argv);
    cli_options_t o;
    int code = cli_parse(&o, argc, argv);
    if (code == EXIT_DONE) code = run(&o);
    cli_free(&o);
    return code;
}
