#include "base/crc32.h"
#include "base/writer.h"
#include "portability/host.h"
#include "store/action_record.h"
#include "store/message_record.h"
#include "stores.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>

#define SMALL 2048
#define SECOND_SMALL "messagelog/00000000000000002048"

static store_figures_t figures_of(stored_t *t) {
    store_figures_t f;
    store_figures(t->store, &f);
    return f;
}

static size_t add_record(uint8_t *log, size_t at, const char *subject, int64_t sequence, const char *payload) {
    size_t size = strlen(payload);
    at += message_header_put(log + at, 1700000000100, sequence, view_of(subject), crc32_of(payload, size), (uint32_t)size);
    memcpy(log + at, payload, size);
    return at + size;
}

static size_t add_action(uint8_t *log, size_t at, action_type_t type, const char *subject, int64_t first, int64_t last, int64_t message) {
    action_record_t a = {(uint8_t)type, view_of(subject), view_of("g"),          view_of("c"), 1700000000100, false, first,
                         last,          message,          message + last - first};
    action_record_put(log + at, &a);
    return at + action_record_size(&a);
}

/* Puts the bytes in place of a log that was never opened. */
static void place(stored_t *t, const char *name, const uint8_t *bytes, size_t size) {
    char *directory = memory_printf("%s/%.*s", t->root, (int)strcspn(name, "/"), name);
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    memory_free(directory);
    stored_write(t, name, bytes, size);
}

static void storage_4_what_is_written_passes_validation(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    for (int i = 0; i < 50; i++) {
        char payload[64];
        memset(payload, i, sizeof payload);
        CU_ASSERT_EQUAL(stored_put_status(&t, "s", payload, (size_t)i + 1, NULL), i);
    }
    int64_t end = store_message_end(t.store);
    stored_crash(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), end);
    CU_ASSERT_EQUAL(figures_of(&t).truncated_bytes, 0);
    stored_free(&t);
}

static void record_with_wrong_crc_ends_the_last_segment(void) {
    uint8_t log[512];
    size_t first = add_record(log, 0, "s", 0, "good");
    size_t all = add_record(log, first, "s", 1, "bad!");
    log[all - 1] ^= 1;
    stored_t t;
    stored_init(&t);
    place(&t, FIRST_SEGMENT, log, all);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), (int64_t)first);
    CU_ASSERT_EQUAL(figures_of(&t).truncated_bytes, (int64_t)(all - first));
    CU_ASSERT_EQUAL(stored_put(&t, "s", "again"), 1);
    stored_free(&t);
}

/* The file ends in the middle of the last record, or its rest was never written. */
static void cut_message(size_t keep, size_t first, const uint8_t *log, size_t all, bool zeros) {
    stored_t t;
    uint8_t bytes[512] = {0};
    memcpy(bytes, log, keep);
    stored_init(&t);
    place(&t, FIRST_SEGMENT, bytes, zeros ? all + 30 : keep);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), (int64_t)(keep == all ? all : first));
    CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), keep == all ? 2 : 1);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "first"));
    stored_close(&t);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", keep == all ? 2 : 1, "next"));
    stored_free(&t);
}

static void storage_46_torn_message(void) {
    uint8_t log[512];
    size_t first = add_record(log, 0, "s", 0, "first");
    size_t all = add_record(log, first, "s", 1, "second");
    for (size_t keep = first; keep <= all; keep++) {
        cut_message(keep, first, log, all, false);
        cut_message(keep, first, log, all, true);
    }
}

/* Two actions, the second one cut to `keep` bytes. With zeros the cut is where a sector ends, as the system cuts a write into reserved
 * space. */
