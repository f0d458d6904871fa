/* Every frame recorded between Java processes decodes and encodes to the same bytes; what the original refused is refused. */
#include "fixtures.h"
#include "protocol/codes.h"
#include "recode.h"
#include "suites.h"

#include <stdio.h>

typedef struct totals {
    size_t same;    /* encoded again to the same bytes */
    size_t refused; /* answered 51 by the original and refused by us */
    size_t empty;   /* nothing in the body that could be decoded */
    size_t unread;  /* answered 3 or 52 before the body was looked at */
} totals_t;

static bool head_is_same(const fixture_t *row) {
    uint8_t head[FRAME_HEAD];
    const frame_t *f = &row->frame;
    frame_write_head(head, f->code, f->version, f->opaque, f->flag, f->request_code, f->body.size);
    return memcmp(head, row->bytes, sizeof head) == 0;
}

static bool find_pair(view_t map, view_t key, view_t *value) {
    cursor_t c = cursor_of(map);
    int16_t count = cursor_i16(&c);
    bool found = false;
    for (int16_t i = 0; i < count; i++) {
        view_t k = cursor_str(&c);
        view_t v = cursor_str(&c);
        if (!view_equal(k, key)) continue;
        *value = v;
        found = true;
    }
    return found;
}

/* What a key that is not sent reads as. */
static view_t default_of(view_t key) {
    if (view_equal(key, view_of("clientTypeCode"))) return view_of("3");
    return view_of(view_equal(key, view_of("requestType")) ? "1" : "");
}

/* Every pair of a is in b, or has the value that its absence means. */
static bool is_part_of(view_t a, view_t b) {
    cursor_t c = cursor_of(a);
    int16_t count = cursor_i16(&c);
    for (int16_t i = 0; i < count; i++) {
        view_t key = cursor_str(&c);
        view_t value = cursor_str(&c);
        view_t other = default_of(key);
        (void)find_pair(b, key, &other);
        if (c.failed || !view_equal(value, other)) return false;
    }
    return cursor_left(&c) == 0;
}

static bool body_is_same(const fixture_t *row, writer_t *again) {
    view_t body = row->frame.body;
    view_t ours = writer_view(again);
    if (again->failed) return false;
    if (!row->is_request || row->frame.code != REQUEST_CLIENT_REGISTER) return view_equal(body, ours);
    return is_part_of(body, ours) && is_part_of(ours, body);
}

static bool report(const fixture_t *row, const char *what) {
    printf("%s, connection %d, opaque %d, code %d: %s\n", row->peer, row->connection, (int)row->frame.opaque, row->frame.code, what);
    return false;
}

static bool request_is_right(const fixture_t *row, writer_t *again, totals_t *totals) {
    int answered = row->partner == NULL ? RESPONSE_SUCCESS : row->partner->frame.code;
    if (answered == RESPONSE_UNKNOWN_CODE || answered == RESPONSE_BROKER_REJECT) {
        totals->unread++;
        return true;
    }
    recode_t recode = recode_request(&row->frame, fixture_is_delay_sync(row), again);
    if (answered == RESPONSE_BROKER_ERROR) {
        totals->refused++;
        /* The layout of this one is right, the metaserver only does not know the host. */
        if (row->frame.code == REQUEST_BROKER_ACQUIRE_META) return recode == RECODE_DONE && body_is_same(row, again);
        return recode == RECODE_REFUSED || report(row, "the original answered 51, we would not");
    }
    if (recode == RECODE_NO_LAYOUT) {
        totals->empty++;
        return row->frame.body.size == 0 || report(row, "a body nobody reads");
    }
    totals->same++;
    if (recode == RECODE_REFUSED) return report(row, "refused");
    return body_is_same(row, again) || report(row, "encoded differently");
}

static bool answer_is_right(const fixture_t *row, writer_t *again, totals_t *totals) {
    if (row->partner == NULL) return report(row, "an answer to nothing");
    if (row->frame.code != RESPONSE_SUCCESS) {
        totals->empty++;
        return row->frame.body.size == 0 || report(row, "an error answer with a body");
    }
    recode_t recode = recode_answer(&row->frame, &row->partner->frame, fixture_is_delay_sync(row), again);
    if (recode == RECODE_REFUSED) return report(row, "answer refused");
    if (recode == RECODE_NO_LAYOUT) {
        totals->empty++;
        return row->frame.body.size == 0 || report(row, "a body nobody reads");
    }
    totals->same++;
    return body_is_same(row, again) || report(row, "answer encoded differently");
}

static void check_file(const char *folder, const char *name, totals_t *totals) {
    fixture_file_t file;
    CU_ASSERT_TRUE_FATAL(fixture_load(folder, name, &file));
    CU_ASSERT_TRUE(file.count > 0);
    for (size_t i = 0; i < file.count; i++) {
        const fixture_t *row = &file.rows[i];
        writer_t again;
        writer_init(&again, 0);
        CU_ASSERT_TRUE(head_is_same(row));
        CU_ASSERT_TRUE(row->is_request ? request_is_right(row, &again, totals) : answer_is_right(row, &again, totals));
        writer_free(&again);
    }
    fixture_free(&file);
}

static void recorded_frames_encode_to_the_same_bytes(void) {
    const char *folder = test_fixtures();
    totals_t totals = {0, 0, 0, 0};
    if (folder == NULL) {
        test_skip("the recorded frames are not there; set QMQ_FIXTURES to their folder");
        return;
    }
    for (size_t i = 0; fixture_names[i] != NULL; i++) check_file(folder, fixture_names[i], &totals);
    printf("recorded frames: %zu same, %zu refused, %zu without body, %zu not read by the original\n", totals.same, totals.refused,
           totals.empty, totals.unread);
    CU_ASSERT_TRUE(totals.same > 0 && totals.refused > 0);
}

const test_case_t fixtures_cases[] = {TEST(recorded_frames_encode_to_the_same_bytes), TEST_END};
