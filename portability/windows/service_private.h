/* The doors to the service control manager: tests put others there, which let nobody in, or see what is asked. */
#ifndef QMQ_PORTABILITY_WINDOWS_SERVICE_PRIVATE_H
#define QMQ_PORTABILITY_WINDOWS_SERVICE_PRIVATE_H

#include "portability/windows/system.h"

#include <winsvc.h>

extern SC_HANDLE(WINAPI *service_manager_open)(const wchar_t *machine, const wchar_t *database, DWORD access);
extern BOOL(WINAPI *service_change)(SC_HANDLE service, DWORD level, void *what);

#endif