static void cut_action(size_t keep, bool zeros) {
    uint8_t log[1024] = {0};
    char id[600];
    memset(id, 'c', sizeof id);
    action_record_t before = {ACTION_RANGE_ACK, view_of("s"), view_of("g"), view_make(id, 1), 1700000000100, false, 0, 0, 0, 0};
    before.consumer_id.size += 512 - action_record_size(&before) - keep;
    action_record_put(log, &before);
    size_t first = action_record_size(&before);
    size_t all = add_action(log, first, ACTION_PULL, "s", 1, 3, 0x0905);
    CU_ASSERT_EQUAL_FATAL(first + keep, 512);
    memset(log + 512, 0, all - 512);
    stored_t t;
    int64_t pulled = 0;
    stored_init(&t);
    place(&t, FIRST_ACTIONS, log, zeros ? all + 30 : 512);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_action_end(t.store), (int64_t)first);
    store_group_t *g = store_group_find(t.store, view_of("s"), view_of("g"));
    CU_ASSERT_FALSE(g != NULL && store_group_pulled(g, &pulled));
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 0, 7), APR_SUCCESS);
    stored_close(&t);
    stored_open(&t);
    g = store_group_find(t.store, view_of("s"), view_of("g"));
    CU_ASSERT_TRUE_FATAL(g != NULL && store_group_pulled(g, &pulled));
    CU_ASSERT_EQUAL(pulled, 7);
    stored_free(&t);
}

static void storage_46_torn_action(void) {
    uint8_t log[128];
    size_t size = add_action(log, 0, ACTION_PULL, "s", 1, 3, 0x0905);
    for (size_t keep = 0; keep < size; keep++) {
        cut_action(keep, false);
        cut_action(keep, true);
    }
}

static void storage_47_corrupt_lengths(void) {
    static const char *const bad[] = {"\xff\xff\xff\xff", "\x80\x00\x00\x00", "\x7f\xff\xff\xff", "\x40\x00\x00\x00", "\x00\x10\x00\x00"};
    uint8_t log[512];
    size_t first = add_record(log, 0, "s", 0, "first");
    size_t all = add_record(log, first, "s", 1, "second");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (int where = 0; where < 2; where++) {
            uint8_t spoiled[512];
            memcpy(spoiled, log, all);
            if (where == 0) memcpy(spoiled + first + 21, bad[i], 2);
            if (where == 1) memcpy(spoiled + first + 32, bad[i], 4);
            if (memcmp(spoiled, log, all) == 0 || (where == 0 && bad[i][0] == 0)) continue;
            stored_t t;
            stored_init(&t);
            place(&t, FIRST_SEGMENT, spoiled, all);
            stored_open(&t);
            CU_ASSERT_EQUAL(store_message_end(t.store), (int64_t)first);
            CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), 1);
            stored_free(&t);
        }
    }
}

static void storage_47_corrupt_action_lengths(void) {
    static const char *const bad[] = {"\xff\xff\xff\xff", "\x80\x00\x00\x00", "\x7f\xff\xff\xff",
                                      "\x06\x00\x00\x00", "\x00\x00\x00\x00", "\x00\x00\x00\x03"};
    uint8_t log[512];
    size_t first = add_action(log, 0, ACTION_PULL, "s", 0, 3, 0);
    size_t all = add_action(log, first, ACTION_RANGE_ACK, "s", 0, 3, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t spoiled[512];
        memcpy(spoiled, log, all);
        memcpy(spoiled + first + 6, bad[i], 4);
        stored_t t;
        stored_init(&t);
        place(&t, FIRST_ACTIONS, spoiled, all);
        stored_open(&t);
        CU_ASSERT_EQUAL(store_action_end(t.store), (int64_t)first);
        stored_free(&t);
    }
}

/* Whatever a byte of the last records becomes, the store opens and what stands before it is served. */
static void storage_47_every_byte_of_the_tail(void) {
    static const uint8_t values[] = {0x00, 0x7f, 0x80, 0xff};
    uint8_t messages[512], actions[512];
    size_t first = add_record(messages, 0, "s", 0, "first");
    size_t all = add_record(messages, first, "s", 1, "second");
    size_t first_action = add_action(actions, 0, ACTION_PULL, "s", 0, 0, 0);
    size_t all_actions = add_action(actions, first_action, ACTION_PULL, "s", 1, 1, 1);
    for (size_t i = 0; first + i < all || first_action + i < all_actions; i++) {
        for (size_t v = 0; v < sizeof values; v++) {
            stored_t t;
            stored_init(&t);
            uint8_t message_kept = messages[first + i % (all - first)],
                    action_kept = actions[first_action + i % (all_actions - first_action)];
            messages[first + i % (all - first)] = values[v];
            actions[first_action + i % (all_actions - first_action)] = values[v];
            place(&t, FIRST_SEGMENT, messages, all);
            place(&t, FIRST_ACTIONS, actions, all_actions);
            stored_open(&t);
            CU_ASSERT_TRUE(stored_has(&t, "s", 0, "first"));
            CU_ASSERT_PTR_NOT_NULL(store_group_find(t.store, view_of("s"), view_of("g")));
            CU_ASSERT_TRUE(stored_put(&t, "s", "next") >= 1);
            messages[first + i % (all - first)] = message_kept;
            actions[first_action + i % (all_actions - first_action)] = action_kept;
            stored_free(&t);
        }
    }
}

