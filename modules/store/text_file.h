/* Writing a long text file piece by piece, durable at the end. One thread. */
#ifndef QMQ_STORE_TEXT_FILE_H
#define QMQ_STORE_TEXT_FILE_H

#include "base/view.h"
#include "portability/file.h"

typedef struct text_file {
    file_t *file;
    char *buffer;
    size_t used;
    int64_t written;
    uint32_t crc;        /* of what was written */
    apr_status_t status; /* the first failure; nothing is written after it */
} text_file_t;

/* Creates the file or empties it. End it with text_file_finish, also after a failure. */
void text_file_start(text_file_t *t, const char *path);
void text_file_put(text_file_t *t, view_t text);
void text_file_put_char(text_file_t *t, char c);
/* Decimal. */
void text_file_put_number(text_file_t *t, int64_t value);
/* Writes the rest, makes it durable, closes; the first failure of all. */
apr_status_t text_file_finish(text_file_t *t);

/* The next line of a text, without its end (LF, CR LF or CR); false at the first empty line and at the end. *ended: a line end followed. */
bool text_next_line(view_t *rest, view_t *line, bool *ended);
/* Takes the decimal number behind the last slash of a line off it; false when there is none. */
bool text_take_number(view_t *line, int64_t *value);

#endif
