#include "lines.h"

#include "base/memory.h"
#include "cli.h"
#include "portability/file.h"

#include <errno.h>
#include <string.h>

#define FIRST_CAPACITY 256

bool lines_open(lines_t *l, const char *path) {
    path_info_t info = {.kind = PATH_MISSING};
    memset(l, 0, sizeof *l);
    if (path == NULL || strcmp(path, "-") == 0) {
        l->file = stdin;
        return true;
    }
    if (path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_DIRECTORY) {
        cli_say("cannot read %s: it is a directory; name a file that can be read, or - for the standard input", path);
        return false;
    }
    l->file = fopen(path, "rb");
    if (l->file != NULL) return true;
    cli_say("cannot read %s: %s; name a file that can be read, or - for the standard input", path, strerror(errno));
    return false;
}

static void add(lines_t *l, char c) {
    if (l->size == l->capacity) {
        l->capacity = l->capacity == 0 ? FIRST_CAPACITY : l->capacity * 2;
        l->text = memory_realloc(l->text, l->capacity);
    }
    l->text[l->size++] = c;
}

bool lines_next(lines_t *l, bool *failed) {
    int c;
    l->size = 0;
    while ((c = getc(l->file)) != EOF && c != '\n') add(l, (char)c);
    *failed = c == EOF && ferror(l->file);
    if (c == EOF && l->size == 0) return false;
    l->number++;
    return !*failed;
}

void lines_close(lines_t *l) {
    if (l->file != NULL && l->file != stdin) (void)fclose(l->file); /* only read */
    memory_free(l->text);
}
