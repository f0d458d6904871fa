#include "client/names.h"

#include "client/client.h"
#include "protocol/subject.h"

/* Bytes of the character at p, and its UTF-16 units. */
static size_t character_size(const uint8_t *p, size_t left, size_t *units) {
    size_t size = p[0] < 0xC0 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF8 ? 4 : 1;
    *units = size == 4 ? 2 : 1;
    for (size_t i = 1; i < size; i++) {
        if (i < left && (p[i] & 0xC0) == 0x80) continue;
        *units = 1;
        return 1;
    }
    return size;
}

size_t text_prefix(view_t text, size_t units) {
    const uint8_t *p = (const uint8_t *)text.data;
    size_t at = 0;
    while (at < text.size) {
        size_t more;
        size_t size = character_size(p + at, text.size - at, &more);
        if (more > units) break;
        units -= more;
        at += size;
    }
    return at;
}

size_t text_units(view_t text) {
    const uint8_t *p = (const uint8_t *)text.data;
    size_t units = 0;
    for (size_t at = 0; at < text.size;) {
        size_t more;
        at += character_size(p + at, text.size - at, &more);
        units += more;
    }
    return units;
}

static bool refuse(qmq_error_t **error, const char *what, const char *name, const char *why, const char *remedy) {
    (void)client_fail(error, error_create(QMQ_INVALID, remedy, "%s \"%.120s\" %s", what, name, why));
    return false;
}

static bool check(const char *what, const char *name, qmq_error_t **error) {
    if (name == NULL || *name == 0) {
        (void)client_fail(error, error_create(QMQ_INVALID, "Name one", "the %s is empty", what));
        return false;
    }
    if (text_units(view_of(name)) > NAME_MOST_CHARACTERS)
        return refuse(error, what, name, "is longer than 100 characters", "Use a shorter name");
    if (strstr(name, "${") != NULL)
        return refuse(error, what, name, "contains ${", "A placeholder of a configuration was not replaced: write the name itself");
    if (strchr(name, '%') != NULL)
        return refuse(error, what, name, "contains %", "Retry subjects are made with this character: use a name without it");
    return true;
}

bool name_check_subject(const char *subject, qmq_error_t **error) {
    if (!check("subject", subject, error)) return false;
    if (subject_is_storable(view_of(subject))) return true;
    return refuse(error, "subject", subject, "cannot be stored",
                  "Use letters, digits, dots, dashes and underscores; no slash and no white space, at most 255 bytes");
}

bool name_check_consumed_subject(const char *subject, qmq_error_t **error) {
    view_t name = view_of(subject);
    if (name.size == 0 || subject_kind(name) != SUBJECT_DEAD) return name_check_subject(subject, error);
    if (subject_is_storable(name)) return true;
    return refuse(error, "subject", subject, "cannot be stored", "A dead-letter subject is %DEAD_RETRY%<subject>%<group>");
}

bool name_check_group(const char *group, qmq_error_t **error) {
    if (!check("consumer group", group, error)) return false;
    if (pull_name_is_legal(view_of(group))) return true;
    return refuse(error, "consumer group", group, "contains a slash or a line break", "Use a name without them");
}

bool name_check_client_id(const char *id, qmq_error_t **error) {
    if (!pull_name_is_legal(view_of(id)))
        return refuse(error, "client id", id, "is empty or contains a slash or a line break", "Use a name without them");
    if (strchr(id, '%') != NULL) return refuse(error, "client id", id, "contains %", "Use a name without it");
    return true;
}
