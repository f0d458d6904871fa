/* The files of a closed store are cut or changed at one place, and the ledger is told what may be gone because of it. */
#include "base/memory.h"
#include "places.h"
#include "portability/file.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 200
#define MOST_LOG ((size_t)64 * 1024 * 1024)

typedef enum damage { DAMAGE_FLIP, DAMAGE_CUT, DAMAGES } damage_t;

/* How often each kind of place was hit, over all runs. */
static struct cover {
    char kind[PLACE_KIND];
    int64_t hits[DAMAGES];
} covers[KINDS];
static size_t cover_count;

static struct cover *cover_of(const char *kind) {
    for (size_t i = 0; i < cover_count; i++) {
        if (strcmp(covers[i].kind, kind) == 0) return &covers[i];
    }
    if (cover_count == KINDS) {
        fprintf(stderr, "fault_torture: more kinds of places than expected\n");
        exit(2);
    }
    (void)snprintf(covers[cover_count].kind, PLACE_KIND, "%s", kind);
    return &covers[cover_count++];
}

void damage_print_cover(void) {
    int64_t fewest = INT64_MAX, all = 0;
    const char *name = "";
    for (size_t i = 0; i < cover_count; i++) {
        for (int d = 0; d < DAMAGES; d++) {
            all += covers[i].hits[d];
            if (covers[i].hits[d] >= fewest) continue;
            fewest = covers[i].hits[d];
            name = covers[i].kind;
        }
    }
    if (all > 0)
        printf("damaged files: %lld times, %zu kinds of places, each changed and cut at least %lld times (%s)\n", (long long)all,
               cover_count, (long long)fewest, name);
}

/* Behind what was surely synced a torn end is expected, and cut. */
static bool is_eligible(const places_t *p, const place_t *at) {
    if (strncmp(at->kind, "behind", 6) == 0) return true;
    if (at->log == PLACE_OF_MESSAGES) return at->base + at->end <= p->messages_synced;
    if (at->log == PLACE_OF_ACTIONS) return at->base + at->end <= p->actions_synced;
    return true;
}

/* A place of the kind that was hit least among those there are. */
static const place_t *choose(run_t *r, const places_t *p, damage_t how) {
    const place_t *chosen = NULL;
    int64_t fewest = INT64_MAX;
    uint64_t alike = 0;
    bool least = pick(r, 4) == 0;
    for (size_t i = 0; i < p->count; i++) {
        const place_t *at = &p->items[i];
        if (!is_eligible(p, at)) continue;
        int64_t hits = least ? cover_of(at->kind)->hits[how] : 0;
        if (hits > fewest) continue;
        if (hits < fewest) alike = 0;
        fewest = hits;
        if (pick(r, ++alike) == 0) chosen = at;
    }
    return chosen;
}

static void fail(const char *path) {
    fprintf(stderr, "fault_torture: cannot damage %s\n", path);
    exit(2);
}

static void flip(run_t *r, const char *path, const place_t *at) {
    int64_t offset = at->offset + (int64_t)pick(r, (uint64_t)at->size);
    uint8_t byte = 0, change = (uint8_t)(pick(r, 3) == 0 ? 0xffu : 1u << pick(r, 8));
    FILE *f = fopen(path, "r+be");
    if (f == NULL || fseek(f, (long)offset, SEEK_SET) != 0 || fread(&byte, 1, 1, f) != 1) fail(path);
    byte = (uint8_t)(byte ^ change);
    if (fseek(f, (long)offset, SEEK_SET) != 0 || fwrite(&byte, 1, 1, f) != 1 || fclose(f) != 0) fail(path);
}

/* In front of the place or in the middle of it. */
static int64_t cut(run_t *r, const char *path, const place_t *at) {
    int64_t size = at->offset + (pick(r, 2) == 0 ? 0 : at->size / 2);
    file_t *f = NULL;
    if (file_open(&f, path, IO_READ | IO_WRITE) != APR_SUCCESS || file_truncate(f, size) != APR_SUCCESS || file_close(f) != APR_SUCCESS)
        fail(path);
    return size;
}

