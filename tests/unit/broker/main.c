#include "suites.h"

int main(int argc, char **argv) {
    const test_suite_t suites[] = {
        {"pull", pull_cases},
        {"find", find_cases},
        {"ack", ack_cases},
        {"produce", produce_cases},
        {"group", group_cases},
        {"waiters", waiters_cases},
        {"races", races_cases},
        {"limits", limits_cases},
        {"durability", durability_cases},
        {"dead", dead_cases},
        {"figures", figures_cases},
        {"clock", clock_cases},
        {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
