/* Starting programs. */
#include "portability/host.h"

#include "portability/windows/command_line.h"
#include "portability/windows/system.h"

#include <stdlib.h>
#include <string.h>

static HANDLE open_inherited(const wchar_t *path, DWORD access, DWORD disposition) {
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    return CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &inherited, disposition, FILE_ATTRIBUTE_NORMAL,
                       NULL);
}

static bool is_real(HANDLE handle) {
    return handle != NULL && handle != INVALID_HANDLE_VALUE;
}

static void close_handle(HANDLE handle) {
    if (is_real(handle)) CloseHandle(handle);
}

/* Starts it with these three and no other handle of ours. */
static apr_status_t create(const char *const *argv, HANDLE in, HANDLE out, HANDLE error, DWORD flags, PROCESS_INFORMATION *started) {
    HANDLE handles[3];
    DWORD count = 0;
    const HANDLE all[3] = {in, out, error};
    for (int i = 0; i < 3; i++) {
        bool again = i > 0 && (all[i] == all[0] || (i > 1 && all[i] == all[1]));
        if (is_real(all[i]) && !again) handles[count++] = all[i];
    }
    wchar_t *line = command_line(argv);
    if (line == NULL) return APR_EINVAL;
    SIZE_T size = 0;
    (void)InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    STARTUPINFOEXW info = {.StartupInfo = {.cb = sizeof info, .dwFlags = STARTF_USESTDHANDLES}};
    info.StartupInfo.hStdInput = in;
    info.StartupInfo.hStdOutput = out;
    info.StartupInfo.hStdError = error;
    info.lpAttributeList = system_alloc(size);
    BOOL done = InitializeProcThreadAttributeList(info.lpAttributeList, 1, 0, &size);
    apr_status_t status = done ? APR_SUCCESS : system_error();
    if (done) {
        if (count > 0) {
            done = UpdateProcThreadAttribute(info.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles, count * sizeof(HANDLE),
                                             NULL, NULL);
        }
        if (done) {
            done = CreateProcessW(NULL, line, NULL, NULL, count > 0, flags | EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT,
                                  NULL, NULL, &info.StartupInfo, started);
        }
        status = done ? APR_SUCCESS : system_error();
        DeleteProcThreadAttributeList(info.lpAttributeList);
    }
    free(info.lpAttributeList);
    free(line);
    return status;
}

apr_status_t process_start_detached(const char *const *argv, const char *log_path, int64_t *pid) {
    wchar_t *log = wide_path(log_path);
    if (log == NULL) return system_error();
    HANDLE out = open_inherited(log, FILE_APPEND_DATA | SYNCHRONIZE, OPEN_ALWAYS);
    apr_status_t status = is_real(out) ? APR_SUCCESS : system_error();
    free(log);
    if (status != APR_SUCCESS) return status;
    HANDLE in = open_inherited(L"NUL", GENERIC_READ, OPEN_EXISTING);
    PROCESS_INFORMATION started;
    status = create(argv, in, out, out, CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP, &started);
    close_handle(in);
    close_handle(out);
    if (status != APR_SUCCESS) return status;
    *pid = (int64_t)started.dwProcessId;
    CloseHandle(started.hThread);
    CloseHandle(started.hProcess);
    return APR_SUCCESS;
}

/* A handle of ours that the program may have; the caller closes it. */
static HANDLE inheritable(DWORD which) {
    HANDLE copy = NULL, own = GetStdHandle(which), self = GetCurrentProcess();
    if (!is_real(own) || !DuplicateHandle(self, own, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS)) return NULL;
    return copy;
}

/* Writes until the program has taken all or reads no more. */
static void feed(HANDLE to, const char *input, size_t size) {
    while (size > 0) {
        DWORD written = 0, part = size < 65536 ? (DWORD)size : 65536;
        if (!WriteFile(to, input, part, &written, NULL) || written == 0) return;
        input += written;
        size -= written;
    }
}

static apr_status_t open_input(bool given, HANDLE *theirs, HANDLE *ours) {
    if (!given) {
        *theirs = open_inherited(L"NUL", GENERIC_READ, OPEN_EXISTING);
        return is_real(*theirs) ? APR_SUCCESS : system_error();
    }
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    if (!CreatePipe(theirs, ours, &inherited, 0)) return system_error();
    return SetHandleInformation(*ours, HANDLE_FLAG_INHERIT, 0) ? APR_SUCCESS : system_error();
}

apr_status_t process_run(const char *const *argv, const void *input, size_t input_size, int *exit_code) {
    HANDLE in = NULL, feeder = NULL, out = inheritable(STD_OUTPUT_HANDLE), error = inheritable(STD_ERROR_HANDLE);
    PROCESS_INFORMATION started = {0};
    apr_status_t status = open_input(input != NULL, &in, &feeder);
    if (status == APR_SUCCESS) status = create(argv, in, out, error, 0, &started);
    close_handle(in);
    close_handle(out);
    close_handle(error);
    if (status == APR_SUCCESS && input != NULL) feed(feeder, input, input_size);
    close_handle(feeder);
    if (status != APR_SUCCESS) return status;
    DWORD code = 0;
    if (WaitForSingleObject(started.hProcess, INFINITE) != WAIT_OBJECT_0 || !GetExitCodeProcess(started.hProcess, &code)) {
        status = system_error();
    }
    *exit_code = (int)code;
    CloseHandle(started.hThread);
    CloseHandle(started.hProcess);
    return status;
}
