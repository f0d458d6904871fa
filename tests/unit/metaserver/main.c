#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"parts", parts_cases},
        {"register", register_cases},
        {"routing", routing_cases},
        {"broker", broker_cases},
        {"trouble", trouble_cases},
        {"http", http_cases},
        {"action", action_cases},
        {"change", change_cases},
        {"endpoint", endpoint_cases},
        {"start", start_cases},
        {"refresh", refresh_cases},
        {"client_rows", client_rows_cases},
        {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
