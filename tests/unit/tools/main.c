#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {{"tools", tools_cases}, {NULL, NULL}};
    return test_main(argc, argv, suites);
}
