#include "base/memory.h"
#include "fake.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "protocol/ack.h"
#include "protocol/codes.h"
#include "protocol/pull.h"
#include "receiver.h"
#include "suites.h"

#include <stdio.h>

/* A fake, a client and a consumer of "s" in group "g". */
typedef struct scene {
    fake_t f;
    qmq_client_t *client;
    qmq_consumer_t *consumer;
    qmq_consumer_options_t options;
    receiver_t r;
} scene_t;

static scene_t *scene_new(int brokers) {
    scene_t *s = memory_zalloc(sizeof *s);
    fake_start(&s->f, brokers);
    receiver_init(&s->r);
    qmq_consumer_options_init(&s->options);
    s->options.group = "g";
    s->options.threads = 1; /* in order */
    s->client = fake_client(&s->f);
    return s;
}

static void scene_begin(scene_t *s, const char *subject) {
    qmq_error_t *error = NULL;
    s->consumer = qmq_consumer_start(s->client, subject, &s->options, receiver_handle, &s->r, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->consumer);
    CU_ASSERT_EQUAL(qmq_consumer_ready(s->consumer, 20000, &error), QMQ_OK);
    qmq_error_free(error);
}

static void scene_end(scene_t *s) {
    qmq_consumer_stop(s->consumer, 5000);
    qmq_client_destroy(s->client);
    fake_stop(&s->f);
    receiver_free(&s->r);
    memory_free(s);
}

static void put_many(scene_t *s, const char *subject, int count) {
    char id[24];
    for (int i = 0; i < count; i++) {
        (void)snprintf(id, sizeof id, "m%d", i);
        fake_put(&s->f, 0, subject, id, NULL);
    }
}

/* The n-th pull of a subject. */
static bool pull_at(fake_t *f, const char *subject, size_t n, pull_request_t *q, int16_t *version) {
    fake_request_t r;
    for (size_t i = 0; fake_request_at(f, REQUEST_PULL_MESSAGE, i, &r); i++) {
        if (!pull_request_read(view_make(r.body, r.size), r.version, q) || !view_equal(q->subject, view_of(subject))) continue;
        *version = r.version;
        if (n-- == 0) return true;
    }
    return false;
}

/* The n-th acknowledgement of a subject that is no heartbeat. */
static bool ack_at(fake_t *f, const char *subject, size_t n, ack_request_t *q) {
    fake_request_t r;
    for (size_t i = 0; fake_request_at(f, REQUEST_ACK, i, &r); i++) {
        if (!ack_request_read(view_make(r.body, r.size), r.version, q) || !view_equal(q->subject, view_of(subject))) continue;
        if (q->pull_offset_begin >= 0 && n-- == 0) return true;
    }
    return false;
}

typedef struct wanted_ack {
    fake_t *f;
    const char *subject;
    size_t n;
    ack_request_t q;
} wanted_ack_t;

static bool has_ack(void *arg) {
    wanted_ack_t *w = arg;
    return ack_at(w->f, w->subject, w->n, &w->q);
}

static bool wait_ack(fake_t *f, size_t n, int64_t begin, int64_t last) {
    wanted_ack_t w = {.f = f, .subject = "s", .n = n};
    return test_wait(has_ack, &w, FAKE_PATIENCE) && w.q.pull_offset_begin == begin && w.q.pull_offset_last == last;
}

static void client_31_form_of_a_pull(void) {
    pull_request_t q;
    int16_t version;
    scene_t *s = scene_new(1);
    scene_begin(s, "s");
    CU_ASSERT_FATAL(pull_at(&s->f, "s", 0, &q, &version));
    CU_ASSERT_EQUAL(version, 9);
    CU_ASSERT_EQUAL(q.offset, -1);
    CU_ASSERT_EQUAL(q.pull_offset_begin, -1);
    CU_ASSERT_EQUAL(q.pull_offset_last, -1);
    CU_ASSERT(q.has_tag_filter);
    CU_ASSERT_EQUAL(q.tag_filter.type, TAG_NONE);
    CU_ASSERT_EQUAL(q.tag_filter.count, 0);
    CU_ASSERT(!q.has_sub_env);
    CU_ASSERT(!q.broadcast);
    CU_ASSERT_EQUAL(q.request_num, 50);
    CU_ASSERT(view_equal(q.group, view_of("g")));
    CU_ASSERT(view_equal(q.consumer_id, view_of("host1@@unit")));
    scene_end(s);
}

