#include "broker/durability.h"

#include "base/memory.h"
#include "base/status.h"
#include "protocol/subject.h"

#include <string.h>

#define GENERAL_KEY "send.sync"
#define SUBJECTS_KEY "send.sync.subjects"

static const char *const names[] = {"none", "disk"};

const char *durability_name(durability_t d) {
    return names[d];
}

static bool parse_name(view_t text, durability_t *d) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!view_equal(text, view_of(names[i]))) continue;
        *d = (durability_t)i;
        return true;
    }
    return false;
}

static view_t trimmed(const char *from, const char *end) {
    while (from < end && (*from == ' ' || *from == '\t')) from++;
    while (end > from && (end[-1] == ' ' || end[-1] == '\t')) end--;
    return view_make(from, (size_t)(end - from));
}

static void add_rule(durability_rules_t *r, view_t subject, durability_t d) {
    r->rules = memory_realloc(r->rules, (r->count + 1) * sizeof r->rules[0]);
    r->rules[r->count++] = (durability_rule_t){memory_strndup(subject.data, subject.size), d};
}

/* "subject:disk, other:none"; the last colon counts, so that subjects may have some. */
static bool parse_rules(durability_rules_t *r, const char *text) {
    for (const char *at = text; *at != 0;) {
        const char *end = at + strcspn(at, ",");
        const char *colon = end;
        while (colon > at && *colon != ':') colon--;
        durability_t d;
        view_t subject = trimmed(at, colon);
        if (*colon != ':' || subject.size == 0 || !parse_name(trimmed(colon + 1, end), &d)) return false;
        add_rule(r, subject, d);
        at = *end == ',' ? end + 1 : end;
    }
    return true;
}

bool durability_read(durability_rules_t *r, const config_t *config, qmq_error_t **error) {
    memset(r, 0, sizeof *r);
    const char *general = config_string(config, GENERAL_KEY);
    const char *subjects = config_string(config, SUBJECTS_KEY);
    if (general != NULL && !parse_name(view_of(general), &r->general)) {
        *error = error_create(QMQ_E_INVALID, "Write none (answered from the page cache) or disk (answered after a data sync)",
                              GENERAL_KEY " has the value %s (%s)", general, config_origin(config, GENERAL_KEY));
        return false;
    }
    if (subjects == NULL || parse_rules(r, subjects)) return true;
    durability_free(r);
    *error = error_create(QMQ_E_INVALID, "Write subject:disk or subject:none, separated by commas", SUBJECTS_KEY " has the value %s (%s)",
                          subjects, config_origin(config, SUBJECTS_KEY));
    return false;
}

void durability_free(durability_rules_t *r) {
    for (size_t i = 0; i < r->count; i++) memory_free(r->rules[i].subject);
    memory_free(r->rules);
    memset(r, 0, sizeof *r);
}

durability_t durability_of(const durability_rules_t *r, view_t subject) {
    if (r->count == 0) return r->general;
    view_t real, group;
    subject_split(subject, &real, &group);
    for (size_t i = 0; i < r->count; i++) {
        if (view_equal(real, view_of(r->rules[i].subject))) return r->rules[i].durability;
    }
    return r->general;
}

json_t *durability_json(const durability_rules_t *r) {
    json_t *subjects = json_object();
    for (size_t i = 0; i < r->count; i++)
        (void)json_object_set_new(subjects, r->rules[i].subject, json_string(names[r->rules[i].durability]));
    json_t *to = json_object();
    (void)json_object_set_new(to, GENERAL_KEY, json_string(names[r->general]));
    (void)json_object_set_new(to, "subjects", subjects);
    return to;
}
