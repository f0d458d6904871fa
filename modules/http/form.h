/* Texts of requests: percent-decoding of application/x-www-form-urlencoded bodies, and repair of what is not UTF-8, so that handlers only
 * ever see valid UTF-8. */
#ifndef QMQ_HTTP_FORM_H
#define QMQ_HTTP_FORM_H

#include "base/view.h"

/* A zero-terminated copy in which every byte that is no valid UTF-8, and every zero, is U+FFFD, as Java decodes it. memory_free. */
char *form_text(view_t bytes);

/* Calls field for every name=value of an urlencoded body; both are handed over (memory_free). A name without "=" has the value "". */
void form_parse(view_t body, void (*field)(void *arg, char *name, char *value), void *arg);

#endif
