#include "store/pull_tablet.h"

#include "base/crc32.h"
#include "base/cursor.h"

#define VALUE_SIZE 4

/* Takes a run off the index; false when it is none or its values are not all there. */
static bool read_run(const tablet_image_t *t, cursor_t *c, tablet_run_t *run) {
    uint32_t magic = cursor_u32(c);
    run->key = cursor_str(c);
    run->pull = cursor_i64(c);
    run->message = cursor_i64(c);
    int32_t position = cursor_i32(c);
    run->count = cursor_i32(c);
    if (c->failed || magic != TABLET_RUN_MAGIC || run->key.size == 0) return false;
    if (run->pull < 0 || run->message < 0 || position < 0 || run->count <= 0) return false;
    if (run->pull > INT64_MAX - run->count || run->message > INT64_MAX / 2) return false;
    if ((size_t)position + (size_t)run->count * VALUE_SIZE > t->data_size) return false;
    run->values = t->bytes + TABLET_HEADER_SIZE + position;
    return true;
}

static bool runs_are_sound(const tablet_image_t *t) {
    cursor_t c = cursor_make(t->bytes + TABLET_HEADER_SIZE + t->data_size, t->index_size);
    tablet_run_t run;
    while (cursor_left(&c) > 0) {
        if (!read_run(t, &c, &run)) return false;
    }
    return true;
}

bool tablet_image_open(tablet_image_t *t, const void *bytes, size_t size) {
    cursor_t c = cursor_make(bytes, size);
    uint32_t magic = cursor_u32(&c);
    int32_t payload_size = cursor_i32(&c), index_position = cursor_i32(&c);
    t->bytes = bytes;
    t->begin = cursor_i64(&c);
    t->end = cursor_i64(&c);
    if (c.failed || magic != TABLET_MAGIC || payload_size < 0 || t->begin < 0 || t->end < 0) return false;
    if (size != TABLET_HEADER_SIZE + (size_t)payload_size + TABLET_CRC_SIZE) return false;
    if (index_position < TABLET_HEADER_SIZE || index_position > TABLET_HEADER_SIZE + payload_size) return false;
    t->data_size = (size_t)index_position - TABLET_HEADER_SIZE;
    t->index_size = (size_t)payload_size - t->data_size;
    cursor_skip(&c, (size_t)payload_size);
    if (cursor_u64(&c) != crc32_of(t->bytes + TABLET_HEADER_SIZE, (size_t)payload_size)) return false;
    return runs_are_sound(t);
}

bool tablet_image_next(const tablet_image_t *t, size_t *at, tablet_run_t *run) {
    if (*at >= t->index_size) return false;
    const uint8_t *from = t->bytes + TABLET_HEADER_SIZE + t->data_size + *at;
    cursor_t c = cursor_make(from, t->index_size - *at);
    if (!read_run(t, &c, run)) return false;
    *at += (size_t)(c.at - from);
    return true;
}

int64_t tablet_run_message(const tablet_run_t *run, int32_t i) {
    cursor_t c = cursor_make(run->values + (size_t)i * VALUE_SIZE, VALUE_SIZE);
    return run->message + cursor_i32(&c);
}

void tablet_builder_init(tablet_builder_t *b) {
    writer_init(&b->data, 0);
    writer_init(&b->index, 0);
    b->failed = false;
}

void tablet_builder_free(tablet_builder_t *b) {
    writer_free(&b->data);
    writer_free(&b->index);
}

static bool continues(const pull_range_t *before, const pull_range_t *r, int64_t message) {
    int64_t furthest = r->message + r->count - message;
    return before->pull + before->count == r->pull && r->message - message >= INT32_MIN && furthest <= INT32_MAX;
}

/* One run of `n` ranges that follow each other without a gap. */
static void add_run(tablet_builder_t *b, view_t consumer_id, view_t group, view_t subject, const pull_range_t *ranges, size_t n) {
    size_t key = consumer_id.size + group.size + subject.size + 2, position = b->data.used;
    int64_t count = 0;
    for (size_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < ranges[i].count; k++) writer_i32(&b->data, (int32_t)(ranges[i].message + k - ranges[0].message));
        count += ranges[i].count;
    }
    b->failed = b->failed || key > WRITER_MAX_STR || b->data.used > INT32_MAX || b->data.failed;
    writer_u32(&b->index, TABLET_RUN_MAGIC);
    writer_i16(&b->index, (int16_t)key);
    writer_bytes(&b->index, consumer_id.data, consumer_id.size);
    writer_u8(&b->index, '@');
    writer_bytes(&b->index, group.data, group.size);
    writer_u8(&b->index, '@');
    writer_bytes(&b->index, subject.data, subject.size);
    writer_i64(&b->index, ranges[0].pull);
    writer_i64(&b->index, ranges[0].message);
    writer_i32(&b->index, (int32_t)position);
    writer_i32(&b->index, (int32_t)count);
}

void tablet_builder_add(tablet_builder_t *b, view_t consumer_id, view_t group, view_t subject, const pull_range_t *ranges, size_t count) {
    for (size_t first = 0; first < count && !b->failed;) {
        size_t n = 1;
        b->failed = ranges[first].count > INT32_MAX / VALUE_SIZE;
        while (first + n < count && continues(&ranges[first + n - 1], &ranges[first + n], ranges[first].message)) n++;
        if (!b->failed) add_run(b, consumer_id, group, subject, ranges + first, n);
        first += n;
    }
}

uint8_t *tablet_builder_finish(tablet_builder_t *b, int64_t begin, int64_t end, size_t *size) {
    size_t payload = b->data.used + b->index.used;
    if (b->failed || b->data.failed || b->index.failed || payload > INT32_MAX - TABLET_HEADER_SIZE) return NULL;
    writer_t w;
    writer_init(&w, TABLET_HEADER_SIZE + payload + TABLET_CRC_SIZE);
    writer_u32(&w, TABLET_MAGIC);
    writer_i32(&w, (int32_t)payload);
    writer_i32(&w, (int32_t)(TABLET_HEADER_SIZE + b->data.used));
    writer_i64(&w, begin);
    writer_i64(&w, end);
    writer_bytes(&w, b->data.data, b->data.used);
    writer_bytes(&w, b->index.data, b->index.used);
    if (!w.failed) writer_i64(&w, crc32_of(w.data + TABLET_HEADER_SIZE, payload));
    return writer_take(&w, size);
}
