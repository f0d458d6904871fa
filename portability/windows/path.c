/* Names in directories: what is there, creation, replacement, removal. */
#include "portability/file.h"

#include "portability/windows/file_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_TICKS 116444736000000000LL /* 1601 to 1970 in units of 100 ns */
#define RENAME_TURN_MS 5
#define RENAME_TURNS 40 /* scanners hold new files for a moment */

/* Of Windows 10 1709; the header of the compiler may be older. */
#define DISPOSITION_INFO_EX ((FILE_INFO_BY_HANDLE_CLASS)21)
#define RENAME_INFO_EX ((FILE_INFO_BY_HANDLE_CLASS)22)
#define DISPOSE_NOW_EVEN_READONLY 0x13UL /* delete, by POSIX rules (the name goes at once), whatever the read-only attribute says */
#define RENAME_REPLACE_POSIX 3UL

typedef struct rename_info {
    DWORD flags;
    HANDLE root;
    DWORD size;
    wchar_t name[1];
} rename_info_t;

static bool is_missing(apr_status_t status) {
    return status == APR_ENOENT || status == APR_ENOTDIR;
}

apr_status_t path_inspect(const char *path, path_info_t *info) {
    memset(info, 0, sizeof *info);
    wchar_t *wide = wide_path(path);
    WIN32_FILE_ATTRIBUTE_DATA found;
    apr_status_t status = wide != NULL && GetFileAttributesExW(wide, GetFileExInfoStandard, &found) ? APR_SUCCESS : system_error();
    free(wide);
    if (status != APR_SUCCESS) return is_missing(status) ? APR_SUCCESS : status;
    int64_t ticks = (int64_t)((uint64_t)found.ftLastWriteTime.dwHighDateTime << 32 | found.ftLastWriteTime.dwLowDateTime);
    info->kind = (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) ? PATH_DIRECTORY
                 : (found.dwFileAttributes & FILE_ATTRIBUTE_DEVICE)  ? PATH_OTHER
                                                                     : PATH_FILE;
    info->size = (int64_t)((uint64_t)found.nFileSizeHigh << 32 | found.nFileSizeLow);
    info->modified_ms = (ticks - EPOCH_TICKS) / 10000;
    return APR_SUCCESS;
}

