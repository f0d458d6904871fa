/* SEND (broker.md 5). */
#include "site.h"
#include "suites.h"

#include <stdio.h>

static site_t s;
static client_t c;

static void begin(void) {
    site_init(&s);
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
}

static void end(void) {
    client_close(&c);
    site_free(&s);
}

/* The next answer lists these results, "id code remark" each, joined by "; ". */
static bool lists(int32_t opaque, const char *wanted) {
    answer_t a;
    char got[4096] = "";
    size_t used = 0;
    if (!client_answer(&c, &a)) return false;
    bool ok = a.code == RESPONSE_SUCCESS && a.opaque == opaque;
    cursor_t at = cursor_make(a.body, a.body_size);
    for (send_result_t r; cursor_left(&at) > 0 && send_result_next(&at, &r);) {
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%.*s %d %.*s", used == 0 ? "" : "; ", VIEW_ARG(r.message_id),
                                 (int)r.code, VIEW_ARG(r.remark));
        if (used >= sizeof got) break;
    }
    ok = ok && strcmp(got, wanted) == 0 && cursor_left(&at) == 0;
    if (!ok) printf("  code %d lists: %s\n", a.code, got);
    answer_free(&a);
    return ok;
}

static void add_flagged(batch_t *b, const char *id, int8_t flag) {
    message_content_t m = {.flag = flag, .create_time = 1, .expire_time = 2, .subject = view_of("s"), .id = view_of(id)};
    message_write_wire(&b->w, &m);
    b->count++;
}

static bool sends_flagged(int32_t opaque, int8_t flag, const char *const *ids) {
    batch_t b;
    batch_init(&b);
    for (; *ids != NULL; ids++) add_flagged(&b, *ids, flag);
    return batch_send(&b, &c, opaque);
}

/* What matters waits for the slave, what does not is answered, and the queue has an end. */
static void broker_17_answers_wait_for_a_slave(void) {
    begin();
    s.settings.wait_slave_wrote = true;
    s.settings.receive_queue_size = 3;
    CU_ASSERT_TRUE(sends_flagged(1, 0, (const char *[]){"a", "b", NULL}));
    CU_ASSERT_TRUE(sends_flagged(2, MESSAGE_LOW_RELIABILITY, (const char *[]){"low", NULL}));
    CU_ASSERT_TRUE(lists(2, ""));
    CU_ASSERT_TRUE(sends_flagged(3, 0, (const char *[]){"c", NULL}));
    CU_ASSERT_TRUE(sends_flagged(4, 0, (const char *[]){"d", NULL}));
    CU_ASSERT_TRUE(lists(4, "d 4 BROKER READ ONLY"));
    CU_ASSERT_TRUE(sends_flagged(5, MESSAGE_LOW_RELIABILITY, (const char *[]){"e", NULL}));
    CU_ASSERT_TRUE(lists(5, "e 4 BROKER READ ONLY"));
    /* They are there all the same. */
    CU_ASSERT_EQUAL(site_messages(&s, "s"), 4);
    int64_t log_end = store_message_end(s.broker.store);
    slave_wait_confirm(&s.broker.slave_wait, 1);
    CU_ASSERT_EQUAL(atomic_load(&s.broker.slave_wait.messages), 3);
    slave_wait_confirm(&s.broker.slave_wait, log_end);
    CU_ASSERT_TRUE(lists(1, ""));
    CU_ASSERT_TRUE(lists(3, ""));
    CU_ASSERT_EQUAL(atomic_load(&s.broker.slave_wait.messages), 0);
    /* One that still waits when the broker stops is not answered. */
    CU_ASSERT_TRUE(sends_flagged(6, 0, (const char *[]){"f", NULL}));
    end();
}

static void broker_8_9_empty_and_good_batches(void) {
    begin();
    CU_ASSERT_TRUE(frame_send(&c, REQUEST_SEND_MESSAGE, VERSION_9, 0, 1, NULL, 0));
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    SENDS(&c, "s", "m0 m1");
    CU_ASSERT_EQUAL(site_messages(&s, "s"), 2);
    end();
}

static void broker_10_refused_between_accepted(void) {
    begin();
    GIVES(&c, PULL(), 0, "");
    batch_t b;
    batch_init(&b);
    size_t wrong[2];
    batch_add(&b, "s", "m0", NULL, 1);
    batch_add(&b, "s A", "m1", NULL, 1);
    batch_add(&b, "s", "m2", NULL, 1);
    wrong[0] = b.w.used;
    batch_add(&b, "s", "m3", NULL, 1);
    batch_add(&b, "s/A", "m4", NULL, 1);
    wrong[1] = b.w.used;
    batch_add(&b, "s", "m5", NULL, 1);
    batch_add(&b, "s", "m6", NULL, 1);
    batch_spoil(&b, wrong[0]);
    batch_spoil(&b, wrong[1]);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1));
    CU_ASSERT_TRUE(lists(1, "m1 3 message rejected; m3 6 CRC ERROR; m4 3 message rejected; m5 6 CRC ERROR"));
    GIVES(&c, PULL(), 0, "m0 m2 m6");
    end();
}

