#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"memory", memory_cases}, {"view", view_cases},   {"writer", writer_cases}, {"chain", chain_cases},
        {"table", table_cases},   {"error", error_cases}, {"id", id_cases},         {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
