/* qmq consume: a line of each message, acknowledged after it was printed or after its command ended with 0. */
#include "base/memory.h"
#include "base/status.h"
#include "base/view.h"
#include "cli.h"
#include "json.h"
#include "portability/clock.h"
#include "portability/control.h"
#include "portability/host.h"
#include "portability/thread.h"
#include "state.h"

#include <errno.h>
#include <string.h>

#define READY_MS 10000
#define READY_STEP_MS 50
#define STOP_MS 5000
#define MOST_WORDS 64
#define MOST_TAGS 10

typedef struct consuming {
    const cli_options_t *o;
    cli_session_t session;
    const char *group;
    char *words; /* of the command to run; words points into it */
    const char *command[MOST_WORDS + 1];
    char *tag_text;
    const char *tags[MOST_TAGS + 2];
    mutex_t lock;
    int64_t handled;
    bool enough; /* count reached, or it cannot go on */
    int code;
} consuming_t;

/* ---- preparing */

/* Words at blanks; quotes keep them together. False when a quote is not closed or there are too many. */
static bool split_command(consuming_t *c, const char *text) {
    char *to = memory_alloc(strlen(text) + 2);
    size_t count = 0;
    c->words = to;
    while (*(text += strspn(text, " \t")) != 0) {
        if (count == MOST_WORDS) return false;
        c->command[count++] = to;
        char quote = 0;
        for (; *text != 0 && (quote != 0 || (*text != ' ' && *text != '\t')); text++) {
            if (quote == 0 && (*text == '"' || *text == '\'')) {
                quote = *text;
            } else if (*text == quote) {
                quote = 0;
            } else {
                *to++ = *text;
            }
        }
        if (quote != 0) return false;
        *to++ = 0;
    }
    return count > 0;
}

static void split_tags(consuming_t *c, const char *filter) {
    c->tag_text = memory_strdup(filter + strlen("any:"));
    size_t count = 0;
    for (char *at = c->tag_text; at != NULL && count <= MOST_TAGS;) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma = 0;
        c->tags[count++] = at;
        at = comma == NULL ? NULL : comma + 1;
    }
}

/* ---- handling */

static void stop(consuming_t *c, int code) {
    mutex_lock(&c->lock);
    c->enough = true;
    c->code = code;
    mutex_unlock(&c->lock);
    control_request_stop();
}