static void tell_messages(run_t *r, const places_t *p, const place_t *at, int64_t upto, bool may_come_again) {
    for (size_t i = 0; i < p->count; i++) {
        const place_t *other = &p->items[i];
        if (other->log != PLACE_OF_MESSAGES || other->file != at->file || other->sequence < 0 || other->begin != other->offset) continue;
        bool hit = upto >= 0 ? other->end > upto : other->begin == at->begin;
        if (hit) ledger_damaged(&r->ledger, other->subject, other->sequence, may_come_again);
    }
}

/* upto: where the file ends now, -1 when a byte was changed. */
static void tell_ledger(run_t *r, const places_t *p, const place_t *at, int64_t upto, bool clean) {
    bool first = r->damages == 1;
    if (at->log == PLACE_OF_MESSAGES) tell_messages(r, p, at, upto, !clean || !first);
    if (!first) ledger_forget_damaged(&r->ledger);
    if (at->log == PLACE_OF_ACTIONS && (!clean || upto >= 0 || !first)) r->actions_hit = true;
    if (r->actions_hit) ledger_forget_positions(&r->ledger);
    if (at->log == PLACE_OF_ACTIONS) r->actions_hit = true; /* with the next damage it may be asked */
    bool marker = strncmp(at->kind, "marker", 6) == 0;
    if (marker || upto >= 0) r->ledger.has_strangers = true;
}

/* Of everything that takes messages away the log must tell the file; of the second on in one store it may suppress lines of that kind. */
static bool must_be_named(const place_t *at, int64_t upto) {
    if (at->log != PLACE_OF_MESSAGES || at->sequence < 0 || upto >= 0) return false;
    return strcmp(at->kind, "message.time") != 0;
}

static int64_t log_size(const run_t *r) {
    char *path = memory_printf("%s/" LOG_NAME, r->directory);
    path_info_t info;
    bool there = path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_FILE;
    memory_free(path);
    return there ? info.size : 0;
}

void damage_something(run_t *r, bool clean) {
    places_t p;
    places_find(&p, r->root);
    damage_t how = pick(r, 2) == 0 ? DAMAGE_FLIP : DAMAGE_CUT;
    const place_t *at = choose(r, &p, how);
    if (at != NULL) {
        const char *path = p.files[at->file];
        int64_t upto = -1;
        if (how == DAMAGE_FLIP)
            flip(r, path, at);
        else
            upto = cut(r, path, at);
        cover_of(at->kind)->hits[how]++;
        r->damages++;
        tell_ledger(r, &p, at, upto, clean);
        memory_free(r->refusal);
        memory_free(r->named);
        bool log = at->log == PLACE_OF_MESSAGES || at->log == PLACE_OF_ACTIONS;
        r->refusal = (log && upto == 0) || strcmp(at->kind, "marker.line 1") == 0 ? memory_strdup(path) : NULL;
        r->named = r->damages == 1 && must_be_named(at, upto) ? memory_strdup(path) : NULL;
        (void)snprintf(r->named_subject, sizeof r->named_subject, "%s", at->subject);
        r->named_sequence = at->sequence;
        r->log_from = log_size(r);
        log_info(&r->log, "%s %s at %lld of a store that was closed %s", how == DAMAGE_FLIP ? "changed" : "cut", at->kind,
                 (long long)at->offset, clean ? "cleanly" : "by force");
    }
    places_free(&p);
}

static void ask_for_it(run_t *r) {
    poll_result_t result;
    poll_options_t o = {.from = r->named_sequence, .max = 1, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX, .may_block = true};
    poll_result_init(&result);
    store_subject_t *subject = store_subject_find(r->store, view_of(r->named_subject));
    (void)store_poll(r->store, subject, &o, &result); /* it is not what was asked for */
    poll_result_free(&result);
}

void damage_is_told(run_t *r) {
    if (r->named == NULL || r->ledger.breach[0] != 0) return;
    ask_for_it(r);
    char *path = memory_printf("%s/" LOG_NAME, r->directory), *text = NULL;
    size_t size = 0;
    if (file_read_all(path, MOST_LOG, &text, &size) == APR_SUCCESS && size >= (size_t)r->log_from &&
        strstr(text + r->log_from, r->named) == NULL)
        ledger_breach(&r->ledger, "nothing tells of the damage in %s", r->named);
    memory_free(text);
    memory_free(path);
    memory_free(r->named);
    r->named = NULL;
}