static bool has_retry_pull(void *arg) {
    pull_request_t q;
    int16_t version;
    return pull_at(arg, "%RETRY%s%g", 0, &q, &version);
}

static void consumer_pulls_its_retry_subject(void) {
    scene_t *s = scene_new(1);
    scene_begin(s, "s");
    CU_ASSERT(test_wait(has_retry_pull, &s->f, FAKE_PATIENCE));
    scene_end(s);
}

static void client_32_36_offsets_and_ack(void) {
    pull_request_t q;
    int16_t version;
    scene_t *s = scene_new(1);
    s->f.first_offset = 100;
    s->options.poll_ms = 60000;
    put_many(s, "s", 4);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 4));
    CU_ASSERT(wait_ack(&s->f, 0, 100, 103));
    fake_put(&s->f, 0, "s", "next", NULL);
    CU_ASSERT(receiver_wait(&s->r, 5));
    CU_ASSERT(wait_ack(&s->f, 1, 104, 104));
    fake_put(&s->f, 0, "s", "last", NULL);
    CU_ASSERT(receiver_wait(&s->r, 6));
    /* The pull after the answer with 104 was sent either before or after its acknowledgement. */
    CU_ASSERT_FATAL(pull_at(&s->f, "s", 2, &q, &version));
    CU_ASSERT(q.pull_offset_begin == 104 || q.pull_offset_begin == 105);
    CU_ASSERT_EQUAL(q.pull_offset_last, 104);
    CU_ASSERT_EQUAL(q.timeout_ms, 60000);
    CU_ASSERT_STRING_EQUAL(s->r.ids[0], "m0");
    CU_ASSERT_STRING_EQUAL(s->r.ids[5], "last");
    scene_end(s);
}

/* Never two pulls at once, and every message once, although some pulls are answered with errors or not at all. */
static void client_33_one_pull_at_a_time(void) {
    scene_t *s = scene_new(1);
    s->f.refuse_request = REQUEST_PULL_MESSAGE;
    s->f.refuse_code = RESPONSE_BROKER_ERROR;
    s->f.refuse_times = 3;
    scene_begin(s, "s");
    for (int i = 0; i < 20; i++) {
        put_many(s, "s", 25);
        fake_release_pulls(&s->f);
    }
    CU_ASSERT(receiver_wait(&s->r, 500));
    CU_ASSERT_EQUAL(receiver_count(&s->r), 500);
    CU_ASSERT_EQUAL(fake_most_pulls(&s->f), 1);
    scene_end(s);
}

/* A failed pull is followed by one with the same offsets, after a pause. */
static void client_34_pull_is_repeated(void) {
    pull_request_t q;
    int16_t version;
    fake_request_t first, second;
    scene_t *s = scene_new(1);
    s->f.refuse_request = REQUEST_PULL_MESSAGE;
    s->f.refuse_code = RESPONSE_UNKNOWN_CODE;
    s->f.refuse_times = 4;
    put_many(s, "s", 2);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 2));
    CU_ASSERT_EQUAL(receiver_count(&s->r), 2);
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_FATAL(pull_at(&s->f, "s", i, &q, &version));
        CU_ASSERT_EQUAL(q.pull_offset_last, -1);
    }
    CU_ASSERT_FATAL(fake_request_at(&s->f, REQUEST_PULL_MESSAGE, 0, &first));
    CU_ASSERT_FATAL(fake_request_at(&s->f, REQUEST_PULL_MESSAGE, 2, &second));
    CU_ASSERT(second.at_us - first.at_us >= 90000);
    scene_end(s);
}

static size_t pulls_of(fake_t *f, const char *subject) {
    pull_request_t q;
    int16_t version;
    size_t n = 0;
    while (pull_at(f, subject, n, &q, &version)) n++;
    return n;
}

static void client_35_too_many_unacknowledged(void) {
    scene_t *s = scene_new(1);
    s->r.holds = true;
    s->options.max_unacked = 10;
    s->options.batch = 11;
    put_many(s, "s", 50);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 11));
    size_t pulls = pulls_of(&s->f, "s");
    /* An acknowledgement that is no use yet brings a flush within a moment: by then a pull would have been sent. */
    for (size_t i = 0; i < 10; i++) receiver_ack(&s->r, 10 - i, NULL);
    CU_ASSERT_EQUAL(receiver_count(&s->r), 11);
    CU_ASSERT_EQUAL(pulls_of(&s->f, "s"), pulls);
    receiver_ack(&s->r, 0, NULL);
    CU_ASSERT(wait_ack(&s->f, 0, 0, 10));
    CU_ASSERT(receiver_wait(&s->r, 22));
    scene_end(s);
}

