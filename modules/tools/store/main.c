#include "portability/host.h"
#include "tools/store/inspect.h"

int main(int argc, char **argv) {
    process_arguments(&argc, &argv);
    int code = store_run(argc > 0 ? argc - 1 : 0, (const char *const *)argv + 1, stdout, stderr);
    if (fflush(stdout) == 0) return code;
    (void)fputs("store: the output cannot be written\n", stderr);
    return STORE_UNREADABLE;
}
