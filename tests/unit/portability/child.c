#include "child.h"

#include "portability/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHILD_WAIT_US 60000000

bool child_wanted(int argc, char **argv) {
    return argc > 2 && strcmp(argv[1], "--child") == 0;
}

static int count_input(void) {
    int count = 0;
    while (getchar() != EOF) count++;
    return count % 200;
}

/* Serves until it is asked to stop; what it says goes to its log. */
static int serve(void) {
    if (control_install() != APR_SUCCESS) return 1;
    puts("serving");
    fflush(stdout);
    control_event_t event = control_wait(CHILD_WAIT_US);
    while (event == CONTROL_RELOAD) {
        puts("reloaded");
        fflush(stdout);
        event = control_wait(CHILD_WAIT_US);
    }
    puts(event == CONTROL_STOP ? "stopped" : "gave up");
    return 0;
}

int child_main(int argc, char **argv) {
    if (strcmp(argv[2], "exit") == 0 && argc > 3) return atoi(argv[3]);
    if (strcmp(argv[2], "count") == 0) return count_input();
    if (strcmp(argv[2], "ignore") == 0) return 7; /* reads none of its input */
    if (strcmp(argv[2], "abort") == 0) abort();
    if (strcmp(argv[2], "serve") == 0) return serve();
    return system_child(argv);
}