static void client_37_a_slow_message_does_not_hold_the_others(void) {
    scene_t *s = scene_new(1);
    s->r.holds = true;
    s->f.first_offset = 100;
    put_many(s, "s", 4);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 4));
    receiver_ack(&s->r, 0, NULL);
    receiver_ack(&s->r, 1, NULL);
    receiver_ack(&s->r, 3, NULL);
    CU_ASSERT(wait_ack(&s->f, 0, 100, 101));
    receiver_ack(&s->r, 2, NULL);
    CU_ASSERT(wait_ack(&s->f, 1, 102, 103));
    scene_end(s);
}

static bool has_heartbeat(void *arg) {
    fake_request_t r;
    ack_request_t q;
    for (size_t i = 0; fake_request_at(arg, REQUEST_ACK, i, &r); i++) {
        if (ack_request_read(view_make(r.body, r.size), r.version, &q) && q.pull_offset_begin == -1 && q.pull_offset_last == -1 &&
            !q.broadcast)
            return true;
    }
    return false;
}

static void client_38_heartbeat(void) {
    scene_t *s = scene_new(1);
    int64_t start = clock_mono_us();
    scene_begin(s, "s");
    CU_ASSERT(test_wait(has_heartbeat, &s->f, 25.0));
    CU_ASSERT(clock_mono_us() - start >= 9900000);
    scene_end(s);
}

static void client_39_failed_ack_is_repeated(void) {
    scene_t *s = scene_new(1);
    s->f.refuse_request = REQUEST_ACK;
    s->f.refuse_code = RESPONSE_BROKER_ERROR;
    s->f.refuse_times = 2;
    put_many(s, "s", 3);
    scene_begin(s, "s");
    CU_ASSERT(wait_ack(&s->f, 0, 0, 2));
    put_many(s, "s", 1);
    CU_ASSERT(wait_ack(&s->f, 1, 0, 2));
    CU_ASSERT(wait_ack(&s->f, 2, 0, 2));
    CU_ASSERT(wait_ack(&s->f, 3, 3, 3));
    scene_end(s);
}

static void client_45_other_groups_retries_are_dropped(void) {
    static const char *const other[] = {"qmq_consumerGroupName", "other", NULL};
    static const char *const ours[] = {"qmq_consumerGroupName", "g", NULL};
    scene_t *s = scene_new(1);
    fake_put(&s->f, 0, "s", "theirs", other);
    fake_put(&s->f, 0, "s", "ours", ours);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 1));
    CU_ASSERT(wait_ack(&s->f, 0, 0, 1));
    CU_ASSERT_EQUAL(receiver_count(&s->r), 1);
    CU_ASSERT_STRING_EQUAL(s->r.ids[0], "ours");
    scene_end(s);
}

static void client_46_handlers_see_the_real_subject(void) {
    static const char *const again[] = {"qmq_times", "3", NULL};
    scene_t *s = scene_new(1);
    fake_put(&s->f, 0, "%RETRY%s%g", "m", again);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 1));
    CU_ASSERT_STRING_EQUAL(s->r.subject, "s");
    CU_ASSERT_EQUAL(s->r.attempts[0], 3);
    scene_end(s);
}

static void client_48_59_unreadable_messages(void) {
    scene_t *s = scene_new(1);
    fake_put_raw(&s->f, 0, "s", "broken",
                 view_make("\x00\x03"
                           "abc"
                           "\x00\x09"
                           "short",
                           12));
    fake_put_raw(&s->f, 0, "s", "", view_make(NULL, 0)); /* no id, no creation time */
    fake_put(&s->f, 0, "s", "good", NULL);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 2));
    CU_ASSERT(wait_ack(&s->f, 0, 0, 2));
    CU_ASSERT_EQUAL(receiver_count(&s->r), 2);
    CU_ASSERT_STRING_EQUAL(s->r.ids[1], "good");
    scene_end(s);
}

