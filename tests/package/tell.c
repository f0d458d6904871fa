/* Stands for a program of lib\ in the launcher tests: prints its arguments, directory and settings as UTF-8 lines, and ends with 7. */
#include <stdio.h>
#include <windows.h>

static void tell(const char *name, const wchar_t *value) {
    char text[32768];
    if (WideCharToMultiByte(CP_UTF8, 0, value, -1, text, sizeof text, NULL, NULL) > 0) printf("%s=%s\n", name, text);
}

int wmain(int argc, wchar_t **argv) {
    wchar_t value[32768];
    for (int i = 1; i < argc; i++) tell("argument", argv[i]);
    if (GetModuleFileNameW(NULL, value, 32768) > 0) tell("program", value);
    if (GetCurrentDirectoryW(32768, value) > 0) tell("directory", value);
    if (GetEnvironmentVariableW(L"QMQ_HOME", value, 32768) > 0) tell("home", value);
    if (GetEnvironmentVariableW(L"QMQ_IP", value, 32768) > 0) tell("ip", value);
    return 7;
}