/* Four small segments of messages and actions. */
static void fill_segments(stored_t *t) {
    stored_init(t);
    t->options.message_segment_size = SMALL;
    t->options.action_segment_size = SMALL;
    stored_open(t);
    for (int i = 0; i < 120; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "message-%d", i);
        CU_ASSERT_EQUAL(stored_put(t, "s", payload), i);
        CU_ASSERT_EQUAL(stored_pull(t, "s", "g", "c", i, i, i), APR_SUCCESS);
    }
    CU_ASSERT_TRUE(store_message_end(t->store) > 2 * SMALL);
    stored_close(t);
}

static void storage_48_damage_in_an_older_segment(void) {
    static const int64_t places[] = {0, 45, 45 + 20, 45 + 30, 45 + 40};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        stored_t t;
        fill_segments(&t);
        stored_patch(&t, FIRST_SEGMENT, places[i], "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
        stored_remove(&t, "consumerlog");
        stored_open(&t);
        int64_t min = 0, next = 0;
        CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
        CU_ASSERT_EQUAL(next, 120);
        for (int k = 3; k < 120; k++) {
            char payload[32];
            snprintf(payload, sizeof payload, "message-%d", k);
            CU_ASSERT_TRUE(stored_has(&t, "s", k, payload));
        }
        CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), 120);
        stored_free(&t);
    }
}

static void storage_48_damage_in_an_older_action_segment(void) {
    stored_t t;
    int64_t first_size = 10 + 3 + 3 + 3 + 8 + 1 + 32;
    fill_segments(&t);
    stored_patch(&t, FIRST_ACTIONS, first_size, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10);
    stored_forget(&t, false);
    stored_open(&t);
    store_group_t *g = store_group_find(t.store, view_of("s"), view_of("g"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    CU_ASSERT_EQUAL(store_pull_lookup(g, view_of("c"), 0), 0);
    CU_ASSERT_EQUAL(store_pull_lookup(g, view_of("c"), 1), -1);
    for (int k = 2; k < 120; k++) CU_ASSERT_EQUAL(store_pull_lookup(g, view_of("c"), k), k);
    stored_free(&t);
}

/* The store does not open; message and remedy contain these words. */
static bool refuses(stored_t *t, apr_status_t wanted, const char *message, const char *remedy) {
    qmq_error_t *error = NULL;
    apr_status_t status = store_open(&t->store, &t->options, &error);
    bool as_wanted = status == wanted && error != NULL && strstr(qmq_error_message(error), message) != NULL &&
                     strstr(qmq_error_remedy(error), remedy) != NULL;
    if (!as_wanted) printf("%s: %s\n", error == NULL ? "opened" : qmq_error_message(error), error == NULL ? "" : qmq_error_remedy(error));
    qmq_error_free(error);
    return as_wanted;
}

static void empty_segment_is_a_hole(void) {
    stored_t t;
    fill_segments(&t);
    stored_truncate(&t, SECOND_SMALL, 0);
    CU_ASSERT_TRUE(refuses(&t, QMQ_E_CORRUPT, SECOND_SMALL " is empty", "--repair"));
    t.options.repair = true;
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 119, "message-119"));
    stored_close(&t);
    t.options.repair = false; /* once was enough */
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 119, "message-119"));
    stored_free(&t);
}

static void missing_segment_is_a_hole(void) {
    stored_t t;
    fill_segments(&t);
    char *path = stored_path(&t, SECOND_SMALL);
    CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
    memory_free(path);
    CU_ASSERT_TRUE(refuses(&t, QMQ_E_CORRUPT, SECOND_SMALL " is missing", "--repair"));
    t.options.repair = true;
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "message-0"));
    CU_ASSERT_TRUE(stored_has(&t, "s", 119, "message-119"));
    poll_result_t r;
    stored_poll(&t, "s", 50, 100, &r);
    CU_ASSERT_TRUE(r.count > 0 && r.messages[0].sequence > 50);
    poll_result_free(&r);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), 120);
    stored_crash(&t);
    t.options.repair = false;
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 119, "message-119"));
    CU_ASSERT_TRUE(stored_has(&t, "s", 120, "next"));
    stored_free(&t);
}

