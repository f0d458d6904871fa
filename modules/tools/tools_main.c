#include "portability/control.h"
#include "portability/host.h"
#include "portability/thread.h"
#include "tools/tools.h"

#include <stdatomic.h>
#include <stdlib.h>

#define INTERRUPTED 130

typedef struct work {
    int count;
    const char *const *arguments;
    tool_output_t to;
    int code;
    _Atomic bool done;
} work_t;

static void run(void *arg) {
    work_t *w = arg;
    w->code = tools_run(w->count, w->arguments, &w->to);
    atomic_store(&w->done, true);
    control_request_stop();
}

static int finish(int code) {
    if (fflush(stdout) == 0) return code;
    (void)fputs("tools: the output cannot be written\n", stderr);
    return TOOLS_REFUSED;
}

/* A request may take long: Ctrl+C ends the tool at once and says what that means. */
int main(int argc, char **argv) {
    process_arguments(&argc, &argv);
    work_t w = {.count = argc > 0 ? argc - 1 : 0,
                .arguments = (const char *const *)argv + 1,
                .to = {.out = stdout, .err = stderr, .human = process_has_terminal(false)}};
    thread_t *thread = NULL;
    if (control_install() != APR_SUCCESS || thread_start(&thread, "tools", run, &w) != APR_SUCCESS) {
        w.code = tools_run(w.count, w.arguments, &w.to);
        return finish(w.code);
    }
    control_event_t event;
    do event = control_wait(-1);
    while (event != CONTROL_STOP && event != CONTROL_STOP_NOW);
    if (!atomic_load(&w.done)) {
        (void)fputs("tools: interrupted. A request that was sent may still be carried out: look with ListBrokers or ListSubjectRoutes\n",
                    stderr);
        _Exit(INTERRUPTED);
    }
    thread_join(thread);
    return finish(w.code);
}
