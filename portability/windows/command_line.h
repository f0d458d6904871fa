#ifndef QMQ_PORTABILITY_WINDOWS_COMMAND_LINE_H
#define QMQ_PORTABILITY_WINDOWS_COMMAND_LINE_H

#include <apr_errno.h>
#include <wchar.h>

/* The program and its arguments as the system wants them, each quoted where it must be and the program always. NULL: one is not UTF-8.
 * Freed with free. */
wchar_t *command_line(const char *const *argv);

/* The same for a service, whose line goes through an expansion of %NAME% at each start: percent signs of the arguments are written so that
 * it finds none. QMQ_E_INVALID: the path of the program itself would be expanded; APR_EINVAL: one is not UTF-8. */
apr_status_t service_line(const char *const *argv, wchar_t **out);
/* Makes an argument of a service what it was; in place. */
void service_argument_restore(char *argument);

#endif
