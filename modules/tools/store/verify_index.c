/* verify, the consumer logs: each entry must point at the header of its record. */
#include "tools/store/inspect.h"

#include "base/id.h"
#include "base/memory.h"
#include "protocol/subject.h"
#include "store/index_entry.h"

#include <string.h>

#define ENTRIES_A_READ 4096
#define HEADER_MOST 32767 /* an entry has room for no longer one */

typedef struct index_sight {
    inspector_t *inspector;
    findings_t *findings;
    char *directory; /* of the subject */
    view_t subject;
    uint8_t header[HEADER_MOST];
} index_sight_t;

/* NULL when it is as it should be. An entry of what is deleted by now is. */
static const char *wrong_entry(index_sight_t *x, const index_entry_t *e, int64_t sequence) {
    segmented_log_t *l = &x->inspector->messages;
    if (index_entry_is_blank(e) || index_entry_is_sorted(e)) return NULL;
    if (!index_entry_is_plausible(e, l->segment_size)) return "an entry that can point at no record";
    if (e->offset < segmented_log_min(l)) return NULL;
    if (e->offset >= segmented_log_end(l)) return "an entry that points behind the end of the message log";
    segment_t *s = segmented_log_locate(l, e->offset);
    size_t got = 0;
    apr_status_t rv = s == NULL ? APR_EGENERAL : file_read_at(s->file, x->header, (size_t)e->header_size, e->offset - s->base, &got);
    segment_release(s);
    if (rv == APR_SUCCESS && message_header_matches(x->header, got, x->subject, sequence, e->record_size, (uint32_t)e->header_size))
        return NULL;
    return "an entry that does not point at its message";
}

static bool is_zero(const uint8_t *bytes, size_t size) {
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* One wrong entry a file is told, with how many there are. */
static void check_entries(index_sight_t *x, file_t *f, const char *path, int64_t base) {
    uint8_t bytes[ENTRIES_A_READ * INDEX_MOST_SIZE];
    index_format_t format = INDEX_V1;
    int64_t first_wrong = -1, wrong = 0;
    const char *why = NULL;
    size_t got = 0, zeros = 0;
    for (int64_t position = 0; zeros < 4; position += (int64_t)ENTRIES_A_READ * format) {
        if (file_read_at(f, bytes, (size_t)ENTRIES_A_READ * format, position, &got) != APR_SUCCESS || got < (size_t)format) break;
        if (format == INDEX_V1 && position == 0 && bytes[0] == INDEX_V2_MAGIC >> 8 && bytes[1] == (INDEX_V2_MAGIC & 0xff)) {
            format = INDEX_V2;
            position = -(int64_t)ENTRIES_A_READ * format; /* again, as what it is */
            continue;
        }
        zeros = is_zero(bytes, got) ? zeros + 1 : 0;
        for (size_t k = 0; zeros == 0 && k < got / (size_t)format; k++) {
            const uint8_t *entry = bytes + k * (size_t)format;
            if (is_zero(entry, (size_t)format)) continue; /* not written behind yet */
            index_entry_t e = index_entry_decode(format, entry);
            int64_t number = position / format + (int64_t)k;
            x->findings->entries++;
            const char *problem = wrong_entry(x, &e, base / format + number);
            if (problem == NULL) continue;
            if (wrong++ == 0) {
                first_wrong = number * format;
                why = problem;
            }
        }
    }
    if (wrong > 0)
        findings_add(x->findings, (finding_t){true, "index", memory_strdup(path), first_wrong, 0,
                                              memory_printf("%s, the first of %lld such", why, (long long)wrong)});
}

static apr_status_t check_file(void *arg, const char *name) {
    index_sight_t *x = arg;
    int64_t base = 0;
    if (name[0] == '.' || !id_parse_i64(view_of(name), &base)) return APR_SUCCESS;
    char *path = memory_printf("%s/%s", x->directory, name);
    file_t *f = NULL;
    if (file_open(&f, path, IO_READ) == APR_SUCCESS)
        check_entries(x, f, path, base);
    else
        findings_add(x->findings, (finding_t){true, NULL, memory_strdup(path), -1, 0, memory_strdup("it cannot be opened")});
    (void)file_close(f); /* only read */
    memory_free(path);
    return APR_SUCCESS;
}

static apr_status_t check_subject(void *arg, const char *name) {
    index_sight_t *x = arg;
    if (!subject_is_directory_name(view_of(name))) return APR_SUCCESS;
    x->subject = view_of(name);
    x->directory = memory_printf("%s/consumerlog/%s", x->inspector->root, name);
    (void)directory_list(x->directory, check_file, x); /* one that is no directory has nothing to say */
    memory_free(x->directory);
    return APR_SUCCESS;
}

void verify_index(inspector_t *i, findings_t *f) {
    index_sight_t *x = memory_zalloc(sizeof *x);
    x->inspector = i;
    x->findings = f;
    char *directory = memory_printf("%s/consumerlog", i->root);
    (void)directory_list(directory, check_subject, x); /* without it the next start makes it anew */
    memory_free(directory);
    memory_free(x);
}
