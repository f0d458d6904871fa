#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"arguments", arguments_cases}, {"life", life_cases},         {"monitor", monitor_cases}, {"composite", composite_cases},
        {"commands", commands_cases},   {"graphite", graphite_cases}, {"service", service_cases}, {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
