/* Lines of a file or of the standard input, of any length. */
#ifndef QMQ_TOOLS_QMQ_LINES_H
#define QMQ_TOOLS_QMQ_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct lines {
    FILE *file;
    char *text; /* the line, without its line feed */
    size_t size;
    size_t capacity;
    size_t number;
} lines_t;

/* "-" or NULL: standard input. False after a line on standard error. */
bool lines_open(lines_t *l, const char *path);
/* False at the end; *failed when the input could not be read to its end. */
bool lines_next(lines_t *l, bool *failed);
void lines_close(lines_t *l);

#endif
