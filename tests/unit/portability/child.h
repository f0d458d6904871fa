/* What this program does when a test starts it as another process: unit_portability --child <what> ... */
#ifndef QMQ_TESTS_UNIT_PORTABILITY_CHILD_H
#define QMQ_TESTS_UNIT_PORTABILITY_CHILD_H

#include <stdbool.h>

bool child_wanted(int argc, char **argv);
int child_main(int argc, char **argv);
/* What only the child of this system does; 99: nothing is known by that name. */
int system_child(char **argv);

#endif
