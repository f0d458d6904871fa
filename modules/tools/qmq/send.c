/* qmq send: a message of each line. A thread reads and hands over, verdicts come from the library, the main thread waits for the end or
 * for Ctrl+C. */
#include "base/error.h"
#include "base/memory.h"
#include "base/view.h"
#include "cli.h"
#include "json.h"
#include "lines.h"
#include "portability/clock.h"
#include "portability/control.h"
#include "portability/file.h"
#include "portability/thread.h"

#include <errno.h>
#include <string.h>

#define FLUSH_MS INT64_C(120000)
#define FLUSH_AFTER_STOP_MS 5000
#define ROOM_MS 100
#define MOST_FAILED_FILES 1000

typedef struct sender {
    const cli_options_t *o;
    cli_session_t session;
    qmq_producer_t *producer;
    lines_t lines;
    mutex_t lock;
    condition_t changed;
    bool stopping; /* asked to end: nothing is handed over any more */
    bool handing;  /* the reader is in the producer just now */
    bool read_all;
    bool read_failed;
    size_t sent;
    size_t failed;
    int code; /* of the first failure */
    FILE *failures;
    char *failures_path;
} sender_t;

/* A line on its way; it is written to the file of failures when it was not confirmed. */
typedef struct line {
    sender_t *sender;
    size_t number;
    size_t size;
    char text[];
} line_t;

/* ---- what failed */

/* A new file beside the others; an older one may be the very input. */
static void open_failures(sender_t *s) {
    path_info_t info;
    for (int i = 1; s->failures == NULL && i < MOST_FAILED_FILES; i++) {
        char number[16] = "";
        if (i > 1) (void)snprintf(number, sizeof number, ".%d", i);
        memory_free(s->failures_path);
        s->failures_path = memory_printf("%s.failed%s.%s", s->o->subject, number, s->o->json ? "jsonl" : "txt");
        if (path_inspect(s->failures_path, &info) != APR_SUCCESS || info.kind != PATH_MISSING) continue;
        s->failures = fopen(s->failures_path, "wb");
        if (s->failures != NULL) return;
        cli_say("cannot write %s: %s; what fails is not kept", s->failures_path, strerror(errno));
        return;
    }
}

/* With the lock held. */
static void keep_failed(sender_t *s, const char *text, size_t size, int code) {
    if (s->failed++ == 0) {
        s->code = code;
        open_failures(s);
    }
    if (s->failures == NULL) return;
    (void)fwrite(text, 1, size, s->failures); /* looked at when it is closed */
    (void)fputc('\n', s->failures);
}

static qmq_error_t *copy_error(const qmq_error_t *e, size_t number) {
    return error_create(qmq_error_status(e), qmq_error_remedy(e), "line %zu: %s", number, qmq_error_message(e));
}

static void take_failure(sender_t *s, size_t number, const char *text, size_t size, const qmq_error_t *error) {
    int code = s->code;
    mutex_lock(&s->lock);
    bool first = s->failed == 0;
    mutex_unlock(&s->lock);
    if (first) code = cli_fail(copy_error(error, number)); /* one line is enough: the others fail alike */
    mutex_lock(&s->lock);
    keep_failed(s, text, size, code);
    if (s->sent == 0 && code == EXIT_UNREACHABLE) s->stopping = true; /* nobody was ever there */
    bool stopping = s->stopping;
    mutex_unlock(&s->lock);
    if (stopping) control_request_stop();
}

static void on_sent(void *arg, const qmq_message_t *message, const qmq_error_t *error) {
    line_t *line = arg;
    sender_t *s = line->sender;
    (void)message;
    if (error != NULL) {
        take_failure(s, line->number, line->text, line->size, error);
    } else {
        mutex_lock(&s->lock);
        s->sent++;
        mutex_unlock(&s->lock);
    }
    memory_free(line);
}

/* ---- making messages */

