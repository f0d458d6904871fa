/* UTF-8 inside, UTF-16 at the system's border; "/" inside, "\" there. */
#include "portability/windows/system.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LONG_PATH 240 /* from here on a path gets the prefix that lifts the limit; directories have the lowest one, 248 */

wchar_t *wide_text(const char *text) {
    int size = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (size <= 0) return NULL;
    wchar_t *wide = system_alloc((size_t)size * sizeof *wide);
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, size) != size) system_fatal("UTF-16", (int)GetLastError());
    return wide;
}

char *narrow_text(const wchar_t *text) {
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    if (size <= 0) system_fatal("UTF-8", (int)GetLastError());
    char *narrow = system_alloc((size_t)size);
    if (WideCharToMultiByte(CP_UTF8, 0, text, -1, narrow, size, NULL, NULL) != size) system_fatal("UTF-8", (int)GetLastError());
    return narrow;
}

static wchar_t *full_path(const wchar_t *path) {
    DWORD room = GetFullPathNameW(path, 0, NULL, NULL);
    if (room == 0) return NULL;
    wchar_t *full = system_alloc((room + 1) * sizeof *full);
    DWORD size = GetFullPathNameW(path, room, full, NULL);
    if (size == 0 || size >= room) { /* the working directory has changed meanwhile */
        free(full);
        SetLastError(ERROR_INVALID_NAME);
        return NULL;
    }
    return full;
}

static wchar_t *with_prefix(wchar_t *full) {
    bool is_share = full[0] == L'\\' && full[1] == L'\\';
    bool has_prefix = is_share && (full[2] == L'?' || full[2] == L'.');
    size_t length = wcslen(full);
    if (has_prefix || length < LONG_PATH) return full;
    const wchar_t *prefix = is_share ? L"\\\\?\\UNC" : L"\\\\?\\";
    const wchar_t *rest = is_share ? full + 1 : full;
    size_t front = wcslen(prefix), back = wcslen(rest);
    wchar_t *longer = system_alloc((front + back + 1) * sizeof *longer);
    memcpy(longer, prefix, front * sizeof *longer);
    memcpy(longer + front, rest, back * sizeof *longer);
    free(full);
    return longer;
}

wchar_t *wide_path(const char *path) {
    wchar_t *wide = wide_text(path);
    if (wide == NULL || *wide == 0) {
        free(wide);
        SetLastError(ERROR_INVALID_NAME);
        return NULL;
    }
    wchar_t *full = full_path(wide);
    free(wide);
    return full == NULL ? NULL : with_prefix(full);
}

char *narrow_path(const wchar_t *path) {
    char *text;
    if (wcsncmp(path, L"\\\\?\\UNC\\", 8) == 0) {
        char *rest = narrow_text(path + 7);
        size_t size = strlen(rest) + 2;
        text = system_alloc(size);
        text[0] = '/';
        memcpy(text + 1, rest, size - 1);
        free(rest);
    } else {
        text = narrow_text(wcsncmp(path, L"\\\\?\\", 4) == 0 ? path + 4 : path);
    }
    for (char *c = text; *c != 0; c++) {
        if (*c == '\\') *c = '/';
    }
    return text;
}