static void storage_49_blank_record_is_skipped(void) {
    uint8_t log[512] = "\xa1\xb2\xc3\x02\x02\x00\x00\x01\x8b\xcf\xe5\x68\x64\x00\x00\x00\x64";
    size_t all = add_record(log, 100, "s", 0, "first");
    stored_t t;
    stored_init(&t);
    place(&t, FIRST_SEGMENT, log, all);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), (int64_t)all);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "first"));
    stored_free(&t);
}

static void records_of_the_first_version_are_served(void) {
    static const uint8_t v1[] =
        "\xa1\xb2\xc3\x00\x00\x00\x00\x01\x8b\xcf\xe5\x68\x64\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01s\x00\x00\x00\x02hi";
    stored_t t;
    stored_init(&t);
    place(&t, FIRST_SEGMENT, v1, sizeof v1 - 1);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), sizeof v1 - 1);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "hi"));
    stored_free(&t);
}

static void storage_66_poison_record_does_not_stop_others(void) {
    static const char *const poison[] = {".", "..", "a/b"};
    uint8_t log[2048];
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        at = add_record(log, at, poison[i], (int64_t)i, "poison");
        at = add_record(log, at, "good", (int64_t)i, "good");
    }
    stored_t t;
    stored_init(&t);
    place(&t, FIRST_SEGMENT, log, at);
    stored_open(&t);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(stored_has(&t, "good", i, "good"));
        CU_ASSERT_PTR_NULL(store_subject_find(t.store, view_of(poison[i])));
    }
    CU_ASSERT_EQUAL(figures_of(&t).skipped_records, 3);
    CU_ASSERT_EQUAL(stored_counter(&t, "ReplayMessageLogFailed", NULL), 3);
    CU_ASSERT_EQUAL(stored_counter(&t, "ReplayActionLogFailed", NULL), 0);
    CU_ASSERT_EQUAL(stored_put(&t, "good", "more"), 3);
    stored_free(&t);
}

static void storage_65_names_that_cannot_be_stored(void) {
    char longest[258];
    memset(longest, 'n', sizeof longest);
    longest[256] = 0;
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    const char *const names[] = {".", "..", "a/b", "", longest};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        apr_status_t status = APR_SUCCESS;
        CU_ASSERT_PTR_NULL(store_subject_get(t.store, view_of(names[i])));
        CU_ASSERT_PTR_NULL(store_group_get(t.store, view_of(names[i]), view_of("g")));
        CU_ASSERT_EQUAL(stored_put_status(&t, names[i], "x", 1, &status), -1);
        CU_ASSERT_EQUAL(status, QMQ_E_INVALID);
    }
    longest[255] = 0;
    CU_ASSERT_EQUAL(stored_put(&t, longest, "x"), 0);
    stored_close(&t);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, longest, 0, "x"));
    stored_free(&t);
}

static void storage_67_foreign_names_are_ignored(void) {
    static const char *const names[] = {"messagelog/lost+found",
                                        "messagelog/1",
                                        "messagelog/.00000000000000000000.offset",
                                        "actionlog/notes.txt",
                                        "messagelog/00000000000000000007",
                                        "consumerlog/readme",
                                        "consumerlog/a b"};
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "one"), 0);
    stored_close(&t);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) stored_write(&t, names[i], "x", 1);
    char *directory = stored_path(&t, "messagelog/00000000002147483648");
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    memory_free(directory);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "one"));
    CU_ASSERT_EQUAL(stored_put(&t, "s", "two"), 1);
    stored_close(&t);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) CU_ASSERT_TRUE(stored_exists(&t, names[i]));
    stored_free(&t);
}