/* More than one growth of the table of refusals, with accepted ones at its seams. */
static void refusals_in_a_long_batch(void) {
    begin();
    static const int refused[] = {0, 63, 64, 65, 127, 128, 500, 999};
    batch_t b;
    batch_init(&b);
    char wanted[1000] = "";
    size_t used = 0;
    for (int i = 0, k = 0; i < 1000; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "m%d", i);
        bool bad = k < 8 && refused[k] == i;
        batch_add(&b, bad ? "a b" : "s", id, NULL, 1);
        if (!bad) continue;
        used += (size_t)snprintf(wanted + used, sizeof wanted - used, "%s%s 3 message rejected", k == 0 ? "" : "; ", id);
        k++;
    }
    CU_ASSERT_TRUE(batch_send(&b, &c, 1));
    CU_ASSERT_TRUE(lists(1, wanted));
    CU_ASSERT_EQUAL(site_messages(&s, "s"), 992);
    end();
}

static void all_refused(void) {
    begin();
    batch_t b;
    batch_init(&b);
    batch_add(&b, ".", "m0", NULL, 1);
    batch_add(&b, "..", "m1", NULL, 1);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1));
    CU_ASSERT_TRUE(lists(1, "m0 3 message rejected; m1 3 message rejected"));
    end();
}

static void broker_12_names_that_cannot_be_directories(void) {
    begin();
    char name[300];
    memset(name, 'n', sizeof name);
    batch_t b;
    batch_init(&b);
    name[255] = 0;
    batch_add(&b, name, "m0", NULL, 1);
    name[255] = 'n';
    name[256] = 0;
    batch_add(&b, name, "m1", NULL, 1);
    batch_add(&b, "s", "m2", NULL, 1);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1));
    CU_ASSERT_TRUE(lists(1, "m1 3 message rejected"));
    name[255] = 0;
    CU_ASSERT_EQUAL(site_messages(&s, name), 1);
    CU_ASSERT_EQUAL(site_messages(&s, "s"), 1);
    end();
}

/* BUG-7: nothing of a batch with an invalid message is stored, and the next one is not disturbed. */
static void broker_11_invalid_batches(void) {
    begin();
    batch_t b;
    batch_init(&b);
    batch_add(&b, "s", "m0", NULL, 1);
    batch_add(&b, "s", "", NULL, 1);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1));
    batch_init(&b);
    batch_add(&b, "s", "m1", NULL, 1);
    batch_add(&b, "", "m2", NULL, 1);
    CU_ASSERT_TRUE(batch_send(&b, &c, 2));
    batch_init(&b);
    batch_add(&b, "s", "m3", NULL, 1);
    b.w.used--;
    CU_ASSERT_TRUE(batch_send(&b, &c, 3));
    batch_init(&b);
    batch_add(&b, "s", "good", NULL, 1);
    CU_ASSERT_TRUE(batch_send(&b, &c, 4));
    for (int32_t i = 1; i <= 3; i++) CU_ASSERT_TRUE(client_expect(&c, RESPONSE_BROKER_ERROR, i, NULL, 0));
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_SUCCESS, 4, NULL, 0));
    CU_ASSERT_EQUAL(site_messages(&s, "s"), 1);
    end();
}

static void broker_13_recomputed_crc(void) {
    begin();
    s.settings.recompute_bad_crc = true;
    GIVES(&c, PULL(), 0, "");
    batch_t b;
    batch_init(&b);
    batch_add(&b, "s", "m0", NULL, 1);
    batch_spoil(&b, 0);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1));
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    SENDS(&c, "s", "m1");
    client_close(&c);
    site_restart(&s); /* a stored wrong one would end the log here */
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "m0 m1");
    end();
}

static void broker_14_before_online(void) {
    begin();
    SENDS(&c, "s", "m0");
    GIVES(&c, PULL(), 0, "");
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    atomic_store(&s.broker.read_only, true);
    batch_t b;
    batch_init(&b);
    batch_add(&b, "s", "m1", NULL, 1);
    batch_add(&b, "a b", "m2", NULL, 1);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1));
    CU_ASSERT_TRUE(lists(1, "m1 4 BROKER READ ONLY; m2 4 BROKER READ ONLY"));
    batch_init(&b);
    batch_add(&b, "s", "m3", NULL, 1);
    batch_add(&b, "s", "", NULL, 1);
    CU_ASSERT_TRUE(batch_send(&b, &c, 2));
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_BROKER_ERROR, 2, NULL, 0));
    GIVES(&c, PULL(), 0, "m0");
    CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 0), RESPONSE_SUCCESS);
    end();
}

