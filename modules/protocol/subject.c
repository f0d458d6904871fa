#include "protocol/subject.h"

static const view_t RETRY_MARK = {"%RETRY", 6};
static const view_t DEAD_MARK = {"%DEAD_RETRY", 11};
static const char SEPARATOR = '%';
#define SPLIT_PARTS 3 /* mark, subject, group */

/* Size of the white space character at p, 0 when there is none. UTF-8 of U+0009-000D, 0020, 0085, 1680, 2000-200A, 2028, 2029, 202F, 205F,
 * 3000, 00A0; *breaking is false for the three that forbid a line break: 00A0, 2007, 202F. */
static size_t white_space_at(const uint8_t *p, size_t left, bool *breaking) {
    *breaking = true;
    if (left >= 1 && p[0] < 0x80) return p[0] == ' ' || (p[0] >= '\t' && p[0] <= '\r') ? 1 : 0;
    if (left >= 2 && p[0] == 0xC2) {
        *breaking = p[1] == 0x85;
        return p[1] == 0x85 || p[1] == 0xA0 ? 2 : 0;
    }
    if (left < 3) return 0;
    unsigned character = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
    if (character == 0xE19A80 || character == 0xE2819F || character == 0xE38080) return 3;
    if (character == 0xE280A8 || character == 0xE280A9) return 3;
    *breaking = character != 0xE28087 && character != 0xE280AF;
    return (character >= 0xE28080 && character <= 0xE2808A) || character == 0xE280AF ? 3 : 0;
}

subject_kind_t subject_kind(view_t subject) {
    if (view_starts(subject, RETRY_MARK)) return SUBJECT_RETRY;
    return view_starts(subject, DEAD_MARK) ? SUBJECT_DEAD : SUBJECT_NORMAL;
}

static view_t trim(view_t v) {
    const uint8_t *start = (const uint8_t *)v.data;
    size_t left = v.size;
    bool breaking;
    size_t n;
    while (left > 0 && (n = white_space_at(start, left, &breaking)) > 0) {
        start += n;
        left -= n;
    }
    for (n = 1; n <= 3 && n <= left;) {
        if (white_space_at(start + left - n, n, &breaking) == n) {
            left -= n;
            n = 1;
        } else {
            n++;
        }
    }
    return view_make(start, left);
}

/* Takes the text up to the next separator off *rest; false when nothing is left. */
static bool next_part(view_t *rest, view_t *part) {
    if (rest->size == 0) return false;
    const char *end = memchr(rest->data, SEPARATOR, rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    *part = trim(view_make(rest->data, size));
    size_t used = end == NULL ? size : size + 1;
    *rest = view_make(rest->data + used, rest->size - used);
    return true;
}

void subject_split(view_t subject, view_t *real, view_t *group) {
    view_t parts[SPLIT_PARTS];
    size_t count = 0;
    view_t rest = subject;
    view_t part;
    *real = subject;
    *group = view_make(NULL, 0);
    if (subject_kind(subject) == SUBJECT_NORMAL) return;
    while (next_part(&rest, &part)) {
        if (part.size == 0) continue;
        if (count == SPLIT_PARTS) return;
        parts[count++] = part;
    }
    if (count < SPLIT_PARTS) return;
    *real = parts[1];
    *group = parts[2];
}

bool subject_has_illegal_character(view_t subject) {
    const uint8_t *p = (const uint8_t *)subject.data;
    for (size_t i = 0; i < subject.size; i++) {
        bool breaking;
        if (p[i] == '/') return true;
        if (white_space_at(p + i, subject.size - i, &breaking) > 0 && breaking) return true;
    }
    return false;
}

bool subject_is_directory_name(view_t subject) {
    if (subject.size == 0 || subject.size > SUBJECT_MAX_BYTES) return false;
    if (view_equal(subject, view_of(".")) || view_equal(subject, view_of(".."))) return false;
    return !view_has(subject, '\0') && !view_has(subject, '/');
}

bool subject_is_storable(view_t subject) {
    return subject_is_directory_name(subject) && !subject_has_illegal_character(subject);
}

bool pull_name_is_legal(view_t name) {
    return name.size > 0 && !view_has(name, '/') && !view_has(name, '\r') && !view_has(name, '\n');
}

static size_t make_name(view_t mark, view_t subject, view_t group, char *to, size_t size) {
    size_t needed = mark.size + 1 + subject.size + 1 + group.size;
    if (needed > size) return needed;
    char *at = to;
    memcpy(at, mark.data, mark.size);
    at += mark.size;
    *at++ = SEPARATOR;
    if (subject.size > 0) memcpy(at, subject.data, subject.size);
    at += subject.size;
    *at++ = SEPARATOR;
    if (group.size > 0) memcpy(at, group.data, group.size);
    return needed;
}

size_t subject_retry_name(view_t subject, view_t group, char *to, size_t size) {
    return make_name(RETRY_MARK, subject, group, to, size);
}

size_t subject_dead_name(view_t subject, view_t group, char *to, size_t size) {
    return make_name(DEAD_MARK, subject, group, to, size);
}
