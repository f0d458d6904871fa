#include "fixtures.h"

#include "base/memory.h"
#include "examples.h"
#include "protocol/client_register.h"
#include "protocol/codes.h"

#include <apr_errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT (64u << 20)
#define LINE_ROOM (1u << 20)

const char *const fixture_names[] = {"backup-meta", "backup-slave", "broker-meta", "client-broker",      "client-delay",
                                     "client-meta", "delay-broker", "delay-meta",  "delay-slave-master", "meta-broker",
                                     "probes",      "slave-master", NULL};

static bool take_frame(fixture_t *row, const char *hex) {
    size_t size = 0;
    size_t needed = 0;
    const char *reason = NULL;
    size_t room = strlen(hex) / 2;
    row->bytes = memory_alloc(room);
    return example_decode(hex, row->bytes, room, &size) &&
           frame_parse(row->bytes, size, LIMIT, &row->frame, &needed, &reason) == APR_SUCCESS && row->frame.size == size;
}

static bool take_row(const char *line, fixture_t *row) {
    json_error_t error;
    json_t *object = json_loads(line, 0, &error);
    const char *peer = json_string_value(json_object_get(object, "peer"));
    const char *dir = json_string_value(json_object_get(object, "dir"));
    const char *hex = json_string_value(json_object_get(object, "hex"));
    memset(row, 0, sizeof *row);
    bool good = peer != NULL && dir != NULL && hex != NULL;
    if (good) {
        row->peer = memory_strdup(peer);
        row->connection = (int)json_integer_value(json_object_get(object, "conn"));
        row->is_request = strcmp(dir, "req") == 0;
        good = take_frame(row, hex);
    }
    json_decref(object);
    return good;
}

/* Every CLIENT_REGISTER has opaque 0: the answer is known by subject, group and type. */
static bool is_register_answer(const fixture_t *request, const fixture_t *answer) {
    client_register_request_t r;
    client_register_response_t a;
    if (!client_register_response_read(answer->frame.body, &a) || !client_register_request_read(request->frame.body, &r)) return false;
    return view_equal(a.subject, r.subject) && view_equal(a.consumer_group, r.consumer_group) && a.client_type == (int8_t)r.client_type;
}

static bool belongs(const fixture_t *request, const fixture_t *answer) {
    if (!request->is_request || request->partner != NULL || request->connection != answer->connection) return false;
    if (request->frame.opaque != answer->frame.opaque || request->frame.code != answer->frame.request_code) return false;
    bool by_content = request->frame.code == REQUEST_CLIENT_REGISTER && answer->frame.code == RESPONSE_SUCCESS;
    return !by_content || is_register_answer(request, answer);
}

static void pair(fixture_file_t *file) {
    for (size_t i = 0; i < file->count; i++) {
        fixture_t *answer = &file->rows[i];
        if (answer->is_request) continue;
        for (size_t j = 0; j < file->count && answer->partner == NULL; j++) {
            fixture_t *request = &file->rows[j];
            if (!belongs(request, answer)) continue;
            request->partner = answer;
            answer->partner = request;
        }
    }
}

static bool read_rows(FILE *in, fixture_file_t *file, char *line) {
    while (fgets(line, LINE_ROOM, in) != NULL) {
        file->rows = memory_realloc(file->rows, (file->count + 1) * sizeof *file->rows);
        if (!take_row(line, &file->rows[file->count++])) return false;
    }
    return ferror(in) == 0;
}

bool fixture_load(const char *folder, const char *name, fixture_file_t *file) {
    memset(file, 0, sizeof *file);
    char *path = memory_printf("%s/wire/%s.jsonl", folder, name);
    char *line = memory_alloc(LINE_ROOM);
    FILE *in = fopen(path, "r");
    bool good = in != NULL && read_rows(in, file, line);
    if (!good) printf("%s: cannot be read at row %zu\n", path, file->count);
    if (in != NULL) (void)fclose(in);
    memory_free(line);
    memory_free(path);
    if (good) pair(file);
    return good;
}

void fixture_free(fixture_file_t *file) {
    for (size_t i = 0; i < file->count; i++) {
        memory_free(file->rows[i].peer);
        memory_free(file->rows[i].bytes);
    }
    memory_free(file->rows);
    memset(file, 0, sizeof *file);
}

bool fixture_is_delay_sync(const fixture_t *row) {
    bool is_sync = strstr(row->peer, "sync") != NULL || strcmp(row->peer, "delay-slave->delay-master") == 0;
    return is_sync && strstr(row->peer, "delay") != NULL;
}
