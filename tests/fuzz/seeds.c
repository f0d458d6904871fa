/* The first inputs of every fuzz target: usage fuzz_seeds FOLDER [FIXTURES]. Makes FOLDER/<target>/<checksum> from the worked examples of
 * wire-protocol.md section 21 and, when FIXTURES/wire is there, from the recorded frames. */
#include "seeds.h"
#include "base/crc32.h"
#include "base/memory.h"
#include "examples.h"
#include "fixtures.h"
#include "protocol/codes.h"
#include "protocol/pull.h"
#include "protocol/send.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <stdio.h>
#include <stdlib.h>

#define SEED_MOST 16384 /* bigger inputs only make the fuzzer slow */
#define FRAME_LIMIT (64u << 20)

static const char *root;
static apr_pool_t *pool;
static size_t written;
static bool failed;

void seed_put(const char *target, view_t input) {
    if (input.size > SEED_MOST || failed) return;
    char *folder = memory_printf("%s/%s", root, target);
    char *path = memory_printf("%s/%08x-%zu", folder, (unsigned)crc32_of(input.data, input.size), input.size);
    FILE *out = NULL;
    apr_status_t status = apr_dir_make_recursive(folder, APR_FPROT_OS_DEFAULT, pool);
    if (status == APR_SUCCESS) out = fopen(path, "wb");
    failed = out == NULL || fwrite(input.data, 1, input.size, out) != input.size;
    if (out != NULL && fclose(out) != 0) failed = true;
    if (failed) {
        fprintf(stderr, "fuzz_seeds: cannot write %s\n", path);
    } else {
        written++;
    }
    memory_free(path);
    memory_free(folder);
    apr_pool_clear(pool);
}

/* The header's version in front, as the target takes it. */
static void put_versioned(const char *target, const frame_t *f) {
    writer_t w;
    writer_init(&w, 0);
    writer_i16(&w, f->version);
    writer_bytes(&w, f->body.data, f->body.size);
    seed_put(target, writer_view(&w));
    writer_free(&w);
}

/* Filter and message as one input of tag_filter. */
static void put_filter(const message_t *m) {
    static const view_t filters[] = {{"\0\001\001\0\003pay", 8}, {"\0\002\002\0\003pay\0\003vip", 13}, {"\0\007\001\0\003pay", 8}};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        writer_t w;
        writer_init(&w, 0);
        writer_bytes(&w, filters[i].data, filters[i].size);
        writer_bytes(&w, m->payload.data, m->payload.size);
        seed_put("tag_filter", writer_view(&w));
        writer_free(&w);
    }
}

static void put_messages(view_t body) {
    cursor_t c = cursor_of(body);
    message_t m;
    seed_put("send_request", body);
    while (cursor_left(&c) > 0 && message_parse_wire(&c, &m)) {
        seed_put("message", m.payload);
        seed_put("subject", m.subject);
        put_filter(&m);
    }
}

static void put_sync_request(view_t body) {
    seed_put("sync_log_request", body);
    seed_put("delay_sync_request", body);
}

static void put_request(const frame_t *f) {
    switch (f->code) {
    case REQUEST_SEND_MESSAGE:
        put_messages(f->body);
        break;
    case REQUEST_PULL_MESSAGE:
        put_versioned("pull_request", f);
        break;
    case REQUEST_ACK:
        put_versioned("ack_request", f);
        break;
    case REQUEST_SYNC_LOG:
        put_sync_request(f->body);
        break;
    case REQUEST_CONSUME_MANAGE:
        seed_put("consume_manage_request", f->body);
        break;
    case REQUEST_BROKER_REGISTER:
        seed_put("broker_register_request", f->body);
        break;
    case REQUEST_CLIENT_REGISTER:
        seed_put("client_register_request", f->body);
        break;
    case REQUEST_BROKER_ACQUIRE_META:
        seed_put("broker_acquire_meta_request", f->body);
        break;
    default:
        break;
    }
}

/* Which of the answers it is, the request said; each decoder may look at all of them. */
static void put_sync_answer(view_t body) {
    static const size_t head = 12;
    seed_put("sync_log_response", body);
    seed_put("sync_heartbeat_response", body);
    seed_put("delay_heartbeat_response", body);
    seed_put("delay_dispatch_response", body);
    if (body.size > head) seed_put("sync_index", view_make(body.data + head, body.size - head));
}

static void put_answer(const frame_t *f) {
    switch (f->request_code) {
    case REQUEST_SEND_MESSAGE:
        seed_put("send_response", f->body);
        break;
    case REQUEST_PULL_MESSAGE:
        seed_put("pull_response", f->body);
        break;
    case REQUEST_SYNC_LOG:
        put_sync_answer(f->body);
        break;
    case REQUEST_SYNC_CHECKPOINT:
        seed_put("sync_checkpoint_response", f->body);
        break;
    case REQUEST_CLIENT_REGISTER:
        seed_put("client_register_response", f->body);
        break;
    case REQUEST_BROKER_ACQUIRE_META:
        seed_put("broker_acquire_meta_response", f->body);
        break;
    default:
        break;
    }
}

static void put_frame(const frame_t *f, view_t bytes) {
    seed_put("frame", bytes);
    if ((f->flag & FRAME_FLAG_RESPONSE) == 0) {
        put_request(f);
    } else {
        put_answer(f);
    }
}

static void put_examples(void) {
    for (const example_t *e = examples; e->name != NULL; e++) {
        uint8_t bytes[EXAMPLE_ROOM];
        size_t size = 0;
        size_t needed = 0;
        const char *reason = NULL;
        frame_t f;
        if (!example_decode(e->hex, bytes, sizeof bytes, &size) ||
            frame_parse(bytes, size, FRAME_LIMIT, &f, &needed, &reason) != APR_SUCCESS) {
            fprintf(stderr, "fuzz_seeds: example %s is no frame\n", e->name);
            failed = true;
            return;
        }
        put_frame(&f, view_make(bytes, size));
    }
}

static void put_texts(void) {
    seed_put("subject", view_of("%RETRY%order.changed%ticket"));
    seed_put("subject", view_of("%DEAD_RETRY% a %\xe3\x80\x80g%"));
    seed_put("properties",
             view_of("# comment\nbroker.port=20881\nstore.root : data\\\n  /more\nkey\\u0041=\\t v\\\\\n!x\nempty=\nbroker.port = 1\r\n"));
    seed_put("properties", view_of("\xef\xbb\xbfjdbc.url=jdbc:sqlite:data/meta.db\nD=D:\\data\n"));
}

static void put_fixtures(const char *folder) {
    for (size_t i = 0; fixture_names[i] != NULL && !failed; i++) {
        fixture_file_t file;
        if (!fixture_load(folder, fixture_names[i], &file)) failed = true;
        for (size_t row = 0; row < file.count; row++) {
            put_frame(&file.rows[row].frame, view_make(file.rows[row].bytes, file.rows[row].frame.size));
        }
        fixture_free(&file);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: fuzz_seeds FOLDER [FIXTURES]\n");
        return 2;
    }
    root = argv[1];
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        fprintf(stderr, "fuzz_seeds: no memory\n");
        return 2;
    }
    put_examples();
    put_texts();
    seeds_of_store();
    if (argc > 2) put_fixtures(argv[2]);
    apr_pool_destroy(pool);
    apr_terminate();
    printf("%zu seeds written\n", written);
    return failed ? 1 : 0;
}
