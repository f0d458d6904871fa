/* Answers of the metaserver for people: arrays as tables, objects as lines, refusals as one line on standard error. */
#include "tools/tools.h"

#include "base/memory.h"

#include <apr_time.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COLUMNS 16
#define GAP 2

static size_t width_of(const char *text) {
    size_t n = 0;
    for (; *text != 0; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static char *time_text(json_int_t ms) {
    apr_time_exp_t t;
    char text[32];
    apr_size_t size = 0;
    if (apr_time_exp_lt(&t, (apr_time_t)ms * 1000) != APR_SUCCESS ||
        apr_strftime(text, &size, sizeof text, "%Y-%m-%d %H:%M:%S", &t) != APR_SUCCESS)
        return memory_printf("%lld", (long long)ms);
    return memory_strdup(text);
}

static char *joined(const json_t *array) {
    char *text = memory_strdup("");
    size_t i;
    const json_t *item;
    json_array_foreach(array, i, item) {
        char *longer = memory_printf("%s%s%s", text, i == 0 ? "" : ",", json_is_string(item) ? json_string_value(item) : "?");
        memory_free(text);
        text = longer;
    }
    return text;
}

/* memory_free */
static char *cell_text(const char *key, const json_t *value) {
    if (json_is_string(value)) return memory_strdup(json_string_value(value));
    if (json_is_integer(value))
        return strcmp(key, "updateTime") == 0 ? time_text(json_integer_value(value))
                                              : memory_printf("%lld", (long long)json_integer_value(value));
    if (json_is_array(value)) return joined(value);
    if (value == NULL || json_is_null(value)) return memory_strdup("-");
    char *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = memory_strdup(dumped == NULL ? "?" : dumped);
    free(dumped);
    return text;
}

/* Columns of a table: the keys of its first row. An array in the last column is written one item a line. */
typedef struct columns {
    const char *keys[MAX_COLUMNS];
    size_t widths[MAX_COLUMNS];
    size_t count;
} columns_t;

static void measure(columns_t *c, const json_t *rows) {
    const char *key;
    json_t *value;
    json_object_foreach(json_array_get(rows, 0), key, value) {
        if (c->count < MAX_COLUMNS) c->keys[c->count++] = key;
    }
    for (size_t k = 0; k < c->count; k++) {
        c->widths[k] = width_of(c->keys[k]);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            char *text = cell_text(c->keys[k], json_object_get(json_array_get(rows, i), c->keys[k]));
            size_t width = width_of(text);
            if (width > c->widths[k]) c->widths[k] = width;
            memory_free(text);
        }
    }
}

static void put(FILE *out, const char *text, size_t width, bool last) {
    (void)fputs(text, out);
    for (size_t used = width_of(text); !last && used < width + GAP; used++) (void)fputc(' ', out);
}

static void put_list(const columns_t *c, const json_t *list, FILE *out) {
    size_t indent = 0;
    for (size_t k = 0; k + 1 < c->count; k++) indent += c->widths[k] + GAP;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        (void)fprintf(out, "%*s%s\n", i == 0 ? 0 : (int)indent, "", json_is_string(item) ? json_string_value(item) : "?");
    }
    if (json_array_size(list) == 0) (void)fputc('\n', out);
}

static void put_row(const columns_t *c, const json_t *row, FILE *out) {
    for (size_t k = 0; k < c->count; k++) {
        const json_t *value = json_object_get(row, c->keys[k]);
        bool last = k + 1 == c->count;
        if (last && json_is_array(value)) {
            put_list(c, value, out);
            return;
        }
        char *text = cell_text(c->keys[k], value);
        put(out, text, c->widths[k], last);
        memory_free(text);
    }
    (void)fputc('\n', out);
}

static void put_table(const json_t *rows, FILE *out) {
    columns_t c = {.count = 0};
    measure(&c, rows);
    for (size_t k = 0; k < c.count; k++) put(out, c.keys[k], c.widths[k], k + 1 == c.count);
    (void)fputc('\n', out);
    for (size_t i = 0; i < json_array_size(rows); i++) put_row(&c, json_array_get(rows, i), out);
}

static void put_object(const json_t *object, FILE *out) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        char *text = cell_text(key, value);
        (void)fprintf(out, "%-14s %s\n", key, text);
        memory_free(text);
    }
}

static void put_value(const json_t *value, const char *said, FILE *out) {
    if (json_is_array(value) && json_array_size(value) == 0)
        (void)fputs("nothing\n", out);
    else if (json_is_array(value) && json_is_object(json_array_get(value, 0)))
        put_table(value, out);
    else if (json_is_object(value) && json_object_size(value) > 0)
        put_object(value, out);
    else if (json_is_string(value))
        (void)fprintf(out, "%s\n", json_string_value(value));
    else
        (void)fprintf(out, "%s\n", said == NULL || *said == 0 ? "done" : said);
}

void tool_print_human(const char *body, size_t size, tool_output_t *to) {
    json_t *answer = json_loadb(body, size, 0, NULL);
    const json_t *data = json_object_get(answer, "data"), *status = json_object_get(answer, "status");
    const char *message = json_string_value(json_object_get(answer, "message"));
    const char *error = json_string_value(json_object_get(answer, "error"));
    bool refused = error != NULL || (json_is_integer(status) && json_integer_value(status) != 0);
    if (answer == NULL) {
        (void)fprintf(to->out, "%.*s\n", (int)strcspn(body, "\n"), body);
    } else if (refused) {
        (void)fprintf(to->err, "the metaserver refuses: %s\n", error != NULL ? error : message == NULL ? "" : message);
        const json_t *more = data != NULL ? data : json_object_get(answer, "subjectRoute");
        if (json_is_object(more)) put_object(more, to->err);
    } else if (json_is_object(answer) && (data != NULL || status != NULL)) {
        put_value(data, message, to->out);
    } else {
        put_value(answer, NULL, to->out);
    }
    json_decref(answer);
}
