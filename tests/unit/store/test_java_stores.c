/* Stores recorded from Java brokers against what their manifests say. */
#include "protocol/message.h"
#include "stores.h"
#include "suites.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static bool run(const char *command) {
    return system(command) == 0;
}

/* Unpacks a store; NULL when there is none. The manifest is the caller's. */
static json_t *unpack(stored_t *t, const char *name) {
    const char *fixtures = test_fixtures();
    if (fixtures == NULL || !run("command -v zstd >/dev/null")) return NULL;
    stored_init(t);
    char *command = memory_printf("mkdir -p '%s' && zstd -dc '%s/java-store/%s.tar.zst' | tar --sparse -C '%s' -xf - && zstd -dqc "
                                  "'%s/java-store/%s.messages.tsv.zst' "
                                  "> '%s.tsv'",
                                  t->root, fixtures, name, t->root, fixtures, name, t->root);
    char *path = memory_printf("%s/java-store/%s.json", fixtures, name);
    json_t *manifest = run(command) ? json_load_file(path, 0, NULL) : NULL;
    memory_free(command);
    memory_free(path);
    return manifest;
}

static int64_t number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* One line of the message list: subject, sequence, id, payload length, ... */
static void check_message(stored_t *t, char *line) {
    char *field[4];
    for (int i = 0; i < 4; i++) {
        field[i] = line;
        line = strchr(line, '\t');
        CU_ASSERT_PTR_NOT_NULL_FATAL(line);
        *line++ = 0;
    }
    poll_result_t r;
    stored_poll(t, field[0], strtoll(field[1], NULL, 10), 1, &r);
    CU_ASSERT_EQUAL_FATAL(r.count, 1);
    CU_ASSERT_EQUAL(r.messages[0].payload.size, strtoull(field[3], NULL, 10));
    cursor_t c = cursor_make(r.messages[0].payload.data, r.messages[0].payload.size);
    message_t m;
    CU_ASSERT_TRUE_FATAL(message_parse(&c, &m));
    CU_ASSERT_TRUE(view_equal(m.id, view_of(field[2])));
    poll_result_free(&r);
}

static void check_messages(stored_t *t) {
    char *path = memory_printf("%s.tsv", t->root), line[8192];
    FILE *file = fopen(path, "r");
    memory_free(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof line, file) != NULL) check_message(t, line);
    fclose(file);
}

static void check_subjects(stored_t *t, const json_t *manifest) {
    const char *name;
    json_t *subject;
    json_object_foreach(json_object_get(manifest, "subjects"), name, subject) {
        int64_t min = 0, next = 0;
        store_subject_t *s = store_subject_find(t->store, view_of(name));
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_TRUE(store_subject_bounds(s, &min, &next));
        CU_ASSERT_EQUAL(min, number(subject, "first_sequence"));
        CU_ASSERT_EQUAL(next, number(subject, "next_sequence"));
    }
}

/* Every un-acked pull offset leads to the message its client got, and no acknowledged one is looked up. */
static void check_consumer(store_group_t *g, const json_t *consumer, bool broadcast) {
    int64_t pull = 0, ack = 0;
    view_t id = view_of(text(consumer, "id"));
    CU_ASSERT_TRUE(store_consumer_position(g, id, &pull, &ack));
    CU_ASSERT_EQUAL(pull, number(consumer, "last_pulled"));
    CU_ASSERT_EQUAL(ack, number(consumer, "last_acked"));
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(consumer, "unacked_pull_offsets"), i, row) {
        int64_t first = json_integer_value(json_array_get(row, 0)), last = json_integer_value(json_array_get(row, 1));
        for (int64_t q = first; q <= last; q++) CU_ASSERT_NOT_EQUAL_FATAL(store_pull_lookup(g, id, q), -1);
    }
    json_array_foreach(json_object_get(consumer, "unacked"), i, row) {
        CU_ASSERT_EQUAL_FATAL(store_pull_lookup(g, id, json_integer_value(json_array_get(row, 0))),
                              json_integer_value(json_array_get(row, 1)));
    }
    if (!broadcast) {
        CU_ASSERT_EQUAL(store_pull_lookup(g, id, ack), -1);
        CU_ASSERT_EQUAL(store_pull_lookup(g, id, pull + 1), -1);
    }
}

