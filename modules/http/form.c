#include "http/form.h"

#include "base/memory.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static size_t sequence_length(unsigned char lead, unsigned char *lowest, unsigned char *highest) {
    *lowest = 0x80;
    *highest = 0xBF;
    if (lead >= 0x01 && lead <= 0x7F) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead == 0xE0) *lowest = 0xA0;  /* overlong */
    if (lead == 0xED) *highest = 0x9F; /* surrogates */
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead == 0xF0) *lowest = 0x90;
    if (lead == 0xF4) *highest = 0x8F; /* beyond U+10FFFF */
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/* Bytes of the valid sequence at the start, 0 when there is none. */
static size_t valid_sequence(const unsigned char *bytes, size_t size) {
    unsigned char lowest, highest;
    size_t length = sequence_length(bytes[0], &lowest, &highest);
    if (length == 0 || length > size) return 0;
    for (size_t i = 1; i < length; i++) {
        if (bytes[i] < lowest || bytes[i] > highest) return 0;
        lowest = 0x80;
        highest = 0xBF;
    }
    return length;
}

char *form_text(view_t bytes) {
    char *text = memory_alloc(bytes.size * (sizeof REPLACEMENT - 1) + 1);
    const unsigned char *from = (const unsigned char *)bytes.data;
    size_t used = 0;
    for (size_t at = 0; at < bytes.size;) {
        size_t length = valid_sequence(from + at, bytes.size - at);
        if (length > 0) {
            memcpy(text + used, from + at, length);
            used += length;
            at += length;
        } else {
            memcpy(text + used, REPLACEMENT, sizeof REPLACEMENT - 1);
            used += sizeof REPLACEMENT - 1;
            at++;
        }
    }
    text[used] = 0;
    return memory_realloc(text, used + 1);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A percent sign that is no escape stands for itself. */
static char *decode(view_t encoded) {
    char *bytes = memory_alloc(encoded.size + 1);
    size_t used = 0;
    for (size_t at = 0; at < encoded.size; at++) {
        char c = encoded.data[at];
        if (c == '+') c = ' ';
        if (c == '%' && encoded.size - at > 2) {
            int high = hex_digit(encoded.data[at + 1]);
            int low = hex_digit(encoded.data[at + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                at += 2;
            }
        }
        bytes[used++] = c;
    }
    char *text = form_text(view_make(bytes, used));
    memory_free(bytes);
    return text;
}

static void parse_field(view_t pair, void (*field)(void *arg, char *name, char *value), void *arg) {
    if (pair.size == 0) return;
    const char *equals = memchr(pair.data, '=', pair.size);
    size_t name = equals == NULL ? pair.size : (size_t)(equals - pair.data);
    view_t value = equals == NULL ? view_make(NULL, 0) : view_make(equals + 1, pair.size - name - 1);
    field(arg, decode(view_make(pair.data, name)), decode(value));
}

void form_parse(view_t body, void (*field)(void *arg, char *name, char *value), void *arg) {
    while (body.size > 0) {
        const char *end = memchr(body.data, '&', body.size);
        size_t length = end == NULL ? body.size : (size_t)(end - body.data);
        parse_field(view_make(body.data, length), field, arg);
        if (end == NULL) return;
        body = view_make(end + 1, body.size - length - 1);
    }
}
