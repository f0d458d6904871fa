#include "portability/host.h"

#include "portability/windows/system.h"

int host_cores(void) {
    DWORD_PTR ours = 0, all = 0;
    int count = 0;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &ours, &all)) ours = 0;
    for (; ours != 0; ours &= ours - 1) count++;
    return count < 1 ? 1 : count;
}
