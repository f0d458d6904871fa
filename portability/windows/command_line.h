#ifndef QMQ_PORTABILITY_WINDOWS_COMMAND_LINE_H
#define QMQ_PORTABILITY_WINDOWS_COMMAND_LINE_H

#include <wchar.h>

/* The program and its arguments as the system wants them, each quoted where it must be and the program always. NULL: one is not UTF-8.
 * Freed with free. */
wchar_t *command_line(const char *const *argv);

#endif