static void storage_22_unknown_action_is_skipped_and_counted(void) {
    uint8_t log[512];
    size_t at = add_action(log, 0, ACTION_PULL, "s", 0, 0, 5);
    size_t unknown = at;
    at = add_action(log, at, ACTION_PULL, "s", 1, 1, 6);
    log[unknown + 5] = 9;
    at = add_action(log, at, ACTION_PULL, "s", 1, 1, 7);
    stored_t t;
    stored_init(&t);
    place(&t, FIRST_ACTIONS, log, at);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_action_end(t.store), (int64_t)at);
    CU_ASSERT_EQUAL(figures_of(&t).skipped_records, 1);
    CU_ASSERT_EQUAL(stored_counter(&t, "ReplayActionLogFailed", NULL), 1);
    CU_ASSERT_EQUAL(stored_counter(&t, "ReplayMessageLogFailed", NULL), 0);
    store_group_t *g = store_group_find(t.store, view_of("s"), view_of("g"));
    CU_ASSERT_EQUAL(store_pull_lookup(g, view_of("c"), 1), 7);
    stored_free(&t);
}

static void storage_23_garbage_behind_the_action_filler(void) {
    stored_t t;
    fill_segments(&t);
    size_t size = 0;
    uint8_t *file = stored_read(&t, FIRST_ACTIONS, &size);
    CU_ASSERT_FATAL(file != NULL && size == SMALL);
    size_t filler = 0;
    while (memcmp(file + filler, "\xc3\xb2\xa1\x00\x01", 5) != 0) filler++;
    uint8_t stale[128]; /* the record that did not fit, from its type byte on */
    (void)add_action(stale, 0, ACTION_PULL, "s", 120, 120, 120);
    memcpy(file + filler + 5, stale + 5, SMALL - filler - 5);
    stored_write(&t, FIRST_ACTIONS, file, size);
    memory_free(file);
    stored_open(&t);
    store_group_t *g = store_group_find(t.store, view_of("s"), view_of("g"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    for (int k = 0; k < 120; k++) CU_ASSERT_EQUAL(store_pull_lookup(g, view_of("c"), k), k);
    CU_ASSERT_EQUAL(figures_of(&t).skipped_records, 0);
    stored_free(&t);
}

static void pulled_sequences_are_never_reused(void) {
    uint8_t messages[256], actions[256];
    size_t at = add_record(messages, 0, "s", 0, "first");
    size_t action = add_action(actions, 0, ACTION_PULL, "s", 0, 9, 0); /* 1..9 were in the part of the log that is lost */
    action = add_action(actions, action, ACTION_PULL, "gone", 0, 0, (int64_t)50000000);
    stored_t t;
    stored_init(&t);
    place(&t, FIRST_SEGMENT, messages, at);
    place(&t, FIRST_ACTIONS, actions, action);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), 10);
    poll_result_t r;
    stored_poll(&t, "s", 1, 100, &r);
    CU_ASSERT_EQUAL(r.count, 1);
    CU_ASSERT_EQUAL(r.messages[0].sequence, 10);
    poll_result_free(&r);
    int64_t min = 0, next = 0;
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("gone")), &min, &next));
    CU_ASSERT_EQUAL(next, 50000001);
    stored_free(&t);
}

static void damaged_position_reserves_nothing(void) {
    uint8_t messages[256], actions[256];
    size_t at = add_record(messages, 0, "s", 0, "first");
    size_t action = add_action(actions, 0, ACTION_PULL, "s", 0, 0, (int64_t)1 << 50);
    stored_t t;
    stored_init(&t);
    place(&t, FIRST_SEGMENT, messages, at);
    place(&t, FIRST_ACTIONS, actions, action);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), 1);
    stored_free(&t);
}

static void second_owner_is_refused(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    store_t *other = NULL;
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL(store_open(&other, &t.options, &error), QMQ_E_LOCKED);
    CU_ASSERT_PTR_NULL(other);
    char pid[32];
    snprintf(pid, sizeof pid, "process %lld", (long long)process_id());
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), pid));
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), t.root));
    CU_ASSERT_TRUE(strlen(qmq_error_remedy(error)) > 0);
    qmq_error_free(error);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "still mine"), 0);
    stored_close(&t);
    stored_open(&t);
    stored_free(&t);
}

static void root_that_is_a_file_is_refused(void) {
    stored_t t;
    stored_init(&t);
    file_t *f = NULL;
    CU_ASSERT_EQUAL_FATAL(file_open(&f, t.root, IO_WRITE | IO_CREATE), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    qmq_error_t *error = NULL;
    CU_ASSERT_NOT_EQUAL(store_open(&t.store, &t.options, &error), APR_SUCCESS);
    CU_ASSERT_PTR_NULL(t.store);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), t.root));
    qmq_error_free(error);
    stored_free(&t);
}

