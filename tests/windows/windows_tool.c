#include "windows_tool.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tool_failed(const char *what) {
    fprintf(stderr, "%s: error %lu\n", what, (unsigned long)GetLastError());
    return 1;
}

/* A console event as the system itself brings it: by a thread that starts in the program, at a function every program has. */
static int event(DWORD pid, DWORD number) {
    HMODULE library = GetModuleHandleW(L"kernelbase.dll");
    FARPROC found = library == NULL ? NULL : GetProcAddress(library, "CtrlRoutine");
    if (found == NULL) return tool_failed("CtrlRoutine");
    LPTHREAD_START_ROUTINE start;
    memcpy(&start, &found, sizeof start);
    HANDLE process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, pid);
    if (process == NULL) return tool_failed("OpenProcess");
    HANDLE thread = CreateRemoteThread(process, NULL, 0, start, (void *)(uintptr_t)number, 0, NULL);
    if (thread == NULL) return tool_failed("CreateRemoteThread");
    CloseHandle(thread);
    CloseHandle(process);
    return 0;
}

typedef struct search {
    DWORD pid;
    HWND found;
} search_t;

static BOOL CALLBACK look(HWND window, LPARAM arg) {
    search_t *s = (search_t *)arg;
    DWORD pid = 0;
    GetWindowThreadProcessId(window, &pid);
    if (pid != s->pid) return TRUE;
    s->found = window;
    return FALSE;
}

/* The end of the session (first), or one that somebody has called off. */
static int session(DWORD pid, bool ends) {
    search_t s = {.pid = pid};
    EnumWindows(look, (LPARAM)&s);
    if (s.found == NULL) return tool_failed("no window of this process");
    if (SendMessageW(s.found, WM_QUERYENDSESSION, 0, 0) == 0) return tool_failed("WM_QUERYENDSESSION is refused");
    if (!ends) return SendMessageW(s.found, WM_ENDSESSION, FALSE, 0) == 0 ? 0 : tool_failed("WM_ENDSESSION");
    return PostMessageW(s.found, WM_ENDSESSION, TRUE, 0) ? 0 : tool_failed("WM_ENDSESSION");
}

/* Keeps a file open until the standard input ends; share: FILE_SHARE_... */
static int hold(const wchar_t *path, DWORD share) {
    HANDLE file = CreateFileW(path, GENERIC_READ, share, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) return tool_failed("CreateFile");
    puts("held");
    fflush(stdout);
    while (getchar() != EOF) continue;
    CloseHandle(file);
    return 0;
}

int wmain(int argc, wchar_t **argv) {
    if (argc == 4 && wcscmp(argv[1], L"event") == 0) return event(wcstoul(argv[2], NULL, 10), wcstoul(argv[3], NULL, 10));
    if (argc == 4 && wcscmp(argv[1], L"session") == 0) return session(wcstoul(argv[2], NULL, 10), wcscmp(argv[3], L"ends") == 0);
    if (argc == 4 && wcscmp(argv[1], L"hold") == 0) return hold(argv[2], wcstoul(argv[3], NULL, 10));
    if (argc == 3 && wcscmp(argv[1], L"service") == 0) return tool_service(argv[2]);
    if (argc == 4 && wcscmp(argv[1], L"complain") == 0) return tool_complain(argv[2], argv[3]);
    if (argc == 4 && wcscmp(argv[1], L"watch") == 0) return tool_watch(argv[2], wcstoul(argv[3], NULL, 10));
    fprintf(stderr, "usage: windows_tool event PID NUMBER | session PID ends|stays | hold PATH SHARE | service NAME | watch NAME STATE | "
                    "complain NAME LINE\n");
    return 2;
}
