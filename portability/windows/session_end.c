/* The end of a session, for a server in a console. The system tells a program that has loaded user32.dll - all of ours have, through the
 * libraries they use - by its windows and not by its console. So there is a window that nobody sees. */
#include "portability/windows/control_private.h"

#define WINDOW_CLASS L"qmq-session-end"
#define REASON L"A QMQ server writes its data to the disk"

/* What comes after the return of WM_ENDSESSION is the end of the process, so it waits for the clean end instead. */
static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM first, LPARAM second) {
    switch (message) {
    case WM_QUERYENDSESSION:
        (void)ShutdownBlockReasonCreate(window, REASON); /* asks for more time than the few seconds that are usual */
        return TRUE;
    case WM_ENDSESSION:
        if (first) {
            control_request_stop();
            Sleep(INFINITE);
        }
        (void)ShutdownBlockReasonDestroy(window);
        return 0;
    default:
        return DefWindowProcW(window, message, first, second);
    }
}

/* Where no window can be made nobody can log off either. */
static DWORD WINAPI watch(void *arg) {
    (void)arg;
    HINSTANCE program = GetModuleHandleW(NULL);
    const WNDCLASSW kind = {.lpfnWndProc = on_message, .hInstance = program, .lpszClassName = WINDOW_CLASS};
    if (RegisterClassW(&kind) == 0) return 1;
    /* a message-only window would not be told */
    if (CreateWindowExW(0, WINDOW_CLASS, L"QMQ", WS_POPUP, 0, 0, 0, 0, NULL, NULL, program, NULL) == NULL) return 1;
    MSG message;
    while (GetMessageW(&message, NULL, 0, 0) > 0) DispatchMessageW(&message);
    return 0;
}

apr_status_t session_end_watch(void) {
    HANDLE thread = CreateThread(NULL, 0, watch, NULL, 0, NULL);
    if (thread == NULL) return system_error();
    CloseHandle(thread); /* it runs as long as the process */
    return APR_SUCCESS;
}