static void client_59_empty_tag_or_id(void) {
    scene_t *s = scene_new(1);
    fake_put_tagged(&s->f, 0, "s", "before", "red");
    fake_put_tagged(&s->f, 0, "s", "tagged", "");
    fake_put_tagged(&s->f, 0, "s", "", "red");
    fake_put(&s->f, 0, "s", "after", NULL);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 4));
    CU_ASSERT(wait_ack(&s->f, 0, 0, 3));
    CU_ASSERT_EQUAL(receiver_count(&s->r), 4);
    CU_ASSERT_STRING_EQUAL(s->r.ids[1], "tagged");
    CU_ASSERT_STRING_EQUAL(s->r.ids[2], "");
    CU_ASSERT_STRING_EQUAL(s->r.ids[3], "after");
    scene_end(s);
}

/* Acknowledged although the handler has not ended; a copy that comes again is dropped. */
static void client_49_most_once(void) {
    static const char *const again[] = {"qmq_times", "2", NULL};
    scene_t *s = scene_new(1);
    s->options.most_once = true;
    s->r.blocks = true;
    s->r.fails = 1;
    put_many(s, "s", 1);
    fake_put(&s->f, 0, "s", "copy", again);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 1));
    CU_ASSERT(wait_ack(&s->f, 0, 0, 1));
    receiver_unblock(&s->r);
    qmq_consumer_stop(s->consumer, 5000);
    s->consumer = NULL;
    CU_ASSERT_EQUAL(receiver_count(&s->r), 1);
    CU_ASSERT_EQUAL(fake_count(&s->f, REQUEST_SEND_MESSAGE, -2), 0);
    scene_end(s);
}

static void client_51_environments(void) {
    pull_request_t q;
    int16_t version;
    scene_t *s = scene_new(1);
    qmq_client_destroy(s->client);
    qmq_client_options_t o;
    qmq_client_options_init(&o);
    o.metaserver = s->f.metaserver;
    o.env = "fat";
    o.sub_env = "fat1";
    s->client = qmq_client_create(&o, NULL);
    qmq_message_t *m = qmq_message_create(s->client, "s", NULL);
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "qmq_env"), "fat");
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "qmq_subEnv"), "fat1");
    qmq_message_destroy(m);
    scene_begin(s, "s");
    CU_ASSERT_FATAL(pull_at(&s->f, "s", 0, &q, &version));
    CU_ASSERT(view_equal(q.group, view_of("g_fat_fat1")));
    CU_ASSERT(q.has_sub_env);
    CU_ASSERT(view_equal(q.env, view_of("fat")));
    CU_ASSERT(view_equal(q.sub_env, view_of("fat1")));
    scene_end(s);
}

typedef struct wanted_number {
    fake_t *f;
    int32_t number;
} wanted_number_t;

static bool pulls_number(void *arg) {
    wanted_number_t *w = arg;
    pull_request_t q;
    int16_t version;
    fake_release_pulls(w->f);
    for (size_t n = 0; pull_at(w->f, "s", n, &q, &version); n++) {
        if (q.request_num == w->number) return true;
    }
    return false;
}

static void write_file(const char *path, const char *text) {
    CU_ASSERT_EQUAL_FATAL(file_replace(path, text, strlen(text)), APR_SUCCESS);
}

static void client_57_subject_config(void) {
    pull_request_t q;
    int16_t version;
    char path[600];
    scene_t *s = scene_new(1);
    qmq_client_destroy(s->client);
    (void)snprintf(path, sizeof path, "%s/pull_subject_config.properties", test_directory());
    write_file(path, "*_pullBatchSize=7\ns_pullTimeout = 1234\ns_ackNosendLimit=x\ns_maxRetryNum=-3\n");
    qmq_client_options_t o;
    qmq_client_options_init(&o);
    o.metaserver = s->f.metaserver;
    o.client_id = "host1@@unit";
    o.subject_config = path;
    s->client = qmq_client_create(&o, NULL);
    scene_begin(s, "s");
    CU_ASSERT(fake_wait_count(&s->f, REQUEST_PULL_MESSAGE, 4));
    CU_ASSERT_FATAL(pull_at(&s->f, "s", 1, &q, &version));
    CU_ASSERT_EQUAL(q.request_num, 7);
    CU_ASSERT_EQUAL(q.timeout_ms, 1234);
    int64_t start = clock_mono_us();
    write_file(path, "s_pullBatchSize=11\n*_pullBatchSize=20000\n");
    wanted_number_t w = {&s->f, 11};
    CU_ASSERT(test_wait(pulls_number, &w, FAKE_PATIENCE));
    CU_ASSERT(clock_mono_us() - start < 15000000);
    write_file(path, "*_pullBatchSize=20000\n"); /* out of range: the default */
    w.number = 50;
    CU_ASSERT(test_wait(pulls_number, &w, FAKE_PATIENCE));
    scene_end(s);
}

