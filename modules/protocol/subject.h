/* Names of subjects and groups: what is legal, retry and dead-letter subjects (wire-protocol.md 7.5, 8.3; storage.md 17; broker.md 9). */
#ifndef QMQ_PROTOCOL_SUBJECT_H
#define QMQ_PROTOCOL_SUBJECT_H

#include "base/view.h"

#define SUBJECT_MAX_BYTES 255 /* it becomes a directory name */

typedef enum subject_kind { SUBJECT_NORMAL, SUBJECT_RETRY, SUBJECT_DEAD } subject_kind_t;

/* By prefix %RETRY / %DEAD_RETRY. */
subject_kind_t subject_kind(view_t subject);
/* The real subject and group inside a retry or dead-letter name; *real = subject and *group empty when it does not take apart into exactly
 * three parts. Views into the input. */
void subject_split(view_t subject, view_t *real, view_t *group);
/* True when it contains '/', CR, LF or a breaking white space (8.3). */
bool subject_has_illegal_character(view_t subject);
/* True when it can be a directory name: 1..255 bytes, not "." or "..", no NUL, no '/'. */
bool subject_is_directory_name(view_t subject);
/* A directory name without an illegal character: what a broker accepts by default. */
bool subject_is_storable(view_t subject);
/* For pulls: not empty and free of '/', CR, LF (11.3). */
bool pull_name_is_legal(view_t name);
/* "%RETRY%subject%group" / "%DEAD_RETRY%subject%group" into a buffer; the size needed (without zero) is returned, and when it does not fit
 * nothing is written. */
size_t subject_retry_name(view_t subject, view_t group, char *to, size_t size);
size_t subject_dead_name(view_t subject, view_t group, char *to, size_t size);

#endif
