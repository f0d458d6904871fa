#include "base/properties.h"

#include "base/status.h"
#include "base/table.h"
#include "base/writer.h"
#include "portability/file.h"

#include <stdlib.h>

#define PROPERTIES_LIMIT ((size_t)16 * 1024 * 1024)

typedef struct property {
    char *key;
    char *value; /* trimmed */
    char *raw;
    int line;
} property_t;

struct properties {
    property_t **entries; /* in the order of the first definition */
    size_t count;
    size_t capacity;
    table_t index;
};

/* One logical line: the bytes without comment, leading blanks and line ends. A continuation stays as backslash and line feed. */
typedef struct scanner {
    const char *name;
    const char *at;
    const char *end;
    int line;       /* of `at` */
    int first_line; /* of the logical line */
    writer_t logical;
} scanner_t;

static view_t property_key(const void *value) {
    return view_of(((const property_t *)value)->key);
}

static void property_free(property_t *p) {
    memory_free(p->key);
    memory_free(p->value);
    memory_free(p->raw);
    memory_free(p);
}

void properties_free(properties_t *p) {
    if (p == NULL) return;
    for (size_t i = 0; i < p->count; i++) property_free(p->entries[i]);
    memory_free(p->entries);
    table_free(&p->index);
    memory_free(p);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_line_end(char c) {
    return c == '\n' || c == '\r';
}

static void skip_blanks(scanner_t *s) {
    while (s->at < s->end && is_blank(*s->at)) s->at++;
}

static void skip_line_end(scanner_t *s) {
    if (s->at == s->end) return;
    if (*s->at == '\r' && s->at + 1 < s->end && s->at[1] == '\n') s->at++;
    s->at++;
    s->line++;
}

static void skip_comment(scanner_t *s) {
    while (s->at < s->end && !is_line_end(*s->at)) s->at++;
}

/* Copies up to the line end; true when the line goes on behind it. */
static bool copy_natural_line(scanner_t *s) {
    const char *from = s->at;
    size_t backslashes = 0;
    while (s->at < s->end && !is_line_end(*s->at)) {
        backslashes = *s->at == '\\' ? backslashes + 1 : 0;
        s->at++;
    }
    bool goes_on = backslashes % 2 == 1;
    writer_bytes(&s->logical, from, (size_t)(s->at - from) - (goes_on ? 1 : 0));
    return goes_on && s->at < s->end;
}

/* Fetches the next logical line into s->logical; false at the end. */
static bool next_logical_line(scanner_t *s) {
    s->logical.used = 0;
    for (;;) {
        skip_blanks(s);
        if (s->at == s->end) return false;
        if (*s->at == '#' || *s->at == '!') skip_comment(s);
        if (s->at < s->end && !is_line_end(*s->at)) break;
        skip_line_end(s);
    }
    s->first_line = s->line;
    while (copy_natural_line(s)) {
        writer_bytes(&s->logical, "\\\n", 2);
        skip_line_end(s);
        skip_blanks(s);
    }
    skip_line_end(s);
    return true;
}

static void put_utf8(writer_t *to, uint32_t c) {
    if (c < 0x80) {
        writer_u8(to, (uint8_t)c);
    } else if (c < 0x800) {
        writer_u8(to, (uint8_t)(0xc0 | c >> 6));
        writer_u8(to, (uint8_t)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        writer_u8(to, (uint8_t)(0xe0 | c >> 12));
        writer_u8(to, (uint8_t)(0x80 | (c >> 6 & 63)));
        writer_u8(to, (uint8_t)(0x80 | (c & 63)));
    } else {
        writer_u8(to, (uint8_t)(0xf0 | c >> 18));
        writer_u8(to, (uint8_t)(0x80 | (c >> 12 & 63)));
        writer_u8(to, (uint8_t)(0x80 | (c >> 6 & 63)));
        writer_u8(to, (uint8_t)(0x80 | (c & 63)));
    }
}

/* "u" and four hex digits at `at`; false when they are not there. */
static bool read_unit(const char *at, const char *end, uint32_t *unit) {
    if (end - at < 5 || *at != 'u') return false;
    *unit = 0;
    for (int i = 1; i <= 4; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16) return false;
        *unit = *unit << 4 | digit;
    }
    return true;
}

/* A \u escape, with the second half of a surrogate pair when it follows. Returns what was read, or NULL. */
static const char *put_unicode(writer_t *to, const char *at, const char *end) {
    uint32_t unit = 0;
    uint32_t low = 0;
    if (!read_unit(at, end, &unit) || unit == 0) return NULL;
    at += 5;
    if (unit >= 0xd800 && unit < 0xdc00 && end - at >= 6 && *at == '\\' && read_unit(at + 1, end, &low) && low >= 0xdc00 && low < 0xe000) {
        put_utf8(to, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        return at + 6;
    }
    put_utf8(to, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit); /* half a pair is no character */
    return at;
}

/* Unescapes [at, end); on a malformed \u NULL, and *line is moved on to where it is. */
static char *unescape(const char *at, const char *end, int *line) {
    size_t most = (size_t)(end - at) + 1; /* no escape is shorter than what it stands for */
    char *text = memory_alloc(most);
    writer_t to;
    writer_init_fixed(&to, text, most);
    while (at < end) {
        if (*at != '\\') {
            writer_u8(&to, (uint8_t)*at++);
            continue;
        }
        if (++at == end) break;
        switch (*at) {
        case '\n':
            (*line)++;
            break;
        case 't':
            writer_u8(&to, '\t');
            break;
        case 'n':
            writer_u8(&to, '\n');
            break;
        case 'r':
            writer_u8(&to, '\r');
            break;
        case 'f':
            writer_u8(&to, '\f');
            break;
        case 'u':
            at = put_unicode(&to, at, end);
            if (at == NULL) {
                memory_free(text);
                return NULL;
            }
            continue;
        default:
            writer_u8(&to, (uint8_t)*at);
        }
        at++;
    }
    writer_u8(&to, 0);
    return text;
}

/* As Java's String.trim. */
static view_t trimmed(view_t v) {
    while (v.size > 0 && (unsigned char)v.data[0] <= ' ') {
        v.data++;
        v.size--;
    }
    while (v.size > 0 && (unsigned char)v.data[v.size - 1] <= ' ') v.size--;
    return v;
}

static void trim(char *text) {
    view_t v = trimmed(view_of(text));
    if (v.data != text) memmove(text, v.data, v.size);
    text[v.size] = 0;
}

static void store(properties_t *p, property_t *new) {
    property_t *old = table_get(&p->index, property_key(new));
    if (old != NULL) {
        property_t swap = *old;
        swap.key = new->key;
        new->key = old->key;
        *old = *new;
        *new = swap;
        property_free(new);
        return;
    }
    if (p->count == p->capacity) {
        p->capacity = p->capacity == 0 ? 16 : p->capacity * 2;
        p->entries = memory_realloc(p->entries, p->capacity * sizeof *p->entries);
    }
    p->entries[p->count++] = new;
    table_put(&p->index, new);
}

/* Behind blanks and line continuations. */
static size_t skip_gap(view_t logical, size_t i) {
    while (i < logical.size) {
        if (is_blank(logical.data[i])) {
            i++;
        } else if (logical.size - i >= 2 && logical.data[i] == '\\' && logical.data[i + 1] == '\n') {
            i += 2;
        } else {
            break;
        }
    }
    return i;
}

/* Where the key ends and where the value starts. */
static void split(view_t logical, size_t *key_end, size_t *value_at) {
    size_t i = 0;
    while (i < logical.size && logical.data[i] != '=' && logical.data[i] != ':' && !is_blank(logical.data[i])) {
        i += logical.data[i] == '\\' && i + 1 < logical.size ? 2 : 1;
    }
    *key_end = i;
    i = skip_gap(logical, i);
    if (i < logical.size && (logical.data[i] == '=' || logical.data[i] == ':')) i++;
    *value_at = skip_gap(logical, i);
}

static qmq_error_t *bad_escape(const scanner_t *s, int line) {
    return error_create(QMQ_E_MALFORMED,
                        "Write \\u with four hex digits other than 0000; a backslash that belongs to the value, as in a Windows path, is "
                        "written as \\\\, or use / instead",
                        "%s:%d: malformed \\uXXXX escape", s->name, line);
}

static qmq_error_t *take_line(properties_t *p, const scanner_t *s) {
    view_t logical = writer_view(&s->logical);
    size_t key_end = 0;
    size_t value_at = 0;
    split(logical, &key_end, &value_at);
    const char *end = logical.data + logical.size;
    int line = s->first_line;
    char *key = unescape(logical.data, logical.data + key_end, &line);
    if (key == NULL) return bad_escape(s, line);
    char *value = unescape(logical.data + value_at, end, &line);
    if (value == NULL) {
        memory_free(key);
        return bad_escape(s, line);
    }
    trim(value);
    view_t raw = trimmed(view_make(logical.data + value_at, logical.size - value_at));
    property_t *new = memory_alloc(sizeof *new);
    *new = (property_t){key, value, memory_strndup(raw.data, raw.size), s->first_line};
    store(p, new);
    return NULL;
}

/* A text editor's "Unicode" is UTF-16; a zero byte tells it also without a byte order mark. */
static qmq_error_t *check_encoding(const char *name, const char *text, size_t size) {
    static const char remedy[] = "Save the file as UTF-8";
    if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        return error_create(QMQ_E_MALFORMED, remedy, "%s:1: the file is UTF-16 text", name);
    }
    const char *zero = size == 0 ? NULL : memchr(text, 0, size);
    if (zero == NULL) return NULL;
    int line = 1;
    for (const char *c = text; c < zero; c++) line += *c == '\n';
    return error_create(QMQ_E_MALFORMED, remedy, "%s:%d: there is a zero byte: the file is UTF-16 or no text", name, line);
}

properties_t *properties_parse(const char *name, const char *text, size_t size, qmq_error_t **error) {
    *error = check_encoding(name, text, size);
    if (*error != NULL) return NULL;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    properties_t *p = memory_zalloc(sizeof *p);
    table_init(&p->index, property_key);
    scanner_t s = {.name = name, .at = text, .end = size == 0 ? text : text + size, .line = 1};
    void *memory = memory_alloc(size);
    writer_init_fixed(&s.logical, memory, size); /* a logical line is at most the whole text */
    while (*error == NULL && next_logical_line(&s)) *error = take_line(p, &s);
    memory_free(memory);
    if (*error != NULL) {
        properties_free(p);
        return NULL;
    }
    return p;
}

properties_t *properties_read(const char *path, qmq_error_t **error) {
    char *text = NULL;
    size_t size = 0;
    apr_status_t status = file_read_all(path, PROPERTIES_LIMIT, &text, &size);
    if (status != APR_SUCCESS) {
        char why[120];
        const char *remedy = APR_STATUS_IS_ENOENT(status)   ? "Create the file, or point --conf at the directory that has it"
                             : APR_STATUS_IS_EACCES(status) ? "Make the file readable for the user the process runs as"
                                                            : NULL;
        *error = error_create(status, remedy, "cannot read %s: %s", path, status_text(status, why, sizeof why));
        return NULL;
    }
    properties_t *p = properties_parse(path, text, size, error);
    free(text);
    return p;
}

static const property_t *find(const properties_t *p, const char *key) {
    return table_get(&p->index, view_of(key));
}

const char *properties_get(const properties_t *p, const char *key) {
    const property_t *found = find(p, key);
    return found == NULL || *found->value == 0 ? NULL : found->value;
}

int properties_line(const properties_t *p, const char *key) {
    const property_t *found = find(p, key);
    return found == NULL ? 0 : found->line;
}

const char *properties_raw(const properties_t *p, const char *key) {
    const property_t *found = find(p, key);
    return found == NULL ? NULL : found->raw;
}

int properties_at(const properties_t *p, size_t index, const char **key, const char **value) {
    if (index >= p->count) return 0;
    *key = p->entries[index]->key;
    *value = p->entries[index]->value;
    return 1;
}
