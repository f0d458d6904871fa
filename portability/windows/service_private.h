/* The door to the service control manager: tests put another one there, which lets nobody in. */
#ifndef QMQ_PORTABILITY_WINDOWS_SERVICE_PRIVATE_H
#define QMQ_PORTABILITY_WINDOWS_SERVICE_PRIVATE_H

#include "portability/windows/system.h"

#include <winsvc.h>

extern SC_HANDLE(WINAPI *service_manager_open)(const wchar_t *machine, const wchar_t *database, DWORD access);

#endif
