/* One line of what POSIX keeps as a list. */
#include "portability/windows/command_line.h"

#include "base/status.h"
#include "portability/windows/system.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct line {
    wchar_t *text;
    size_t used, room;
} line_t;

static void put(line_t *l, wchar_t c, size_t times) {
    if (l->used + times + 1 > l->room) {
        l->room = (l->used + times + 1) * 2;
        l->text = system_resize(l->text, l->room, sizeof *l->text);
    }
    for (; times > 0; times--) l->text[l->used++] = c;
    l->text[l->used] = 0;
}

/* As the C library of the program takes it apart: backslashes count only before a quotation mark. */
static void put_argument(line_t *l, const wchar_t *word) {
    if (l->used > 0) put(l, L' ', 1);
    bool plain = l->used > 0 && *word != 0 && wcspbrk(word, L" \t\n\v\"") == NULL;
    if (!plain) put(l, L'"', 1);
    size_t slashes = 0;
    for (; *word != 0; word++) {
        if (*word == L'\\') {
            slashes++;
            continue;
        }
        put(l, L'\\', *word == L'"' ? slashes * 2 + 1 : slashes);
        slashes = 0;
        put(l, *word, 1);
    }
    put(l, L'\\', plain ? slashes : slashes * 2);
    if (!plain) put(l, L'"', 1);
}

wchar_t *command_line(const char *const *argv) {
    line_t l = {0};
    put(&l, L' ', 0);
    for (size_t i = 0; argv[i] != NULL; i++) {
        wchar_t *word = wide_text(argv[i]);
        if (word == NULL) {
            free(l.text);
            return NULL;
        }
        for (wchar_t *c = word; i == 0 && *c != 0; c++) {
            if (*c == L'/') *c = L'\\'; /* a program's name with "/" is not found */
        }
        put_argument(&l, word);
        free(word);
    }
    return l.text;
}

/* Behind each percent sign stands one that is in no variable's name. */
#define GUARD '^'

static char *guarded(const char *argument) {
    char *text = system_alloc(2 * strlen(argument) + 1), *to = text;
    for (; *argument != 0; argument++) {
        *to++ = *argument;
        if (*argument == '%') *to++ = GUARD;
    }
    return text;
}

void service_argument_restore(char *argument) {
    char *to = argument;
    for (const char *from = argument; *from != 0; from++) {
        *to++ = *from;
        if (from[0] == '%' && from[1] == GUARD) from++;
    }
    *to = 0;
}

static bool is_expanded(const wchar_t *line) {
    DWORD room = ExpandEnvironmentStringsW(line, NULL, 0) + 1; /* the count may leave out the end */
    wchar_t *expanded = system_alloc(room * sizeof *expanded);
    bool changed = ExpandEnvironmentStringsW(line, expanded, room) == 0 || wcscmp(line, expanded) != 0;
    free(expanded);
    return changed;
}

apr_status_t service_line(const char *const *argv, wchar_t **out) {
    size_t count = 0;
    while (argv[count] != NULL) count++;
    char **words = system_alloc((count + 1) * sizeof *words);
    for (size_t i = 1; i < count; i++) words[i] = guarded(argv[i]);
    const char **line = system_alloc((count + 1) * sizeof *line);
    for (size_t i = 0; i < count; i++) line[i] = i == 0 ? argv[0] : words[i];
    wchar_t *made = command_line(line);
    for (size_t i = 1; i < count; i++) free(words[i]);
    free(words);
    free(line);
    if (made == NULL) return APR_EINVAL;
    if (is_expanded(made)) {
        free(made);
        return QMQ_E_INVALID;
    }
    *out = made;
    return APR_SUCCESS;
}