static void consumer_bad_subject_config(void) {
    char path[600];
    qmq_error_t *error = NULL;
    qmq_client_options_t o;
    (void)snprintf(path, sizeof path, "%s/bad.properties", test_directory());
    write_file(path, "a=1\nb=\\u12\n");
    qmq_client_options_init(&o);
    o.metaserver = "127.0.0.1:1";
    o.subject_config = path;
    CU_ASSERT_PTR_NULL(qmq_client_create(&o, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "bad.properties"));
    qmq_error_free(error);
}

static void client_50_broadcast(void) {
    pull_request_t q;
    int16_t version;
    ack_request_t a;
    scene_t *s = scene_new(1);
    s->options.group = NULL;
    s->options.broadcast = true;
    put_many(s, "s", 1);
    scene_begin(s, "s");
    CU_ASSERT(wait_ack(&s->f, 0, 0, 0));
    CU_ASSERT_FATAL(pull_at(&s->f, "s", 0, &q, &version));
    CU_ASSERT(q.broadcast);
    CU_ASSERT(view_equal(q.group, view_of("host1@@unit")));
    CU_ASSERT_FATAL(ack_at(&s->f, "s", 0, &a));
    CU_ASSERT(a.broadcast);
    scene_end(s);
}

static void consumer_tags(void) {
    static const char *const tags[] = {"pay", "cancel", NULL};
    pull_request_t q;
    int16_t version;
    view_t tag;
    scene_t *s = scene_new(1);
    s->options.tags = tags;
    s->options.tag_mode = QMQ_TAGS_ALL;
    scene_begin(s, "s");
    CU_ASSERT_FATAL(pull_at(&s->f, "s", 0, &q, &version));
    CU_ASSERT_EQUAL(q.tag_filter.type, TAG_AND);
    CU_ASSERT_EQUAL(q.tag_filter.count, 2);
    cursor_t c = cursor_of(q.tag_filter.tags);
    CU_ASSERT(message_next_tag(&c, &tag) && view_equal(tag, view_of("pay")));
    CU_ASSERT(message_next_tag(&c, &tag) && view_equal(tag, view_of("cancel")));
    scene_end(s);
}

static void set_online(scene_t *s, int8_t state) {
    fake_lock(&s->f);
    s->f.timestamp++;
    s->f.on_offline = state;
    fake_unlock(&s->f);
}

static void client_52_switched_off_by_the_operator(void) {
    qmq_error_t *error = NULL;
    scene_t *s = scene_new(1);
    set_online(s, STATE_OFFLINE);
    put_many(s, "s", 3);
    s->consumer = qmq_consumer_start(s->client, "s", &s->options, receiver_handle, &s->r, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->consumer);
    CU_ASSERT_NOT_EQUAL(qmq_consumer_ready(s->consumer, 500, &error), QMQ_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "switched off"));
    qmq_error_free(error);
    CU_ASSERT_EQUAL(fake_count(&s->f, REQUEST_PULL_MESSAGE, -2), 0);
    scene_end(s);
}

static void consumer_from_earliest(void) {
    pull_request_t q;
    int16_t version;
    scene_t *s = scene_new(1);
    s->options.from = QMQ_FROM_EARLIEST;
    scene_begin(s, "s");
    CU_ASSERT_FATAL(pull_at(&s->f, "s", 0, &q, &version));
    CU_ASSERT_EQUAL(q.offset, PULL_OFFSET_EARLIEST);
    scene_end(s);
}

/* What was sent back before the first pull of the retry subject is not passed by. */
static void consumer_retry_subject_from_earliest(void) {
    pull_request_t q;
    int16_t version;
    scene_t *s = scene_new(1);
    scene_begin(s, "s");
    CU_ASSERT(test_wait(has_retry_pull, &s->f, FAKE_PATIENCE));
    CU_ASSERT_FATAL(pull_at(&s->f, "%RETRY%s%g", 0, &q, &version));
    CU_ASSERT_EQUAL(q.offset, PULL_OFFSET_EARLIEST);
    scene_end(s);
}