static HANDLE open_name(const wchar_t *path) {
    return CreateFileW(path, DELETE | SYNCHRONIZE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                       FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
}

/* Replaces a file that others have open too, which the older call refuses. */
static bool rename_posix(const wchar_t *from, const wchar_t *to) {
    HANDLE handle = open_name(from);
    if (handle == INVALID_HANDLE_VALUE) return false;
    size_t length = wcslen(to), size = sizeof(rename_info_t) + length * sizeof(wchar_t);
    rename_info_t *info = system_alloc(size);
    info->flags = RENAME_REPLACE_POSIX;
    info->size = (DWORD)(length * sizeof(wchar_t));
    memcpy(info->name, to, length * sizeof(wchar_t));
    bool done = SetFileInformationByHandle(handle, RENAME_INFO_EX, info, (DWORD)size) != 0;
    DWORD error = GetLastError();
    free(info);
    CloseHandle(handle);
    SetLastError(error);
    return done;
}

apr_status_t file_move(const wchar_t *from, const wchar_t *to) {
    for (int turn = 0;; turn++) {
        if (MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) return APR_SUCCESS;
        DWORD error = GetLastError();
        bool is_held = error == ERROR_ACCESS_DENIED || error == ERROR_SHARING_VIOLATION;
        if (!is_held) return windows_status(error);
        if (rename_posix(from, to)) return APR_SUCCESS;
        if (turn == RENAME_TURNS || GetFileAttributesW(from) == INVALID_FILE_ATTRIBUTES) return windows_status(error);
        DWORD target = GetFileAttributesW(to);
        if (target != INVALID_FILE_ATTRIBUTES && (target & FILE_ATTRIBUTE_DIRECTORY)) return windows_status(error);
        Sleep(RENAME_TURN_MS);
    }
}

apr_status_t path_rename(const char *from, const char *to) {
    wchar_t *wide_from = wide_path(from), *wide_to = wide_path(to);
    apr_status_t status = wide_from == NULL || wide_to == NULL ? system_error() : file_move(wide_from, wide_to);
    free(wide_from);
    free(wide_to);
    return status;
}

/* The name goes at once although others have the file open, where the system can do that. */
static bool remove_posix(const wchar_t *path) {
    HANDLE handle = open_name(path);
    if (handle == INVALID_HANDLE_VALUE) return false;
    DWORD flags = DISPOSE_NOW_EVEN_READONLY;
    bool done = SetFileInformationByHandle(handle, DISPOSITION_INFO_EX, &flags, sizeof flags) != 0;
    CloseHandle(handle);
    return done;
}

apr_status_t path_remove(const char *path) {
    wchar_t *wide = wide_path(path);
    if (wide == NULL) return system_error();
    DWORD attributes = GetFileAttributesW(wide);
    apr_status_t status = APR_SUCCESS;
    if (attributes == INVALID_FILE_ATTRIBUTES) {
        status = system_error();
    } else if (attributes & FILE_ATTRIBUTE_DIRECTORY) {
        status = RemoveDirectoryW(wide) ? APR_SUCCESS : system_error();
    } else if (!remove_posix(wide)) {
        if (attributes & FILE_ATTRIBUTE_READONLY) (void)SetFileAttributesW(wide, FILE_ATTRIBUTE_NORMAL);
        status = DeleteFileW(wide) ? APR_SUCCESS : system_error();
    }
    free(wide);
    return status;
}

static bool is_directory(const wchar_t *path) {
    DWORD attributes = GetFileAttributesW(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

/* What CreateDirectory makes of an absolute path with its parents. */
static apr_status_t create_with_parents(wchar_t *path) {
    if (is_directory(path)) return APR_SUCCESS;
    if (CreateDirectoryW(path, NULL)) return APR_SUCCESS;
    DWORD error = GetLastError();
    if (error == ERROR_ALREADY_EXISTS) return is_directory(path) ? APR_SUCCESS : APR_ENOTDIR;
    wchar_t *slash = wcsrchr(path, L'\\');
    if (error != ERROR_PATH_NOT_FOUND || slash == NULL || slash == path || slash[-1] == L':') return windows_status(error);
    *slash = 0;
    apr_status_t status = create_with_parents(path);
    *slash = L'\\';
    if (status != APR_SUCCESS) return status;
    if (CreateDirectoryW(path, NULL) || is_directory(path)) return APR_SUCCESS;
    return system_error();
}

apr_status_t directory_create(const char *path) {
    wchar_t *wide = wide_path(path);
    if (wide == NULL) return system_error();
    size_t length = wcslen(wide);
    while (length > 3 && wide[length - 1] == L'\\') wide[--length] = 0;
    apr_status_t status = create_with_parents(wide);
    free(wide);
    return status;
}

/* The file system writes its own journal: renames are told to write through, and there is nothing else to ask for. */
apr_status_t directory_sync(const char *path) {
    path_info_t info;
    apr_status_t status = path_inspect(path, &info);
    if (status != APR_SUCCESS) return status;
    return info.kind == PATH_DIRECTORY ? APR_SUCCESS : info.kind == PATH_MISSING ? APR_ENOENT : APR_ENOTDIR;
}

/* Flushing a volume is for administrators only. */
apr_status_t file_system_sync(const char *directory) {
    (void)directory;
    return APR_ENOTIMPL;
}

static apr_status_t visit_entry(const WIN32_FIND_DATAW *entry, apr_status_t (*visit)(void *arg, const char *name), void *arg) {
    if (wcscmp(entry->cFileName, L".") == 0 || wcscmp(entry->cFileName, L"..") == 0) return APR_SUCCESS;
    char *name = narrow_text(entry->cFileName);
    apr_status_t status = visit(arg, name);
    free(name);
    return status;
}

static wchar_t *all_of(const char *path) {
    size_t size = strlen(path) + 3;
    char *pattern = system_alloc(size);
    snprintf(pattern, size, "%s/*", path);
    wchar_t *wide = wide_path(pattern);
    free(pattern);
    return wide;
}

apr_status_t directory_list(const char *path, apr_status_t (*visit)(void *arg, const char *name), void *arg) {
    apr_status_t status = directory_sync(path); /* a pattern below a file is "nothing there" to the system */
    if (status != APR_SUCCESS) return status;
    wchar_t *pattern = all_of(path);
    if (pattern == NULL) return system_error();
    WIN32_FIND_DATAW entry;
    HANDLE search = FindFirstFileW(pattern, &entry);
    if (search == INVALID_HANDLE_VALUE) status = GetLastError() == ERROR_FILE_NOT_FOUND ? APR_SUCCESS : system_error();
    free(pattern);
    if (search == INVALID_HANDLE_VALUE) return status;
    do {
        status = visit_entry(&entry, visit, arg);
    } while (status == APR_SUCCESS && FindNextFileW(search, &entry));
    if (status == APR_SUCCESS && GetLastError() != ERROR_NO_MORE_FILES) status = system_error();
    FindClose(search);
    return status;
}

/* The system asks for a directory. */
static void cut_to_directory(wchar_t *path) {
    wchar_t *slash = is_directory(path) ? NULL : wcsrchr(path, L'\\');
    if (slash != NULL && GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES) slash[1] = 0;
}

apr_status_t disk_space(const char *path, int64_t *available, int64_t *total) {
    wchar_t *wide = wide_path(path);
    if (wide == NULL) return system_error();
    cut_to_directory(wide);
    ULARGE_INTEGER free_for_us, all;
    apr_status_t status = GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES && GetDiskFreeSpaceExW(wide, &free_for_us, &all, NULL)
                              ? APR_SUCCESS
                              : system_error();
    free(wide);
    if (status != APR_SUCCESS) return status;
    *available = (int64_t)free_for_us.QuadPart;
    *total = (int64_t)all.QuadPart;
    return APR_SUCCESS;
}

static bool is_slash(char c) {
    return c == '/' || c == '\\';
}

/* "C:x" is relative to the working directory of drive C and to nothing else, "/x" to the present drive. */
static bool is_relative(const char *path) {
    return !is_slash(path[0]) && !(path[0] != 0 && path[1] == ':');
}

apr_status_t path_absolute(const char *path, const char *base, char **out) {
    char *joined = NULL;
    if (base != NULL && is_relative(path)) {
        size_t size = strlen(base) + strlen(path) + 2;
        joined = system_alloc(size);
        snprintf(joined, size, "%s/%s", base, path);
    }
    wchar_t *wide = wide_path(joined != NULL ? joined : *path == 0 ? "." : path);
    free(joined);
    if (wide == NULL) return system_error();
    char *text = narrow_path(wide);
    free(wide);
    size_t length = strlen(text);
    while (length > 3 && text[length - 1] == '/') text[--length] = 0;
    *out = text;
    return APR_SUCCESS;
}
