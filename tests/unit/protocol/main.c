#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"examples", examples_cases},
        {"fixtures", fixtures_cases},
        {"message", message_cases},
        {"send", send_cases},
        {"pull", pull_cases},
        {"client_register", client_register_cases},
        {"sync", sync_cases},
        {"subject", subject_cases},
        {"truncation", truncation_cases},
        {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
