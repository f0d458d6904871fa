#include "state.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "cli.h"
#include "portability/file.h"
#include "portability/host.h"

#define MOST_SLOTS 1000

/* $XDG_STATE_HOME/qmq, else ~/.local/state/qmq, else a folder of the temporary directory. */
static char *state_directory(void) {
    const char *state = process_environment("XDG_STATE_HOME");
    const char *home = process_environment("HOME");
    const char *local = process_environment("LOCALAPPDATA");
    const char *temporary = process_environment("TMPDIR");
    char *path;
    if (state != NULL && *state != 0) {
        path = memory_printf("%s/qmq", state);
    } else if (home != NULL && *home != 0) {
        path = memory_printf("%s/.local/state/qmq", home);
    } else if (local != NULL && *local != 0) {
        path = memory_printf("%s/qmq", local);
    } else {
        path = memory_printf("%s/qmq-state", temporary != NULL && *temporary != 0 ? temporary : "/tmp");
    }
    apr_status_t status = directory_create(path);
    if (status == APR_SUCCESS) return path;
    char text[120];
    cli_say("cannot create %s: %s; set XDG_STATE_HOME to a directory that can be written", path, status_text(status, text, sizeof text));
    memory_free(path);
    return NULL;
}

/* Executable, directory and slot: other installations and other users of this host have other ids. */
static char *slot_id(const char *directory, int slot) {
    char host[256];
    char digest[33];
    char *executable = NULL;
    if (host_name(host, sizeof host) != APR_SUCCESS) (void)snprintf(host, sizeof host, "localhost");
    if (process_executable(&executable) != APR_SUCCESS) executable = memory_strdup("qmq");
    char *all = memory_printf("%s %s %d", executable, directory, slot);
    id_md5_hex(view_of(all), digest);
    memory_free(all);
    memory_free(executable);
    return memory_printf("%s@@%s", host, digest);
}

static file_t *lock_slot(const char *directory, int slot) {
    file_t *f = NULL;
    char *path = memory_printf("%s/slot-%d.lock", directory, slot);
    apr_status_t status = file_open(&f, path, IO_READ | IO_WRITE | IO_CREATE);
    memory_free(path);
    if (status != APR_SUCCESS) return NULL;
    if (file_lock(f) == APR_SUCCESS) return f;
    (void)file_close(f); /* another process has it */
    return NULL;
}

bool state_take_slot(void **slot, char **id) {
    char *directory = state_directory();
    if (directory == NULL) return false;
    *slot = NULL;
    for (int i = 0; i < MOST_SLOTS && *slot == NULL; i++) {
        *slot = lock_slot(directory, i);
        if (*slot != NULL) *id = slot_id(directory, i);
    }
    if (*slot == NULL) cli_say("no free client id in %s; name one with --client-id", directory);
    memory_free(directory);
    return *slot != NULL;
}

void state_release(void *slot) {
    (void)file_close(slot); /* the lock ends with it; there is nothing to lose */
}
