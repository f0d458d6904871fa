/* The handle behind a file_t, for file.c and mapping.c. */
#ifndef QMQ_PORTABILITY_WINDOWS_FILE_PRIVATE_H
#define QMQ_PORTABILITY_WINDOWS_FILE_PRIVATE_H

#include "portability/file.h"
#include "portability/windows/system.h"

struct file {
    HANDLE handle;
};

/* Opens like file_open but for what others may do meanwhile (FILE_SHARE_*). */
apr_status_t file_open_shared(file_t **out, const char *path, int flags, DWORD share);
/* Gives the file behind `from`, opened with DELETE access or not, the name `to`, replacing what has it. */
apr_status_t file_move(const wchar_t *from, const wchar_t *to);

#endif
