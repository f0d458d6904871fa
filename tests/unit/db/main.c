#include "suites.h"

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"statements", statements_cases}, {"threads", threads_cases},   {"trouble", trouble_cases},
        {"mysql_url", mysql_url_cases},   {"deadlock", deadlock_cases}, {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
