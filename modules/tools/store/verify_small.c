/* verify, the small files: snapshots, tablets, the marker. Each of them can be missing; the next start only takes longer. */
#include "tools/store/inspect.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "store/action_snapshot.h"
#include "store/marker.h"
#include "store/message_snapshot.h"
#include "store/pull_tablet.h"
#include "store/snapshot_files.h"
#include "tools/store/dump.h"

#include <string.h>

#define SMALL_MOST ((size_t)1024 * 1024 * 1024)

typedef struct small_sight {
    findings_t *findings;
    const char *directory;
} small_sight_t;

static void add(findings_t *f, const char *path, const char *repair, const char *text) {
    findings_add(f, (finding_t){true, repair, memory_strdup(path), -1, 0, memory_strdup(text)});
}

/* "kind.offset": whose text is sound and says that offset. */
static bool is_sound_snapshot(const char *name, view_t text) {
    int64_t version = -1, offset = -2;
    const char *dot = strrchr(name, '.');
    if (dot == NULL || !id_parse_i64(view_of(dot + 1), &version)) return true; /* no snapshot */
    if (strncmp(name, SNAPSHOT_OF_MESSAGES, strlen(SNAPSHOT_OF_MESSAGES)) == 0)
        return message_snapshot_read(text, &offset, NULL, NULL) && offset == version;
    if (strncmp(name, SNAPSHOT_OF_ACTIONS, strlen(SNAPSHOT_OF_ACTIONS)) == 0)
        return action_snapshot_read(text, &offset, NULL) && offset == version;
    return true;
}

static apr_status_t check_small(small_sight_t *x, const char *name, bool (*is_sound)(const char *name, view_t text), const char *repair,
                                const char *said) {
    if (name[0] == '.') return APR_SUCCESS;
    char *path = memory_printf("%s/%s", x->directory, name);
    char *text = NULL;
    size_t size = 0;
    path_info_t info;
    bool is_file = path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_FILE;
    apr_status_t rv = is_file ? file_read_all(path, SMALL_MOST, &text, &size) : APR_SUCCESS;
    if (rv != APR_SUCCESS)
        add(x->findings, path, NULL, "it cannot be read");
    else if (is_file && !is_sound(name, view_make(text, size)))
        add(x->findings, path, repair, said);
    memory_free(text);
    memory_free(path);
    return APR_SUCCESS;
}

static apr_status_t check_snapshot(void *arg, const char *name) {
    return check_small(arg, name, is_sound_snapshot, "snapshots", "a snapshot that is cut short or damaged; an older one is used");
}

static bool is_sound_tablet(const char *name, view_t bytes) {
    tablet_image_t image;
    (void)name;
    return tablet_image_open(&image, bytes.data, bytes.size);
}

static apr_status_t check_tablet(void *arg, const char *name) {
    return check_small(arg, name, is_sound_tablet, "tablets", "a tablet that is cut short or damaged; the action log is replayed instead");
}

static bool is_sound_table(const char *name, view_t bytes) {
    int64_t id = 0;
    return !id_parse_i64(view_of(name), &id) || sorted_table_is_sound(bytes);
}

static apr_status_t check_table(void *arg, const char *name) {
    return check_small(arg, name, is_sound_table, NULL,
                       "a sorted table that is cut short or damaged; messages that are only there cannot be read for sure");
}

static void check_directory(inspector_t *i, findings_t *f, const char *name, apr_status_t (*visit)(void *arg, const char *name)) {
    char *directory = memory_printf("%s/%s", i->root, name);
    small_sight_t x = {f, directory};
    (void)directory_list(directory, visit, &x); /* it may be missing */
    memory_free(directory);
}

static void check_marker(inspector_t *i, findings_t *f) {
    marker_t marker;
    int64_t version = 0;
    char *path = memory_printf("%s/" MARKER_NAME, i->root);
    apr_status_t rv = marker_load(i->root, &marker, &version);
    if (rv == QMQ_E_INVALID)
        add(f, path, NULL, "the marker of a later version of this software");
    else if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv))
        add(f, path, "marker", "a damaged marker; the next start looks at the logs from the front");
    memory_free(path);
}

void verify_small_files(inspector_t *i, findings_t *f) {
    check_directory(i, f, "checkpoint", check_snapshot);
    check_directory(i, f, "pulllog_smt", check_tablet);
    check_directory(i, f, "smt", check_table);
    check_marker(i, f);
}
