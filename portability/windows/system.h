/* What the Windows files share: the system's errors as statuses, UTF-8 and UTF-16, what a thread keeps for its file operations. */
#ifndef QMQ_PORTABILITY_WINDOWS_SYSTEM_H
#define QMQ_PORTABILITY_WINDOWS_SYSTEM_H

#include "portability/common/system.h"

#include <winsock2.h>

#include <windows.h>

#include <apr_errno.h>
#include <wchar.h>

/* A Win32 or Winsock error as the status the contracts name (APR_ENOENT, APR_EACCES, ...); never APR_SUCCESS. */
apr_status_t windows_status(DWORD error);
/* The reason of the call that has just failed. */
apr_status_t system_error(void);

/* UTF-16 of a UTF-8 text and back; freed with free. NULL: not valid UTF-8. */
wchar_t *wide_text(const char *text);
char *narrow_text(const wchar_t *text);
/* The absolute form of a path, as system calls take it however long it is; freed with free. NULL: not a path, see system_error. */
wchar_t *wide_path(const char *path);
/* A system's path as ours: UTF-8, with "/", without the prefix of long ones; freed with free. */
char *narrow_path(const wchar_t *path);

/* An event and a block of memory of the calling thread, for one file operation at a time. */
#define THREAD_BLOCK_SIZE ((size_t)256 << 10)
HANDLE thread_event(void);
unsigned char *thread_block(void);

/* Starts Winsock once. */
apr_status_t sockets_start(void);

#endif
