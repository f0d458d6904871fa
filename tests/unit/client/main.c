#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"message", message_cases},     {"names", names_cases},   {"ack_queue", ack_queue_cases},   {"choice", choice_cases},
        {"discovery", discovery_cases}, {"route", route_cases},   {"producer", producer_cases},     {"consumer", consumer_cases},
        {"retry", retry_cases},         {"puller", puller_cases}, {"connection", connection_cases}, {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