static void check_groups(stored_t *t, const json_t *manifest) {
    size_t i, k;
    json_t *group, *consumer;
    json_array_foreach(json_object_get(manifest, "groups"), i, group) {
        store_group_t *g = store_group_find(t->store, view_of(text(group, "subject")), view_of(text(group, "group")));
        int64_t pulled = 0;
        CU_ASSERT_PTR_NOT_NULL_FATAL(g);
        CU_ASSERT_TRUE(store_group_pulled(g, &pulled));
        CU_ASSERT_EQUAL(pulled, number(group, "last_pulled_message_sequence"));
        json_array_foreach(json_object_get(group, "consumers"), k, consumer)
            check_consumer(g, consumer, json_is_true(json_object_get(group, "broadcast")));
    }
}

/* With `damage`, a command, done to the store before. */
static void check_damaged_store(const char *name, const char *damage) {
    stored_t t;
    json_t *manifest = unpack(&t, name);
    if (manifest == NULL) {
        test_skip("no recorded stores, or no zstd to unpack them");
        return;
    }
    char *command = memory_printf("cd '%s' && { %s; }", t.root, damage);
    CU_ASSERT_TRUE_FATAL(run(command));
    memory_free(command);
    json_t *ends = json_object_get(manifest, "log_ends");
    for (int round = 0; round < 2; round++) {
        stored_open(&t);
        CU_ASSERT_EQUAL(store_message_end(t.store), number(ends, "message_log"));
        CU_ASSERT_EQUAL(store_action_end(t.store), number(ends, "action_log"));
        check_subjects(&t, manifest);
        check_groups(&t, manifest);
        if (round == 0) check_messages(&t);
        stored_close(&t);
    }
    json_decref(manifest);
    stored_free(&t);
}

static void check_store(const char *name) {
    check_damaged_store(name, "true");
}

/* Everything derived is missing, in part or altogether, or not to be used: the logs say it all. */
static void java_store_without_derived_files(void) {
    static const char *const damages[] = {"rm checkpoint/*",
                                          "rm checkpoint/message-*",
                                          "rm checkpoint/action-*",
                                          "rm checkpoint/message-checkpoint.00000000000009249896",
                                          "rm pulllog_smt/*",
                                          "rm pulllog_smt/* checkpoint/action-*",
                                          "rm -r consumerlog",
                                          "rm -r consumerlog checkpoint",
                                          "rm -r consumerlog/unacked.demo consumerlog/bulk.load",
                                          "truncate -s 0 consumerlog/bulk.load/0*",
                                          "truncate -s 100 pulllog_smt/163839",
                                          "truncate -s 0 pulllog_smt/72",
                                          "for f in checkpoint/*; do truncate -s 20 $f; done",
                                          "rm messagelog/.*.offset; touch messagelog/lost+found pulllog_smt/x",
                                          "truncate -s 9249896 messagelog/0*; truncate -s 181119 actionlog/0*"};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) check_damaged_store("broker-master-clean", damages[i]);
}

static void java_store_of_format_v2_without_derived_files(void) {
    static const char *const damages[] = {"rm -r checkpoint", "rm -r consumerlog", "rm -r consumerlog/v2.order"};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) check_damaged_store("broker-master-v2", damages[i]);
}

static void java_store_with_sorted_tables_without_derived_files(void) {
    check_damaged_store("broker-master-smt", "rm -r checkpoint");
    check_damaged_store("broker-master-smt", "rm -r smt checkpoint");
}

static void java_store_of_a_clean_stop(void) {
    check_store("broker-master-clean");
}

static void java_store_of_a_kill(void) {
    check_store("broker-master-killed");
}

static void java_store_of_a_slave(void) {
    check_store("broker-slave");
}

static void java_store_of_format_v2(void) {
    check_store("broker-master-v2");
}

static void storage_69_java_store_with_sorted_tables(void) {
    check_store("broker-master-smt");
}

const test_case_t java_stores_cases[] = {TEST(java_store_of_a_clean_stop),
                                         TEST(java_store_of_a_kill),
                                         TEST(java_store_of_a_slave),
                                         TEST(java_store_of_format_v2),
                                         TEST(java_store_without_derived_files),
                                         TEST(java_store_of_format_v2_without_derived_files),
                                         TEST(java_store_with_sorted_tables_without_derived_files),
                                         TEST(storage_69_java_store_with_sorted_tables),
                                         TEST_END};
