/* The command line and the environment in UTF-8: what main and getenv get is in the system's old code page. */
#include "portability/host.h"

#include "portability/windows/command_line.h"
#include "portability/windows/system.h"

#include <fcntl.h>
#include <io.h>
#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values that were asked for; they live as long as the process. */
typedef struct variable {
    struct variable *next;
    char *name;
    char *value;
} variable_t;

static SRWLOCK lock = SRWLOCK_INIT;
static variable_t *variables;

static char *read_variable(const char *name) {
    wchar_t *wide = wide_text(name), *value = NULL;
    if (wide == NULL) return NULL;
    DWORD room = GetEnvironmentVariableW(wide, NULL, 0);
    if (room > 0) {
        value = system_alloc((room + 1) * sizeof *value);
        if (GetEnvironmentVariableW(wide, value, room + 1) > room) *value = 0; /* grew meanwhile */
    }
    free(wide);
    char *text = value == NULL ? NULL : narrow_text(value);
    free(value);
    return text;
}

static const char *remember(const char *name, char *value) {
    for (variable_t *v = variables; v != NULL; v = v->next) {
        if (strcmp(v->name, name) != 0 || strcmp(v->value, value) != 0) continue;
        free(value);
        return v->value;
    }
    variable_t *v = system_alloc(sizeof *v);
    *v = (variable_t){variables, system_copy(name), value};
    variables = v;
    return v->value;
}

const char *process_environment(const char *name) {
    char *value = read_variable(name);
    if (value == NULL) return NULL;
    AcquireSRWLockExclusive(&lock);
    const char *kept = remember(name, value);
    ReleaseSRWLockExclusive(&lock);
    return kept;
}

/* Output is bytes, as everywhere: no line feed becomes two bytes, no byte ends the input. */
static void take_bytes(FILE *stream) {
    int fd = _fileno(stream);
    if (fd >= 0) (void)_setmode(fd, _O_BINARY);
}

void process_arguments(int *argc, char ***argv) {
    take_bytes(stdin);
    take_bytes(stdout);
    take_bytes(stderr);
    if (process_has_terminal(false) || process_has_terminal(true)) (void)SetConsoleOutputCP(CP_UTF8);
    int count = 0;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    if (wide == NULL) return;
    char **list = system_alloc(((size_t)count + 1) * sizeof *list); /* as main's own: for the life of the process */
    for (int i = 0; i < count; i++) list[i] = narrow_text(wide[i]);
    bool is_service = count > 1 && strcmp(list[1], "--service") == 0;
    for (int i = 2; is_service && i < count; i++) service_argument_restore(list[i]);
    LocalFree(wide);
    *argc = count;
    *argv = list;
}
