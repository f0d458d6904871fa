#include "tools/tools.h"

#include "portability/host.h"

int main(int argc, char **argv) {
    process_arguments(&argc, &argv);
    int code = tools_run(argc > 0 ? argc - 1 : 0, (const char *const *)argv + 1, stdout, stderr);
    if (fflush(stdout) != 0) {
        (void)fputs("tools: the output cannot be written\n", stderr);
        return TOOLS_REFUSED;
    }
    return code;
}
