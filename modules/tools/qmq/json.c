#include "json.h"

#include "base/error.h"

#include <jansson.h>
#include <string.h>

#define MOST_PLAIN 32767
#define REPLACEMENT "\xEF\xBF\xBD"

/* Bytes of the well-formed character at p, 0 when there is none (also overlong forms and surrogates). */
static size_t character_at(const unsigned char *p, size_t left) {
    if (p[0] < 0x80) return 1;
    size_t size = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || size > left) return 0;
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
    }
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
    if (p[0] == 0xED && p[1] > 0x9F) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
    return size;
}

static void write_escaped(FILE *to, unsigned char c) {
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *found = c == 0 ? NULL : strchr(plain, c);
    if (found != NULL) {
        (void)fprintf(to, "\\%c", names[found - plain]);
    } else {
        (void)fprintf(to, "\\u%04x", c);
    }
}

static void write_text(FILE *to, const char *text, size_t size) {
    const unsigned char *p = (const unsigned char *)text;
    (void)fputc('"', to);
    for (size_t at = 0; at < size;) {
        size_t n = character_at(p + at, size - at);
        if (n == 0) {
            (void)fputs(REPLACEMENT, to);
            n = 1;
        } else if (n == 1 && (p[at] < 0x20 || p[at] == '"' || p[at] == '\\')) {
            write_escaped(to, p[at]);
        } else {
            (void)fwrite(p + at, 1, n, to);
        }
        at += n;
    }
    (void)fputc('"', to);
}

static void write_member(FILE *to, const char *name, const char *value, const char *separator) {
    (void)fprintf(to, "\"%s\":", name);
    write_text(to, value, strlen(value));
    (void)fputs(separator, to);
}

void json_write_attributes(FILE *to, const qmq_message_t *m) {
    const char *key, *value;
    size_t size;
    (void)fputc('{', to);
    for (size_t i = 0; qmq_message_attribute_at(m, i, &key, &value, &size); i++) {
        if (i > 0) (void)fputc(',', to);
        write_text(to, key, strlen(key));
        (void)fputc(':', to);
        write_text(to, value, size);
    }
    (void)fputc('}', to);
}

void json_write_message(FILE *to, const qmq_message_t *m, const char *group) {
    (void)fputc('{', to);
    write_member(to, "subject", qmq_message_subject(m), ",");
    write_member(to, "group", group, ",");
    write_member(to, "id", qmq_message_id(m), ",");
    (void)fputs("\"tags\":[", to);
    for (size_t i = 0; i < qmq_message_tag_count(m); i++) {
        const char *tag = qmq_message_tag_at(m, i);
        if (i > 0) (void)fputc(',', to);
        write_text(to, tag, strlen(tag));
    }
    (void)fputs("],\"attrs\":", to);
    json_write_attributes(to, m);
    (void)fprintf(to, ",\"created\":%lld,\"attempt\":%d,", (long long)qmq_message_created_ms(m), qmq_message_attempt(m));
    write_member(to, "broker_group", qmq_message_broker_group(m), ",");
    (void)fprintf(to, "\"pull_offset\":%lld}\n", (long long)qmq_message_pull_offset(m));
}

static int refuse(qmq_error_t **error, const char *remedy, const char *format, const char *a, int b) {
    char *text = memory_printf(format, a, b);
    *error = error_create(QMQ_INVALID, remedy, "%s", text);
    memory_free(text);
    return QMQ_INVALID;
}

int json_set_text(qmq_message_t *m, const char *key, const char *value, size_t size, qmq_error_t **error) {
    if (size > MOST_PLAIN) return qmq_message_set_large(m, key, value, size, error);
    return qmq_message_set_bytes(m, key, value, size, error);
}

static int set_member(qmq_message_t *m, const char *key, json_t *value, qmq_error_t **error) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_set_text(m, key, json_string_value(value), json_string_length(value), error);
    case JSON_INTEGER:
        return qmq_message_set_int(m, key, json_integer_value(value), error);
    case JSON_REAL:
        return qmq_message_set_double(m, key, json_real_value(value), error);
    case JSON_TRUE:
    case JSON_FALSE:
        return qmq_message_set_bool(m, key, json_is_true(value), error);
    case JSON_NULL:
        return QMQ_OK; /* an attribute without a value is none */
    default:
        return refuse(error, "Write it as a text", "the value of \"%s\" is an object or an array (%d)", key, (int)json_typeof(value));
    }
}

int json_read_attributes(qmq_message_t *m, const char *line, size_t size, qmq_error_t **error) {
    json_error_t why;
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why);
    int status = QMQ_OK;
    if (object == NULL)
        return refuse(error, "Each line is one object: {\"key\":\"value\"}", "not JSON: %s at byte %d", why.text, why.position);
    if (!json_is_object(object)) status = refuse(error, "Each line is one object: {\"key\":\"value\"}", "%s (%d)", "not an object", 0);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        if (status == QMQ_OK) status = set_member(m, key, value, error);
    }
    json_decref(object);
    return status;
}
