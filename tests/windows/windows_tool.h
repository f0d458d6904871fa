/* A program of the tests that does to a server what Windows, a person or another program does. */
#ifndef QMQ_TESTS_WINDOWS_TOOL_H
#define QMQ_TESTS_WINDOWS_TOOL_H

#include <winsock2.h>

#include <windows.h>

/* Prints what the service manager has noted of a service, a line "key=value" each, UTF-8. Exit code of the program. */
int tool_service(const wchar_t *name);
/* Prints state and check point of a service at every change, until it is in the state of that number or gone. */
int tool_watch(const wchar_t *name, DWORD until);
/* Complains as a service that could not start. */
int tool_complain(const wchar_t *name, const wchar_t *line);
/* Says what has failed; 1. */
int tool_failed(const char *what);

#endif
