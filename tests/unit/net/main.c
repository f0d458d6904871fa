#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"frame", frame_cases},
        {"loops", loops_cases},
        {"server", server_cases},
        {"connection", connection_cases},
        {"receive", receive_cases},
        {"transmit", transmit_cases},
        {"reply", reply_cases},
        {"requester", requester_cases},
        {"requester_many", requester_many_cases},
        {"pace", pace_cases},
        {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