static bool print(const consuming_t *c, const qmq_message_t *m) {
    size_t size;
    const char *data = qmq_message_get_bytes(m, "data", &size);
    if (c->o->json) {
        json_write_message(stdout, m, c->group);
    } else if (data != NULL) {
        (void)fwrite(data, 1, size, stdout);
        (void)fputc('\n', stdout);
    } else {
        json_write_attributes(stdout, m);
        (void)fputc('\n', stdout);
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* The text a command gets on its standard input: what would have been printed. malloc'ed. */
static char *input_of(const consuming_t *c, const qmq_message_t *m, size_t *size) {
    const char *data = qmq_message_get_bytes(m, "data", size);
    if (!c->o->json && data != NULL) return memory_dup(data, *size);
    FILE *f = tmpfile();
    char *text = NULL;
    if (f == NULL) return NULL;
    if (c->o->json) {
        json_write_message(f, m, c->group);
    } else {
        json_write_attributes(f, m);
    }
    long end = fflush(f) == 0 ? ftell(f) : -1;
    if (end >= 0) {
        *size = (size_t)end;
        text = memory_alloc(*size + 1);
        rewind(f);
        if (fread(text, 1, *size, f) != *size) {
            memory_free(text);
            text = NULL;
        }
    }
    (void)fclose(f);
    return text;
}

/* True when the message is done; *fatal when nothing can be handled any more. */
static bool run_command(consuming_t *c, const qmq_message_t *m, bool *fatal) {
    size_t size = 0;
    int exit_code = 0;
    char why[120];
    char *input = input_of(c, m, &size);
    apr_status_t status = input == NULL ? APR_ENOMEM : process_run(c->command, input, size, &exit_code);
    memory_free(input);
    *fatal = status != APR_SUCCESS;
    if (status != APR_SUCCESS) {
        cli_say("cannot run %s: %s; message %s stays unacknowledged", c->command[0], status_text(status, why, sizeof why),
                qmq_message_id(m));
        return false;
    }
    if (exit_code != 0) cli_say("%s ended with %d for message %s", c->command[0], exit_code, qmq_message_id(m));
    return exit_code == 0;
}

/* Gives a message back unhandled: it stays unacknowledged and comes again. */
static qmq_verdict_t leave(qmq_message_t *m) {
    qmq_message_destroy(m);
    return QMQ_LATER;
}

static void count_one(consuming_t *c) {
    mutex_lock(&c->lock);
    c->handled++;
    bool reached = c->o->count > 0 && c->handled >= c->o->count;
    mutex_unlock(&c->lock);
    if (reached) stop(c, EXIT_DONE);
}

static qmq_verdict_t on_message(void *arg, qmq_message_t *m) {
    consuming_t *c = arg;
    bool fatal = false;
    mutex_lock(&c->lock);
    bool enough = c->enough;
    mutex_unlock(&c->lock);
    if (enough) return leave(m);
    if (c->o->exec == NULL && !print(c, m)) {
        cli_say("cannot write to the standard output: %s; message %s stays unacknowledged", strerror(errno), qmq_message_id(m));
        stop(c, EXIT_REFUSED);
        return leave(m);
    }
    bool done = c->o->exec == NULL || run_command(c, m, &fatal);
    if (fatal || (!done && strcmp(c->o->on_fail, "stop") == 0)) {
        stop(c, fatal ? EXIT_USAGE : EXIT_REFUSED);
        return leave(m);
    }
    if (done) count_one(c);
    return done ? QMQ_DONE : QMQ_RETRY;
}

/* ---- the command */

/* Waits until it is subscribed; Ctrl+C and --timeout end it before. */
static bool wait_ready(consuming_t *c, qmq_consumer_t *consumer, int64_t deadline_us, int *code) {
    int64_t end = clock_mono_us() + READY_MS * INT64_C(1000);
    if (deadline_us < end) end = deadline_us;
    for (;;) {
        qmq_error_t *error = NULL;
        int status = qmq_consumer_ready(consumer, READY_STEP_MS, &error);
        if (status == QMQ_OK) return true;
        bool late = clock_mono_us() >= end;
        bool asked = !late && control_wait(0) == CONTROL_STOP;
        if (late) {
            *code = cli_fail(error);
            return false;
        }
        qmq_error_free(error);
        if (!asked) continue;
        mutex_lock(&c->lock);
        *code = c->enough ? c->code : c->o->count > 0 ? EXIT_TIMED_OUT : EXIT_DONE;
        mutex_unlock(&c->lock);
        return false;
    }
}

/* A signal, the count, a failure, or the time. */
static int wait_end(consuming_t *c, int64_t deadline_us) {
    control_event_t event = CONTROL_NONE;
    cli_progress_t progress;
    cli_progress_begin(&progress, c->o->exec == NULL);
    while (event != CONTROL_STOP && event != CONTROL_STOP_NOW) {
        int64_t left = deadline_us - clock_mono_us();
        if (left <= 0) break;
        event = control_wait(left < CLI_PROGRESS_US ? left : CLI_PROGRESS_US);
        mutex_lock(&c->lock);
        long long so_far = c->handled;
        mutex_unlock(&c->lock);
        if (event == CONTROL_NONE) cli_progress(&progress, "messages received", so_far);
    }
    cli_progress_end(&progress);
    mutex_lock(&c->lock);
    int code = c->enough ? c->code : c->o->count > 0 ? EXIT_TIMED_OUT : EXIT_DONE;
    bool short_of = !c->enough && c->o->count > 0;
    int64_t handled = c->handled;
    c->enough = true;
    mutex_unlock(&c->lock);
    if (short_of) cli_say("%lld of %lld messages came", (long long)handled, (long long)c->o->count);
    return code;
}

static int run(consuming_t *c) {
    qmq_error_t *error = NULL;
    qmq_consumer_options_t options;
    int64_t deadline_us = c->o->timeout_ms < 0 ? INT64_MAX : clock_mono_us() + c->o->timeout_ms * 1000;
    qmq_consumer_options_init(&options);
    options.group = c->o->group;
    options.broadcast = c->o->broadcast;
    options.threads = 1; /* lines do not mix, and come in the order received */
    if (c->o->count > 0 && c->o->count < options.batch) options.batch = (int)c->o->count;
    if (strcmp(c->o->from, "earliest") == 0) options.from = QMQ_FROM_EARLIEST;
    if (c->o->filter != NULL) {
        options.tag_mode = strncmp(c->o->filter, "all:", 4) == 0 ? QMQ_TAGS_ALL : QMQ_TAGS_ANY;
        options.tags = c->tags;
    }
    qmq_consumer_t *consumer = qmq_consumer_start(c->session.client, c->o->subject, &options, on_message, c, &error);
    if (consumer == NULL) return cli_fail(error);
    int code = EXIT_DONE;
    if (wait_ready(c, consumer, deadline_us, &code)) {
        atomic_store(&c->session.loud, true);
        code = wait_end(c, deadline_us);
    }
    qmq_consumer_stop(consumer, STOP_MS);
    return code;
}

int consume_command(const cli_options_t *o) {
    consuming_t c = {.o = o};
    int code;
    if (o->exec != NULL && !split_command(&c, o->exec)) {
        cli_say("--exec %s: empty, a quote that is not closed, or more than %d words", o->exec, MOST_WORDS);
        memory_free(c.words);
        return EXIT_USAGE;
    }
    if (o->filter != NULL) split_tags(&c, o->filter);
    mutex_init(&c.lock);
    if (cli_open(&c.session, o, &code)) {
        c.group = o->broadcast ? qmq_client_id(c.session.client) : o->group;
        code = run(&c);
        cli_close(&c.session);
    }
    mutex_destroy(&c.lock);
    memory_free(c.words);
    memory_free(c.tag_text);
    return code;
}
