#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"form", form_cases}, {"server", server_cases}, {"parked", parked_cases}, {"client", client_cases}, {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
