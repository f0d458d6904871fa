#include "suites.h"

int main(int argc, char **argv) {
    const test_suite_t suites[] = {
        {"append", append_cases},
        {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