static int add_common(const cli_options_t *o, qmq_message_t *m, qmq_error_t **error) {
    int status = QMQ_OK;
    for (size_t i = 0; i < o->tags.count && status == QMQ_OK; i++) status = qmq_message_add_tag(m, o->tags.at[i], error);
    for (size_t i = 0; i < o->attributes.count && status == QMQ_OK; i++) {
        const char *equals = strchr(o->attributes.at[i], '=');
        if (equals == NULL || equals == o->attributes.at[i]) {
            *error = error_create(QMQ_INVALID, "Write --attr key=value", "--attr %s has no key and value", o->attributes.at[i]);
            return QMQ_INVALID;
        }
        char *key = memory_strndup(o->attributes.at[i], (size_t)(equals - o->attributes.at[i]));
        status = json_set_text(m, key, equals + 1, strlen(equals + 1), error);
        memory_free(key);
    }
    if (o->delay_ms >= 0) qmq_message_set_delay_ms(m, o->delay_ms);
    if (o->at != NULL) qmq_message_set_schedule_ms(m, cli_time_ms(o->at));
    return status;
}

static qmq_message_t *make_message(const sender_t *s, const char *text, size_t size, qmq_error_t **error) {
    qmq_message_t *m = qmq_message_create(s->session.client, s->o->subject, error);
    if (m == NULL) return NULL;
    int status = add_common(s->o, m, error);
    if (status == QMQ_OK) status = s->o->json ? json_read_attributes(m, text, size, error) : json_set_text(m, "data", text, size, error);
    if (status == QMQ_OK) return m;
    qmq_message_destroy(m);
    return NULL;
}

/* ---- the reader */

/* True when the producer may be used; leave must follow. */
static bool enter(sender_t *s) {
    mutex_lock(&s->lock);
    s->handing = !s->stopping;
    bool may = s->handing;
    mutex_unlock(&s->lock);
    return may;
}

static void leave(sender_t *s) {
    mutex_lock(&s->lock);
    s->handing = false;
    condition_broadcast(&s->changed);
    mutex_unlock(&s->lock);
}

/* Hands one line over, waiting for room. False when the sender stops. */
static bool hand_over(sender_t *s) {
    const char *text = s->lines.size == 0 ? "" : s->lines.text;
    line_t *line = memory_alloc(sizeof *line + s->lines.size);
    line->sender = s;
    line->number = s->lines.number;
    line->size = s->lines.size;
    memcpy(line->text, text, s->lines.size);
    for (;;) {
        qmq_error_t *error = NULL;
        if (!enter(s)) break;
        qmq_message_t *m = make_message(s, line->text, line->size, &error);
        int status = m == NULL ? QMQ_INVALID : qmq_producer_send(s->producer, m, ROOM_MS, on_sent, line, &error);
        leave(s);
        if (status == QMQ_OK) return true;
        if (status != QMQ_FULL) {
            take_failure(s, line->number, line->text, line->size, error);
            qmq_error_free(error);
            memory_free(line);
            return true;
        }
        qmq_error_free(error);
    }
    mutex_lock(&s->lock);
    keep_failed(s, line->text, line->size, s->code);
    mutex_unlock(&s->lock);
    memory_free(line);
    return false;
}

/* Waits for the n-th message's turn. */
static void keep_rate(sender_t *s, int64_t start_us, size_t n) {
    if (s->o->rate == 0) return;
    int64_t due = start_us + (int64_t)n * 1000000 / s->o->rate;
    mutex_lock(&s->lock);
    for (int64_t left = due - clock_mono_us(); left > 0 && !s->stopping; left = due - clock_mono_us())
        (void)condition_wait_us(&s->changed, &s->lock, left);
    mutex_unlock(&s->lock);
}

static void run_reader(void *arg) {
    sender_t *s = arg;
    int64_t start_us = clock_mono_us();
    bool failed = false;
    for (size_t n = 0; lines_next(&s->lines, &failed); n++) {
        keep_rate(s, start_us, n);
        if (!hand_over(s)) break;
    }
    mutex_lock(&s->lock);
    s->read_all = true;
    s->read_failed = failed;
    mutex_unlock(&s->lock);
    control_request_stop();
}

