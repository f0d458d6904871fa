#include "portability/clock.h"

#include "portability/windows/system.h"

#define EPOCH_TICKS 116444736000000000LL /* 1601 to 1970 in units of 100 ns */

int64_t clock_wall_ms(void) {
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    int64_t ticks = (int64_t)((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime);
    return (ticks - EPOCH_TICKS) / 10000;
}

int64_t clock_mono_us(void) {
    LARGE_INTEGER count, frequency;
    if (!QueryPerformanceFrequency(&frequency) || !QueryPerformanceCounter(&count))
        system_fatal("performance counter", (int)GetLastError());
    int64_t seconds = count.QuadPart / frequency.QuadPart, rest = count.QuadPart % frequency.QuadPart;
    return seconds * 1000000 + rest * 1000000 / frequency.QuadPart;
}

int64_t system_wait_us(int64_t us) {
    return us;
}