static void client_58_stop_acknowledges_what_was_handled(void) {
    scene_t *s = scene_new(1);
    put_many(s, "s", 7);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 7));
    qmq_consumer_stop(s->consumer, 5000);
    s->consumer = NULL;
    CU_ASSERT(wait_ack(&s->f, 0, 0, 6));
    scene_end(s);
}

static void consumer_stop_while_a_handler_works(void) {
    scene_t *s = scene_new(1);
    s->r.blocks = true;
    s->options.threads = 2;
    put_many(s, "s", 3);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 2)); /* both threads */
    int64_t start = clock_mono_us();
    qmq_consumer_stop(s->consumer, 200);
    s->consumer = NULL;
    CU_ASSERT(clock_mono_us() - start < 10000000);
    receiver_unblock(&s->r); /* their verdicts come too late and do no harm */
    CU_ASSERT_EQUAL(receiver_count(&s->r), 2);
    scene_end(s);
}

/* A message that is kept may be acknowledged after its consumer is gone. */
static void consumer_ack_after_stop(void) {
    scene_t *s = scene_new(1);
    s->r.holds = true;
    put_many(s, "s", 2);
    scene_begin(s, "s");
    CU_ASSERT(receiver_wait(&s->r, 2));
    qmq_consumer_stop(s->consumer, 1000);
    s->consumer = NULL;
    receiver_ack(&s->r, 0, NULL);
    receiver_ack(&s->r, 1, "too late");
    scene_end(s);
}

static void consumer_one_for_a_subject_and_group(void) {
    qmq_error_t *error = NULL;
    scene_t *s = scene_new(1);
    scene_begin(s, "s");
    CU_ASSERT_PTR_NULL(qmq_consumer_start(s->client, "s", &s->options, receiver_handle, &s->r, &error));
    CU_ASSERT_EQUAL(qmq_error_status(error), QMQ_INVALID);
    qmq_error_free(error);
    CU_ASSERT_PTR_NULL(qmq_puller_create(s->client, "s", &s->options, NULL));
    qmq_consumer_stop(s->consumer, 1000);
    scene_begin(s, "s"); /* free again */
    scene_end(s);
}

static void consumer_of_two_brokers(void) {
    scene_t *s = scene_new(2);
    scene_begin(s, "s");
    fake_put(&s->f, 0, "s", "a", NULL);
    fake_put(&s->f, 1, "s", "b", NULL);
    CU_ASSERT(receiver_wait(&s->r, 2));
    scene_end(s);
}

static void consumer_bad_options(void) {
    qmq_error_t *error = NULL;
    scene_t *s = scene_new(1);
    s->options.group = NULL;
    CU_ASSERT_PTR_NULL(qmq_consumer_start(s->client, "s", &s->options, receiver_handle, &s->r, &error));
    CU_ASSERT_EQUAL(qmq_error_status(error), QMQ_INVALID);
    qmq_error_free(error);
    s->options.group = "g";
    s->options.batch = 10001;
    CU_ASSERT_PTR_NULL(qmq_consumer_start(s->client, "s", &s->options, receiver_handle, &s->r, NULL));
    scene_end(s);
}

const test_case_t consumer_cases[] = {
    TEST(client_31_form_of_a_pull),
    TEST(consumer_pulls_its_retry_subject),
    TEST(client_32_36_offsets_and_ack),
    TEST(client_33_one_pull_at_a_time),
    TEST(client_34_pull_is_repeated),
    TEST(client_35_too_many_unacknowledged),
    TEST(client_37_a_slow_message_does_not_hold_the_others),
    TEST(client_38_heartbeat),
    TEST(client_39_failed_ack_is_repeated),
    TEST(client_45_other_groups_retries_are_dropped),
    TEST(client_46_handlers_see_the_real_subject),
    TEST(client_48_59_unreadable_messages),
    TEST(client_59_empty_tag_or_id),
    TEST(client_49_most_once),
    TEST(client_50_broadcast),
    TEST(client_51_environments),
    TEST(client_57_subject_config),
    TEST(consumer_bad_subject_config),
    TEST(consumer_tags),
    TEST(client_52_switched_off_by_the_operator),
    TEST(consumer_from_earliest),
    TEST(consumer_retry_subject_from_earliest),
    TEST(client_58_stop_acknowledges_what_was_handled),
    TEST(consumer_stop_while_a_handler_works),
    TEST(consumer_ack_after_stop),
    TEST(consumer_one_for_a_subject_and_group),
    TEST(consumer_of_two_brokers),
    TEST(consumer_bad_options),
    TEST_END,
};
