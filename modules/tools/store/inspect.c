#include "tools/store/inspect.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/host.h"

#include <stdlib.h>
#include <string.h>

/* Where the log's data ends: behind what is sound in the last segment, or behind the last byte that is not zero. */
static apr_status_t find_end(inspector_t *i, segmented_log_t *l, segment_validator_t validate, int64_t *sound) {
    *sound = 0;
    if (l->count == 0) return APR_SUCCESS;
    segment_t *last = l->segments[l->count - 1];
    log_scan_t scan;
    log_scan_init(&scan, &i->log);
    apr_status_t rv = log_scan_open(&scan, last, l->segment_size);
    if (rv == APR_SUCCESS) {
        const char *reason = NULL;
        int64_t front = validate(&scan, 0, l->segment_size, &reason);
        int64_t data = front == l->segment_size ? front : log_scan_last_data(&scan, front);
        *sound = last->base + front;
        segmented_log_publish(l, last->base + (data > front ? data : front));
    }
    log_scan_free(&scan);
    return rv;
}

static bool tell(inspector_t *i, qmq_error_t *error) {
    char *line = error_line(error);
    (void)fprintf(i->err, "%s\n", line);
    memory_free(line);
    qmq_error_free(error);
    return false;
}

static bool open_log(inspector_t *i, segmented_log_t *l, const char *name, const char *directory, int64_t segment_size,
                     segment_validator_t validate, int64_t *sound) {
    qmq_error_t *error = NULL;
    apr_status_t rv = segmented_log_view(l, name, memory_printf("%s/%s", i->root, directory), segment_size, &i->log, &error);
    if (rv == APR_SUCCESS) rv = find_end(i, l, validate, sound);
    if (rv == APR_SUCCESS) return true;
    char text[160];
    if (error == NULL)
        error = error_create(rv, "See that this user may read it", "the %s in %s cannot be read: %s", name, i->root,
                             status_text(rv, text, sizeof text));
    return tell(i, error);
}

bool inspector_open(inspector_t *i) {
    path_info_t info;
    char *log = memory_printf("%s/messagelog", i->root);
    apr_status_t rv = path_inspect(log, &info);
    memory_free(log);
    if (rv != APR_SUCCESS || info.kind != PATH_DIRECTORY)
        return tell(i, error_create(QMQ_E_NOT_FOUND, "Name the directory that store.root names: --root DIR, or --home DIR of the broker",
                                    "%s is no store: it has no directory messagelog", i->root));
    return open_log(i, &i->messages, "message log", "messagelog", i->message_segment, message_segment_validate_taken_over,
                    &i->message_sound) &&
           open_log(i, &i->actions, "action log", "actionlog", i->action_segment, action_segment_validate, &i->action_sound);
}

void inspector_close(inspector_t *i) {
    segmented_log_close(&i->messages);
    segmented_log_close(&i->actions);
    memory_free(i->root);
}

void inspector_print(inspector_t *i, json_t *line) {
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
    if (text != NULL) (void)fprintf(i->out, "%s\n", text);
    free(text);
    json_decref(line);
}

void inspector_progress(inspector_t *i, const char *what, int64_t done, int64_t all) {
    if (!i->terminal) return;
    if (what == NULL)
        (void)fprintf(i->err, "\r%60s\r", "");
    else
        (void)fprintf(i->err, "\r%s: %lld of %lld MiB ", what, (long long)(done >> 20), (long long)(all >> 20));
    (void)fflush(i->err);
}

json_t *text_json(view_t text) {
    if (text.data == NULL) return json_string("");
    json_t *made = json_stringn(text.data, text.size);
    if (made != NULL) return made;
    char *hex = memory_alloc(2 * text.size + 1);
    for (size_t k = 0; k < text.size; k++) (void)snprintf(hex + 2 * k, 3, "%02x", (unsigned char)text.data[k]);
    made = json_string(hex);
    memory_free(hex);
    return made;
}

uint8_t *inspector_payload(inspector_t *i, int64_t offset, const message_record_t *record) {
    segment_t *s = segmented_log_locate(&i->messages, offset);
    uint8_t *bytes = s == NULL ? NULL : memory_try(record->payload_size + 1);
    size_t got = 0;
    apr_status_t rv =
        bytes == NULL ? APR_ENOMEM : file_read_at(s->file, bytes, record->payload_size, offset - s->base + record->header_size, &got);
    segment_release(s);
    if (rv == APR_SUCCESS && got == record->payload_size) return bytes;
    memory_free(bytes);
    return NULL;
}
