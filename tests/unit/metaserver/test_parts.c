/* Parts without a server: names, marks, tables of subjects, addresses, tokens, the arena, write-through of the catalog. */
#include "suites.h"

#include "base/memory.h"
#include "metaserver/broker_rows.h"
#include "metaserver/catalog.h"
#include "metaserver/group_names.h"
#include "metaserver/refusals.h"
#include "metaserver/routing.h"
#include "metaserver/tokens.h"
#include "portability/file.h"
#include "protocol/codes.h"

#include <stdio.h>

static void names_json_both_ways(void) {
    group_names_t *n = group_names_parse(view_of("[\"g1\", \"g2\",\"g1\",\"\\u7ec4\"]"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(n);
    CU_ASSERT_EQUAL(n->count, 3);
    char *json = group_names_json(n);
    CU_ASSERT_STRING_EQUAL(json, "[\"g1\",\"g2\",\"组\"]");
    group_names_t *longer = group_names_extend(n, (view_t[]){view_of("g2"), view_of("g9")}, 2);
    memory_free(n); /* the copy stands alone */
    memory_free(json);
    json = group_names_json(longer);
    CU_ASSERT_STRING_EQUAL(json, "[\"g1\",\"g2\",\"组\",\"g9\"]");
    CU_ASSERT_TRUE(group_names_have(longer, view_of("组")));
    CU_ASSERT_FALSE(group_names_have(longer, view_of("g")));
    memory_free(json);
    memory_free(longer);
}

static void names_read_single_quotes_and_refuse_the_rest(void) {
    group_names_t *n = group_names_parse(view_of("['g1','g2']"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(n);
    CU_ASSERT_EQUAL(n->count, 2);
    memory_free(n);
    n = group_names_parse(view_of("[]"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(n);
    CU_ASSERT_EQUAL(n->count, 0);
    memory_free(n);
    static const char *const bad[] = {"", "{}", "\"g1\"", "[\"g1\"", "[1]", "[[\"g1\"]]", "null", "[\"g1\"] x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CU_ASSERT_PTR_NULL(group_names_parse(view_of(bad[i])));
}

static void names_that_do_not_fit_the_column_are_refused(void) {
    char names[11][31];
    view_t views[11];
    for (int i = 0; i < 11; i++) {
        (void)snprintf(names[i], sizeof names[i], "group-with-thirty-characters%02d", i);
        views[i] = view_of(names[i]);
    }
    group_names_t *nine = group_names_make(views, 9);
    char *json = group_names_json(nine); /* 9 * 33 + 1 = 298 */
    CU_ASSERT_PTR_NOT_NULL(json);
    group_names_t *ten = group_names_make(views, 10);
    CU_ASSERT_PTR_NULL(group_names_json(ten));
    memory_free(json);
    memory_free(nine);
    memory_free(ten);
}

static void addresses_as_inet_aton(void) {
    uint32_t ip;
    char text[BROKER_IP_BYTES];
    CU_ASSERT_TRUE(broker_ip_parse("10.0.0.1", &ip));
    CU_ASSERT_EQUAL(ip, 167772161u);
    broker_ip_text(ip, text);
    CU_ASSERT_STRING_EQUAL(text, "10.0.0.1");
    CU_ASSERT_TRUE(broker_ip_parse("255.255.255.255", &ip));
    broker_ip_text(ip, text);
    CU_ASSERT_STRING_EQUAL(text, "255.255.255.255");
    static const char *const bad[] = {"",         "bogus",    "1.2.3",  "1.2.3.4.5", "1.2.3.256",  "1.2.3.",
                                      " 1.2.3.4", "1.2.3.4 ", "1..2.3", "-1.2.3.4",  "0001.2.3.4", "::1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CU_ASSERT_FALSE(broker_ip_parse(bad[i], &ip));
}

static void characters_are_counted_as_varchar_does(void) {
    CU_ASSERT_EQUAL(text_characters(view_of("")), 0);
    CU_ASSERT_EQUAL(text_characters(view_of("ab")), 2);
    CU_ASSERT_EQUAL(text_characters(view_of("组a😀")), 3);
}

static int state(const marks_t *m, const char *client, const char *subject, const char *group) {
    return marks_consumer_state(m, view_of(client), view_of(subject), view_of(group));
}

static void metaserver_31_the_most_exact_row_decides(void) {
    marks_t *m = marks_create();
    CU_ASSERT_EQUAL(state(m, "c", "s", "g"), STATE_ONLINE);
    view_t any = view_of("*"), s = view_of("s"), g = view_of("g");
    marks_add(m, (view_t[]){view_of("gone"), any, any}, 3, 1);
    CU_ASSERT_EQUAL(state(m, "gone", "s", "g"), STATE_OFFLINE);
    CU_ASSERT_EQUAL(state(m, "gone", "other", "g"), STATE_OFFLINE);
    marks_add(m, (view_t[]){any, s, g}, 3, 1);
    CU_ASSERT_EQUAL(state(m, "c", "s", "g"), STATE_OFFLINE);
    CU_ASSERT_EQUAL(state(m, "c", "s", "g2"), STATE_ONLINE);
    marks_add(m, (view_t[]){view_of("c"), s, g}, 3, 0);
    CU_ASSERT_EQUAL(state(m, "c", "s", "g"), STATE_ONLINE);
    marks_add(m, (view_t[]){view_of("gone"), s, g}, 3, 0);
    CU_ASSERT_EQUAL(state(m, "gone", "s", "g"), STATE_ONLINE);
    marks_release(m);
}

static void marks_do_not_mix_parts(void) {
    marks_t *m = marks_create();
    marks_add(m, (view_t[]){view_of("ab"), view_of("c")}, 2, 1);
    CU_ASSERT_TRUE(marks_are_readonly(m, view_of("ab"), view_of("c")));
    CU_ASSERT_FALSE(marks_are_readonly(m, view_of("a"), view_of("bc")));
    CU_ASSERT_FALSE(marks_are_readonly(m, view_of("ab"), view_of("")));
    char big[2000];
    memset(big, 'x', sizeof big);
    view_t long_subject = view_make(big, sizeof big);
    marks_add(m, (view_t[]){long_subject, view_of("c")}, 2, 1);
    CU_ASSERT_TRUE(marks_are_readonly(m, long_subject, view_of("c")));
    marks_release(m);
}

static void routes_share_equal_lists(void) {
    routes_t *r = routes_create();
    char subject[32];
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(subject, sizeof subject, "subject.%d", i);
        CU_ASSERT_TRUE(routes_add(r, view_of(subject), view_of(i % 2 == 0 ? "[\"a\"]" : "[\"a\",\"b\"]")));
    }
    CU_ASSERT_FALSE(routes_add(r, view_of("bad"), view_of("[")));
    CU_ASSERT_PTR_NULL(routes_find(r, view_of("bad")));
    const group_names_t *first = routes_find(r, view_of("subject.0"));
    CU_ASSERT_PTR_EQUAL(first, routes_find(r, view_of("subject.4998")));
    CU_ASSERT_EQUAL(first->count, 1);
    CU_ASSERT_EQUAL(routes_find(r, view_of("subject.4999"))->count, 2);
    subject_texts_release(r);
}

static live_group_t group_of(const char *name, int state_code) {
    return (live_group_t){view_of(name), view_of("10.0.0.1:1"), view_of(""), KIND_NORMAL, state_code, 1000};
}

static broker_groups_t *groups_of(const char *name, int state_code) {
    broker_groups_t *g = broker_groups_create();
    live_group_t group = group_of(name, state_code);
    broker_groups_put(g, &group);
    return g;
}

static void catalog_keeps_what_was_written_while_a_refresh_read(void) {
    catalog_t *c = catalog_create();
    int64_t since = catalog_begin(c);
    live_group_t changed = group_of("g1", BROKER_NRW);
    catalog_put_group(c, &changed); /* committed after the refresh has read RW */
    group_names_t *names = group_names_parse(view_of("[\"g1\"]"));
    catalog_put_route(c, view_of("s"), names);
    catalog_publish(c, since, groups_of("g1", BROKER_RW), routes_create(), NULL, NULL);
    CU_ASSERT_EQUAL(catalog_group_state(c, view_of("g1")), BROKER_NRW);
    catalog_view_t look;
    catalog_look(c, view_of("s"), &look);
    CU_ASSERT_PTR_NOT_NULL(look.route);
    catalog_done(&look);
    /* The next refresh has begun later and is believed. */
    since = catalog_begin(c);
    catalog_publish(c, since, groups_of("g1", BROKER_R), routes_create(), NULL, NULL);
    CU_ASSERT_EQUAL(catalog_group_state(c, view_of("g1")), BROKER_R);
    catalog_look(c, view_of("s"), &look);
    CU_ASSERT_PTR_NULL(look.route);
    catalog_done(&look);
    memory_free(names);
    catalog_destroy(c);
}

static bool is_marked(catalog_t *c, const char *subject) {
    catalog_view_t look;
    catalog_look(c, view_of(subject), &look);
    bool marked = marks_are_readonly(look.readonly, view_of(subject), view_of("g1"));
    catalog_done(&look);
    return marked;
}

static void catalog_keeps_a_mark_that_was_set_while_a_refresh_read(void) {
    catalog_t *c = catalog_create();
    catalog_put_mark(c, view_of("other"), view_of("g1"), true);
    int64_t since = catalog_begin(c);
    catalog_put_mark(c, view_of("s"), view_of("g1"), true);
    catalog_publish(c, since, NULL, NULL, NULL, marks_create());
    CU_ASSERT_TRUE(is_marked(c, "s") && is_marked(c, "other"));
    catalog_put_mark(c, view_of("s"), view_of("g1"), false);
    CU_ASSERT_TRUE(!is_marked(c, "s") && is_marked(c, "other"));
    catalog_publish(c, catalog_begin(c), NULL, NULL, NULL, marks_create());
    CU_ASSERT_FALSE(is_marked(c, "other"));
    catalog_destroy(c);
}

static void catalog_a_look_outlives_what_replaces_it(void) {
    catalog_t *c = catalog_create();
    catalog_publish(c, catalog_begin(c), groups_of("g1", BROKER_RW), NULL, NULL, NULL);
    group_names_t *names = group_names_parse(view_of("[\"g1\"]"));
    catalog_put_route(c, view_of("s"), names);
    memory_free(names);
    catalog_view_t look;
    catalog_look(c, view_of("s"), &look);
    catalog_publish(c, catalog_begin(c), broker_groups_create(), routes_create(), subject_tags_create(), marks_create());
    catalog_publish_offline(c, marks_create(), 1);
    const live_group_t *found[ROUTING_MAX_GROUPS];
    CU_ASSERT_EQUAL_FATAL(routing_assigned(&look, found), 1);
    CU_ASSERT_TRUE(view_equal(found[0]->name, view_of("g1")));
    catalog_done(&look);
    catalog_destroy(c);
}

static void choice_is_uniform_and_without_repetition(void) {
    catalog_t *c = catalog_create();
    broker_groups_t *g = broker_groups_create();
    char name[8];
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "g%d", i);
        live_group_t group = group_of(name, BROKER_RW);
        broker_groups_put(g, &group);
    }
    catalog_publish(c, catalog_begin(c), g, NULL, NULL, NULL);
    catalog_view_t look;
    catalog_look(c, view_of("s"), &look);
    int seen[5] = {0};
    for (int round = 0; round < 3000; round++) {
        view_t *chosen;
        size_t count = routing_choose(&look, view_of("s"), NULL, 2, &chosen);
        CU_ASSERT_EQUAL_FATAL(count, 2);
        CU_ASSERT_FALSE(view_equal(chosen[0], chosen[1]));
        for (size_t i = 0; i < count; i++) seen[chosen[i].data[1] - '0']++;
        memory_free(chosen);
    }
    for (int i = 0; i < 5; i++) CU_ASSERT_TRUE(seen[i] > 1000 && seen[i] < 1400); /* 1200 expected, 6 sigma = 161 */
    catalog_done(&look);
    catalog_destroy(c);
}

static void metaserver_05_tokens_follow_the_file(void) {
    log_t log;
    log_init(&log, "test");
    char *directory = memory_printf("%s/tokens", test_directory());
    char *path = memory_printf("%s/t.properties", directory);
    CU_ASSERT_EQUAL_FATAL(directory_create(directory), APR_SUCCESS);
    side_file_t *f = side_file_open(directory, "t.properties", &log);
    char who[64];
    CU_ASSERT_FALSE(token_is_valid(f, NULL, "one", who, sizeof who));
    CU_ASSERT_FALSE(token_is_valid(f, NULL, "", who, sizeof who));
    static const char first[] = "one=the first\n=nobody\ntwo=\n";
    CU_ASSERT_EQUAL(file_replace(path, first, strlen(first)), APR_SUCCESS);
    side_file_check(f);
    CU_ASSERT_TRUE(token_is_valid(f, NULL, "one", who, sizeof who));
    CU_ASSERT_STRING_EQUAL(who, "the first");
    CU_ASSERT_TRUE(token_is_valid(f, NULL, "two", who, sizeof who));
    static const char *const bad[] = {"", "On", "ONE", "one ", "onetwo", "oneone", "on", "tw"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CU_ASSERT_FALSE(token_is_valid(f, "", bad[i], who, sizeof who));
    CU_ASSERT_FALSE(token_is_valid(f, NULL, NULL, who, sizeof who));
    CU_ASSERT_TRUE(token_is_valid(f, "inside", "inside", who, sizeof who));
    static const char second[] = "three=x\n";
    CU_ASSERT_EQUAL(file_replace(path, second, strlen(second)), APR_SUCCESS);
    side_file_check(f);
    CU_ASSERT_FALSE(token_is_valid(f, NULL, "one", who, sizeof who));
    CU_ASSERT_TRUE(token_is_valid(f, NULL, "three", who, sizeof who));
    static const char broken[] = "four=x\nbad=\\u12\n";
    CU_ASSERT_EQUAL(file_replace(path, broken, strlen(broken)), APR_SUCCESS);
    side_file_check(f);
    CU_ASSERT_TRUE(token_is_valid(f, NULL, "three", who, sizeof who));
    CU_ASSERT_FALSE(token_is_valid(f, NULL, "four", who, sizeof who));
    side_file_close(f);
    memory_free(path);
    memory_free(directory);
}

static void arena_gives_aligned_pieces_of_any_size(void) {
    arena_t a;
    arena_init(&a);
    for (size_t size = 0; size < 3000; size += 7) {
        char *p = arena_alloc(&a, size);
        CU_ASSERT_EQUAL((uintptr_t)p % sizeof(void *), 0);
        memset(p, 0x5a, size);
    }
    memset(arena_alloc(&a, 1000000), 1, 1000000);
    CU_ASSERT_TRUE(view_equal(arena_keep(&a, view_of("text")), view_of("text")));
    arena_free(&a);
    CU_ASSERT_PTR_NULL(a.chunks);
}

static void refusals_are_told_once_a_minute_and_bounded(void) {
    refusals_t *r = refusals_create();
    int64_t left_out = -1, now = 5000000;
    CU_ASSERT_TRUE(refusals_permit(r, view_of("a"), now, &left_out));
    CU_ASSERT_EQUAL(left_out, 0);
    CU_ASSERT_TRUE(refusals_permit(r, view_of("b"), now, &left_out));
    for (int i = 0; i < 5; i++) CU_ASSERT_FALSE(refusals_permit(r, view_of("a"), now + 59999999, &left_out));
    CU_ASSERT_TRUE(refusals_permit(r, view_of("a"), now + 60000000, &left_out));
    CU_ASSERT_EQUAL(left_out, 5);
    int told = 0;
    for (int i = 0; i < 100 * REFUSALS_MOST; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "host-%d", i);
        told += refusals_permit(r, view_of(name), now + 70000000, &left_out);
    }
    CU_ASSERT_TRUE(told >= REFUSALS_MOST - 2 && told <= REFUSALS_MOST + 1);
    CU_ASSERT_TRUE(refusals_permit(r, view_of("later"), now + 140000000, &left_out)); /* those of before are forgotten */
    refusals_destroy(r);
}

const test_case_t parts_cases[] = {TEST(refusals_are_told_once_a_minute_and_bounded),
                                   TEST(names_json_both_ways),
                                   TEST(names_read_single_quotes_and_refuse_the_rest),
                                   TEST(names_that_do_not_fit_the_column_are_refused),
                                   TEST(addresses_as_inet_aton),
                                   TEST(characters_are_counted_as_varchar_does),
                                   TEST(metaserver_31_the_most_exact_row_decides),
                                   TEST(marks_do_not_mix_parts),
                                   TEST(routes_share_equal_lists),
                                   TEST(catalog_keeps_what_was_written_while_a_refresh_read),
                                   TEST(catalog_keeps_a_mark_that_was_set_while_a_refresh_read),
                                   TEST(catalog_a_look_outlives_what_replaces_it),
                                   TEST(choice_is_uniform_and_without_repetition),
                                   TEST(metaserver_05_tokens_follow_the_file),
                                   TEST(arena_gives_aligned_pieces_of_any_size),
                                   TEST_END};