static void broker_15_one_way(void) {
    begin();
    batch_t b;
    batch_init(&b);
    batch_add(&b, "s", "m0", NULL, 1);
    CU_ASSERT_TRUE(frame_send(&c, REQUEST_SEND_MESSAGE, VERSION_9, FRAME_FLAG_ONEWAY, 1, b.w.data, b.w.used));
    writer_free(&b.w);
    SENDS(&c, "s", "m1"); /* its answer is the first to come */
    CU_ASSERT_EQUAL(site_messages(&s, "s"), 2);
    end();
}

/* Design decision 26. */
static void disk_full_is_code_4(void) {
    begin();
    GIVES(&c, PULL(), 0, "");
    if (test_faults("write 1+ ENOSPC path=messagelog\npreallocate 1+ ENOSPC path=messagelog\n")) {
        batch_t b;
        batch_init(&b);
        batch_add(&b, "s", "m0", NULL, 1);
        batch_add(&b, "a b", "m1", NULL, 1);
        batch_add(&b, "s", "m2", NULL, 1);
        CU_ASSERT_TRUE(batch_send(&b, &c, 1));
        CU_ASSERT_TRUE(lists(1, "m0 4 BROKER READ ONLY: the disk is full; m1 3 message rejected; m2 4 BROKER READ ONLY: the disk is full"));
        batch_init(&b);
        batch_add(&b, "s", "m3", NULL, 1);
        CU_ASSERT_TRUE(batch_send(&b, &c, 2));
        CU_ASSERT_TRUE(lists(2, "m3 4 BROKER READ ONLY: the disk is full"));
        CU_ASSERT_TRUE(test_faults(""));
    }
    end();
}

static void other_failures_are_code_6(void) {
    begin();
    if (test_faults("write 1 EIO path=messagelog\n")) {
        batch_t b;
        batch_init(&b);
        batch_add(&b, "s", "m0", NULL, 1);
        CU_ASSERT_TRUE(batch_send(&b, &c, 1));
        CU_ASSERT_TRUE(lists(1, "m0 6 store error"));
        SENDS(&c, "s", "m1");
        CU_ASSERT_EQUAL(site_messages(&s, "s"), 1);
        CU_ASSERT_TRUE(test_faults(""));
    }
    end();
}

/* BUG-20 */
static void message_above_the_segment(void) {
    site_init(&s);
    s.store.message_segment_size = 65536;
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    batch_t b;
    batch_init(&b);
    batch_add(&b, "s", "m0", NULL, 1);
    batch_add(&b, "s", "m1", NULL, 65500);
    batch_add(&b, "s", "m2", NULL, 1);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1));
    CU_ASSERT_TRUE(lists(1, "m1 6 MESSAGE_ILLEGAL"));
    CU_ASSERT_EQUAL(site_messages(&s, "s"), 2);
    end();
}

/* Batches beyond the size at which a worker hands over early, one request after the other, and what was received stays where it is until it
 * is stored. */
static void huge_batches_keep_their_order(void) {
    begin();
    GIVES(&c, PULL(), 0, "");
    for (int32_t k = 0; k < 3; k++) {
        batch_t b;
        batch_init(&b);
        for (int i = 0; i < 5000; i++) {
            char id[16];
            (void)snprintf(id, sizeof id, "%d", k * 5000 + i);
            batch_add(&b, "s", id, NULL, 400);
        }
        CU_ASSERT_TRUE(batch_send(&b, &c, k));
    }
    for (int32_t k = 0; k < 3; k++) CU_ASSERT_TRUE(client_expect(&c, RESPONSE_SUCCESS, k, NULL, 0));
    int got = 0;
    while (got < 15000) {
        pulled_t p;
        CU_ASSERT_TRUE_FATAL(pull(&c, PULL(.num = 10000, .last = got - 1), &p));
        CU_ASSERT_TRUE_FATAL(p.count > 0);
        CU_ASSERT_EQUAL(p.first, got);
        for (size_t i = 0; i < p.count; i++, got++) {
            char id[16];
            (void)snprintf(id, sizeof id, "%d", got);
            if (strcmp(p.ids[i], id) != 0) CU_FAIL("out of order");
        }
        pulled_free(&p);
    }
    end();
}

const test_case_t produce_cases[] = {TEST(broker_17_answers_wait_for_a_slave),
                                     TEST(broker_8_9_empty_and_good_batches),
                                     TEST(broker_10_refused_between_accepted),
                                     TEST(refusals_in_a_long_batch),
                                     TEST(all_refused),
                                     TEST(broker_12_names_that_cannot_be_directories),
                                     TEST(broker_11_invalid_batches),
                                     TEST(broker_13_recomputed_crc),
                                     TEST(broker_14_before_online),
                                     TEST(broker_15_one_way),
                                     TEST(disk_full_is_code_4),
                                     TEST(other_failures_are_code_6),
                                     TEST(message_above_the_segment),
                                     TEST(huge_batches_keep_their_order),
                                     TEST_END};
