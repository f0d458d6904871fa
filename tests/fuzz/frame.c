#include "net/frame.h"

#include "base/status.h"
#include "fuzz.h"

#define LIMIT (1u << 20)

/* The beginnings of a frame that is right are no error: more bytes are wanted, and more than there are. */
static void check_beginning(const uint8_t *data, size_t size) {
    frame_t f;
    size_t needed = 0;
    const char *reason = NULL;
    FUZZ_REQUIRE(frame_parse(data, size, LIMIT, &f, &needed, &reason) == QMQ_E_PENDING);
    FUZZ_REQUIRE(needed > size);
}

static void check_frame(const uint8_t *data, size_t left, const frame_t *f) {
    FUZZ_REQUIRE(f->size >= FRAME_HEAD && f->size <= left && f->size <= LIMIT + 4);
    FUZZ_REQUIRE(fuzz_is_inside(f->body, view_make(data, f->size)));
    check_beginning(data, f->size - 1);
    check_beginning(data, FRAME_HEAD - 1);
    check_beginning(data, 5);
    if (f->body.size + FRAME_HEAD != f->size) return; /* a longer header than ours */
    uint8_t head[FRAME_HEAD];
    frame_write_head(head, f->code, f->version, f->opaque, f->flag, f->request_code, f->body.size);
    FUZZ_REQUIRE(memcmp(head, data, FRAME_HEAD) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    while (size > 0) {
        frame_t f;
        size_t needed = 0;
        const char *reason = NULL;
        apr_status_t status = frame_parse(data, size, LIMIT, &f, &needed, &reason);
        if (status == QMQ_E_PENDING) FUZZ_REQUIRE(needed > size);
        if (status == QMQ_E_MALFORMED || status == QMQ_E_TOO_LONG) FUZZ_REQUIRE(reason != NULL && *reason != 0);
        if (status != APR_SUCCESS) {
            FUZZ_REQUIRE(status == QMQ_E_PENDING || status == QMQ_E_MALFORMED || status == QMQ_E_TOO_LONG);
            return 0;
        }
        check_frame(data, size, &f);
        data += f.size;
        size -= f.size;
    }
    return 0;
}