/* ---- the command */

/* Options that no message can have are told before anything is read. */
static int try_options(sender_t *s) {
    qmq_error_t *error = NULL;
    qmq_message_t *m = qmq_message_create(s->session.client, s->o->subject, &error);
    if (m != NULL && add_common(s->o, m, &error) == QMQ_OK) {
        qmq_message_destroy(m);
        return EXIT_DONE;
    }
    qmq_message_destroy(m);
    return cli_fail(error);
}

static int finish(sender_t *s, bool read_all) {
    if (s->failures != NULL) {
        bool kept = !ferror(s->failures);
        if (fclose(s->failures) != 0) kept = false;
        if (kept) {
            cli_say("what failed is in %s; send it again with: qmq send %s %s%s", s->failures_path, s->o->subject, s->failures_path,
                    s->o->json ? " --json" : "");
        } else {
            cli_say("cannot write %s: %s", s->failures_path, strerror(errno));
        }
    }
    if (!read_all) cli_say("stopped after line %zu; what comes after it was not sent", s->lines.number);
    if (s->read_failed) cli_say("the input cannot be read after line %zu: %s", s->lines.number, strerror(errno));
    (void)printf("%zu message%s sent, %zu failed\n", s->sent, s->sent == 1 ? "" : "s", s->failed);
    if (s->sent > 0) cli_say_guarantee(s->o);
    if (s->failed == 0 && s->read_failed) return EXIT_USAGE;
    return s->failed == 0 ? EXIT_DONE : s->code;
}

/* Until all is read, or a signal. */
static void wait_end(sender_t *s) {
    cli_progress_t progress;
    cli_progress_begin(&progress, false);
    while (control_wait(CLI_PROGRESS_US) == CONTROL_NONE) {
        mutex_lock(&s->lock);
        size_t sent = s->sent;
        mutex_unlock(&s->lock);
        cli_progress(&progress, "messages sent", (long long)sent);
    }
    cli_progress_end(&progress);
}

static int run(sender_t *s) {
    qmq_error_t *error = NULL;
    qmq_producer_options_t options;
    thread_t *reader = NULL;
    qmq_producer_options_init(&options);
    if (s->o->batch > 0) options.batch = s->o->batch > INT32_MAX ? INT32_MAX : (int)s->o->batch;
    s->producer = qmq_producer_create(s->session.client, &options, &error);
    if (s->producer == NULL) return cli_fail(error);
    if (thread_start(&reader, "qmq-reader", run_reader, s) != APR_SUCCESS) {
        qmq_producer_destroy(s->producer, 0);
        cli_say("cannot start a thread; raise the limit of threads of this user");
        return EXIT_REFUSED;
    }
    wait_end(s);
    mutex_lock(&s->lock);
    bool read_all = s->read_all;
    s->stopping = true;
    condition_broadcast(&s->changed);
    while (s->handing) condition_wait(&s->changed, &s->lock);
    mutex_unlock(&s->lock);
    qmq_producer_destroy(s->producer, read_all ? FLUSH_MS : FLUSH_AFTER_STOP_MS);
    if (read_all) thread_join(reader); /* else it waits for input that may never come, and ends with the process */
    return finish(s, read_all);
}

int send_command(const cli_options_t *o) {
    static sender_t s; /* the reader may outlive this call */
    int code;
    s.o = o;
    mutex_init(&s.lock);
    condition_init(&s.changed);
    if (!cli_open(&s.session, o, &code)) return code;
    code = try_options(&s);
    if (code == EXIT_DONE) code = lines_open(&s.lines, o->file) ? run(&s) : EXIT_USAGE;
    cli_close(&s.session);
    if (s.read_all) lines_close(&s.lines);
    memory_free(s.failures_path);
    return code;
}