/* Everything that can be asked, as one text. */
typedef struct dump {
    char text[65536];
    size_t used;
} dump_t;

static void dump_consumer(void *arg, view_t id, int64_t pull, int64_t ack) {
    dump_t *d = arg;
    d->used +=
        (size_t)snprintf(d->text + d->used, sizeof d->text - d->used, " %.*s %lld %lld\n", VIEW_ARG(id), (long long)pull, (long long)ack);
}

static void dump_group(void *arg, store_group_t *g) {
    dump_t *d = arg;
    int64_t pulled = 0;
    (void)store_group_pulled(g, &pulled);
    d->used += (size_t)snprintf(d->text + d->used, sizeof d->text - d->used, "%.*s/%.*s %lld\n", VIEW_ARG(store_group_subject(g)),
                                VIEW_ARG(store_group_name(g)), (long long)pulled);
    store_consumers(g, dump_consumer, d);
    for (int64_t q = 0; q < 40; q++) {
        d->used += (size_t)snprintf(d->text + d->used, sizeof d->text - d->used, "%lld ", (long long)store_pull_lookup(g, view_of("c"), q));
    }
}

static void dump_subject(void *arg, store_subject_t *s) {
    dump_t *d = arg;
    int64_t min = 0, next = 0;
    (void)store_subject_bounds(s, &min, &next);
    d->used += (size_t)snprintf(d->text + d->used, sizeof d->text - d->used, "%.*s %lld %lld\n", VIEW_ARG(store_subject_name(s)),
                                (long long)min, (long long)next);
}

static dump_t *dump_of(stored_t *t) {
    dump_t *d = memory_zalloc(sizeof *d);
    store_subjects(t->store, dump_subject, d);
    store_groups(t->store, dump_group, d);
    return d;
}

static void replay_twice_gives_the_same(void) {
    stored_t t;
    fill_segments(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 20), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "other", "c", 0, 9, 30), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_put(&t, "t", "one"), 0);
    dump_t *before = dump_of(&t);
    for (int round = 0; round < 2; round++) {
        stored_crash(&t);
        stored_open(&t);
        dump_t *after = dump_of(&t);
        CU_ASSERT_STRING_EQUAL(before->text, after->text);
        memory_free(after);
    }
    memory_free(before);
    stored_free(&t);
}

static void progress_is_told(void *arg, int percent, const char *what) {
    int *last = arg;
    CU_ASSERT_TRUE(percent >= *last && percent <= 100 && what != NULL);
    *last = percent;
}

static void recovery_tells_its_progress(void) {
    stored_t t;
    int last = 0;
    fill_segments(&t);
    t.options.progress = progress_is_told;
    t.options.arg = &last;
    stored_open(&t);
    CU_ASSERT_EQUAL(last, 100);
    stored_free(&t);
}

const test_case_t recovery_cases[] = {TEST(storage_4_what_is_written_passes_validation),
                                      TEST(record_with_wrong_crc_ends_the_last_segment),
                                      TEST(storage_46_torn_message),
                                      TEST(storage_46_torn_action),
                                      TEST(storage_47_corrupt_lengths),
                                      TEST(storage_47_corrupt_action_lengths),
                                      TEST(storage_47_every_byte_of_the_tail),
                                      TEST(storage_48_damage_in_an_older_segment),
                                      TEST(storage_48_damage_in_an_older_action_segment),
                                      TEST(missing_segment_is_a_hole),
                                      TEST(empty_segment_is_a_hole),
                                      TEST(storage_49_blank_record_is_skipped),
                                      TEST(records_of_the_first_version_are_served),
                                      TEST(storage_66_poison_record_does_not_stop_others),
                                      TEST(storage_65_names_that_cannot_be_stored),
                                      TEST(storage_67_foreign_names_are_ignored),
                                      TEST(storage_22_unknown_action_is_skipped_and_counted),
                                      TEST(storage_23_garbage_behind_the_action_filler),
                                      TEST(pulled_sequences_are_never_reused),
                                      TEST(damaged_position_reserves_nothing),
                                      TEST(second_owner_is_refused),
                                      TEST(root_that_is_a_file_is_refused),
                                      TEST(replay_twice_gives_the_same),
                                      TEST(recovery_tells_its_progress),
                                      TEST_END};
