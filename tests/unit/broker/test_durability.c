/* send.sync: what is on the disk when an answer comes. */
#include "site.h"
#include "suites.h"

#include "portability/file.h"

static site_t s;
static client_t c;

/* No sync comes by itself while the test runs. */
static void begin(durability_t general) {
    site_init(&s);
    s.store.sync_period_us = INT64_C(3600000000);
    s.settings.durability.general = general;
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
}

static void end(void) {
    client_close(&c);
    s.settings.durability.rules = NULL;
    s.settings.durability.count = 0;
    site_free(&s);
}

static bool messages_are_durable(void) {
    store_figures_t f;
    store_figures(s.broker.store, &f);
    return f.message_synced == f.message_end;
}

static bool actions_are_durable(void) {
    store_figures_t f;
    store_figures(s.broker.store, &f);
    return f.action_synced == f.action_end;
}

static void none_answers_from_the_page_cache(void) {
    begin(DURABILITY_CACHE);
    SENDS(&c, "s", "m0 m1");
    CU_ASSERT_FALSE(messages_are_durable());
    end();
}

static void disk_answers_after_the_sync(void) {
    begin(DURABILITY_DISK);
    GIVES(&c, PULL(), 0, "");
    for (int i = 0; i < 20; i++) {
        SENDS(&c, "s", "m0 m1");
        CU_ASSERT_TRUE(messages_are_durable());
    }
    GIVES(&c, PULL(.num = 2), 0, "m0 m1");
    CU_ASSERT_TRUE(actions_are_durable());
    CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 1), RESPONSE_SUCCESS);
    CU_ASSERT_TRUE(actions_are_durable());
    end();
}

/* A gap in the acknowledgements: what is moved is durable before the acknowledgement is. */
static void disk_moves_before_it_acknowledges(void) {
    begin(DURABILITY_DISK);
    GIVES(&c, PULL(), 0, "");
    SENDS(&c, "s", "m0 m1");
    GIVES(&c, PULL(), 0, "m0 m1");
    CU_ASSERT_EQUAL(ack(&c, PULL(), 1, 1), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 1);
    CU_ASSERT_TRUE(messages_are_durable());
    CU_ASSERT_TRUE(actions_are_durable());
    end();
}

static void a_subject_has_its_own(void) {
    durability_rule_t rules[] = {{(char *)"paid", DURABILITY_DISK}, {(char *)"log:click", DURABILITY_CACHE}};
    begin(DURABILITY_CACHE);
    s.settings.durability.rules = rules;
    s.settings.durability.count = 2;
    SENDS(&c, "s", "m0");
    CU_ASSERT_FALSE(messages_are_durable());
    SENDS(&c, "paid", "m1");
    CU_ASSERT_TRUE(messages_are_durable());
    SENDS(&c, "%RETRY%s%g", "m2");
    CU_ASSERT_FALSE(messages_are_durable());
    SENDS(&c, "%RETRY%paid%g", "m3");
    CU_ASSERT_TRUE(messages_are_durable());
    s.settings.durability.general = DURABILITY_DISK;
    SENDS(&c, "log:click", "m4");
    CU_ASSERT_FALSE(messages_are_durable());
    SENDS(&c, "s", "m5");
    CU_ASSERT_TRUE(messages_are_durable());
    end();
}

/* Nobody knows what the disk has: refused, and everything that follows too. */
static void a_failed_sync_refuses(void) {
    begin(DURABILITY_DISK);
    SENDS(&c, "s", "m0");
    if (test_faults("sync 1 EIO path=messagelog\n")) {
        batch_t b;
        answer_t a;
        send_result_t r;
        for (int i = 0; i < 2; i++) {
            batch_init(&b);
            batch_add(&b, "s", "m1", NULL, 1);
            CU_ASSERT_TRUE(batch_send(&b, &c, i));
            CU_ASSERT_TRUE_FATAL(client_answer(&c, &a));
            cursor_t at = cursor_make(a.body, a.body_size);
            CU_ASSERT_TRUE(send_result_next(&at, &r));
            CU_ASSERT_EQUAL(r.code, i == 0 ? SEND_STORE_ERROR : SEND_READ_ONLY);
            answer_free(&a);
            CU_ASSERT_TRUE(test_faults(""));
        }
    }
    end();
}

/* Whatever send.sync says; and one that cannot be written is not called done. */
static void a_reset_is_on_the_disk_when_it_is_answered(void) {
    begin(DURABILITY_CACHE);
    char *path = memory_printf("%s/.positions", s.root), *text = NULL;
    size_t size = 0;
    SENDS(&c, "s", "m0 m1");
    GIVES(&c, PULL(.num = 1), 0, "");
    SENDS(&c, "s", "m2");
    GIVES(&c, PULL(.num = 1), 0, "m2");
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, 4096, &text, &size), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ns/g/0\n"));
    memory_free(text);
    CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
    CU_ASSERT_EQUAL(directory_create(path), APR_SUCCESS); /* in its way */
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_EARLIEST), RESPONSE_BROKER_ERROR);
    CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    GIVES(&c, PULL(.num = 3, .last = 0), 1, "m0 m1 m2");
    memory_free(path);
    end();
}

const test_case_t durability_cases[] = {TEST(none_answers_from_the_page_cache),
                                        TEST(disk_answers_after_the_sync),
                                        TEST(disk_moves_before_it_acknowledges),
                                        TEST(a_subject_has_its_own),
                                        TEST(a_failed_sync_refuses),
                                        TEST(a_reset_is_on_the_disk_when_it_is_answered),
                                        TEST_END};
