#include "portability/windows/system.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void system_fatal(const char *what, int error) {
    fprintf(stderr, "qmq: fatal: %s", what);
    if (error != 0) fprintf(stderr, ": system error %d", error);
    fprintf(stderr, "\n");
    fflush(stderr);
    abort();
}

static const struct translation {
    DWORD error;
    apr_status_t status;
} translations[] = {
    {ERROR_FILE_NOT_FOUND, APR_ENOENT},
    {ERROR_PATH_NOT_FOUND, APR_ENOENT},
    {ERROR_INVALID_NAME, APR_ENOENT},
    {ERROR_BAD_PATHNAME, APR_ENOENT},
    {ERROR_BAD_NETPATH, APR_ENOENT},
    {ERROR_BAD_NET_NAME, APR_ENOENT},
    {ERROR_INVALID_DRIVE, APR_ENOENT},
    {ERROR_ACCESS_DENIED, APR_EACCES},
    {ERROR_SHARING_VIOLATION, APR_EACCES},
    {ERROR_DELETE_PENDING, APR_EACCES},
    {ERROR_WRITE_PROTECT, APR_EACCES},
    {ERROR_DISK_FULL, APR_ENOSPC},
    {ERROR_HANDLE_DISK_FULL, APR_ENOSPC},
    {1295 /* disk quota exceeded */, APR_ENOSPC},
    {ERROR_TOO_MANY_OPEN_FILES, APR_EMFILE},
    {ERROR_NO_SYSTEM_RESOURCES, APR_EMFILE},
    {ERROR_FILE_EXISTS, APR_EEXIST},
    {ERROR_ALREADY_EXISTS, APR_EEXIST},
    {ERROR_LOCK_VIOLATION, APR_EAGAIN},
    {ERROR_DIRECTORY, APR_ENOTDIR},
    {ERROR_DIR_NOT_EMPTY, APR_ENOTEMPTY},
    {ERROR_NOT_ENOUGH_MEMORY, APR_ENOMEM},
    {ERROR_OUTOFMEMORY, APR_ENOMEM},
    {ERROR_INVALID_PARAMETER, APR_EINVAL},
    {ERROR_FILENAME_EXCED_RANGE, APR_ENOENT},
    {ERROR_SEEK, APR_EINVAL},
    {ERROR_NEGATIVE_SEEK, APR_EINVAL},
    {ERROR_CALL_NOT_IMPLEMENTED, APR_ENOTIMPL},
    {WSAEADDRINUSE, APR_FROM_OS_ERROR(EADDRINUSE)},
    {WSAEWOULDBLOCK, APR_EAGAIN},
    {WSAEMFILE, APR_EMFILE},
    {WSAENOBUFS, APR_ENOMEM},
    {WSAEINVAL, APR_EINVAL},
};

apr_status_t windows_status(DWORD error) {
    for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++) {
        if (translations[i].error == error) return translations[i].status;
    }
    return error == 0 ? APR_EGENERAL : APR_FROM_OS_ERROR((apr_status_t)error);
}

apr_status_t system_error(void) {
    return windows_status(GetLastError());
}

/* Per thread */

typedef struct thread_room {
    HANDLE event;
    unsigned char *block;
} thread_room_t;

static INIT_ONCE room_once = INIT_ONCE_STATIC_INIT;
static DWORD room_slot;

static void WINAPI end_room(void *arg) {
    thread_room_t *room = arg;
    if (room == NULL) return;
    if (room->event != NULL) CloseHandle(room->event);
    free(room->block);
    free(room);
}

static BOOL CALLBACK make_slot(INIT_ONCE *once, void *parameter, void **context) {
    (void)once, (void)parameter, (void)context;
    room_slot = FlsAlloc(end_room); /* called at the end of every thread, ours or not */
    return room_slot != FLS_OUT_OF_INDEXES;
}

static thread_room_t *thread_room(void) {
    if (!InitOnceExecuteOnce(&room_once, make_slot, NULL, NULL)) system_fatal("FlsAlloc", (int)GetLastError());
    thread_room_t *room = FlsGetValue(room_slot);
    if (room != NULL) return room;
    room = system_alloc(sizeof *room);
    if (!FlsSetValue(room_slot, room)) system_fatal("FlsSetValue", (int)GetLastError());
    return room;
}

HANDLE thread_event(void) {
    thread_room_t *room = thread_room();
    if (room->event == NULL) room->event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (room->event == NULL) system_fatal("CreateEvent", (int)GetLastError());
    return room->event;
}

unsigned char *thread_block(void) {
    thread_room_t *room = thread_room();
    if (room->block == NULL) room->block = system_resize(NULL, THREAD_BLOCK_SIZE, 1);
    return room->block;
}

/* Winsock */

static INIT_ONCE sockets_once = INIT_ONCE_STATIC_INIT;
static int sockets_result;

static BOOL CALLBACK start_sockets(INIT_ONCE *once, void *parameter, void **context) {
    (void)once, (void)parameter, (void)context;
    WSADATA data;
    sockets_result = WSAStartup(MAKEWORD(2, 2), &data);
    return TRUE;
}

apr_status_t sockets_start(void) {
    if (!InitOnceExecuteOnce(&sockets_once, start_sockets, NULL, NULL)) return system_error();
    return sockets_result == 0 ? APR_SUCCESS : windows_status((DWORD)sockets_result);
}
