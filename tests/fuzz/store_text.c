/* The text files of a store: checkpoints of both kinds, the marker, the positions of moved groups. The first byte chooses; the checksum of
 * the last two is made right, so that what stands before it is reached. */
#include "base/crc32.h"
#include "base/memory.h"
#include "fuzz.h"
#include "store/action_snapshot.h"
#include "store/marker.h"
#include "store/message_snapshot.h"
#include "store/positions.h"

static view_t whole;

static void note_subject(void *arg, view_t subject, int64_t sequence) {
    (void)arg;
    FUZZ_REQUIRE(subject.size > 0 && fuzz_is_inside(subject, whole) && sequence >= -1);
}

static void note_group(void *arg, view_t subject, view_t group, bool broadcast, int64_t pulled) {
    (void)broadcast;
    note_subject(arg, subject, pulled);
    note_subject(arg, group, pulled);
}

static void note_consumer(void *arg, view_t id, int64_t pull, int64_t ack) {
    note_subject(arg, id, pull);
    note_subject(arg, id, ack);
}

static void note_position(void *arg, view_t subject, view_t group, int64_t next) {
    FUZZ_REQUIRE(next >= 0);
    note_subject(arg, subject, next);
    note_subject(arg, group, next);
}

static void read_snapshots(view_t text) {
    int64_t offset = 0, again = 0;
    action_snapshot_visitor_t v = {note_group, note_consumer, NULL};
    bool sound = message_snapshot_read(text, &offset, NULL, NULL);
    FUZZ_REQUIRE(message_snapshot_read(text, &again, note_subject, NULL) == sound && (!sound || again == offset));
    sound = action_snapshot_read(text, &offset, NULL);
    FUZZ_REQUIRE(action_snapshot_read(text, &again, &v) == sound && (!sound || again == offset));
}

/* The text and the line with its checksum. */
static uint8_t *with_checksum(view_t text, size_t *size) {
    char line[32];
    writer_t w;
    writer_init(&w, text.size + sizeof line);
    writer_bytes(&w, text.data, text.size);
    int n = snprintf(line, sizeof line, "crc %lu\n", (unsigned long)crc32_of(text.data, text.size));
    writer_bytes(&w, line, (size_t)n);
    return writer_take(&w, size);
}

static void read_marker(view_t text) {
    marker_t m, back;
    int64_t version = 0;
    char made[MARKER_SIZE];
    if (marker_parse(text, &m, &version) != APR_SUCCESS) return;
    marker_put(&m, made);
    FUZZ_REQUIRE(marker_parse(view_make(made, sizeof made), &back, &version) == APR_SUCCESS);
    FUZZ_REQUIRE(back.clean == m.clean && back.messages.offset == m.messages.offset && back.actions.print == m.actions.print);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    whole = view_make(data + 1, size - 1);
    int64_t offset = 0;
    if (data[0] == 0) {
        read_snapshots(whole);
        return 0;
    }
    size_t made_size = 0;
    uint8_t *made = with_checksum(whole, &made_size);
    whole = view_make(made, made_size);
    if (data[0] == 1) {
        read_marker(whole);
    } else {
        (void)positions_read(whole, &offset, note_position, NULL);
    }
    memory_free(made);
    return 0;
}
