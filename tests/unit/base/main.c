#include "suites.h"

int main(int argc, char **argv) {
    /* log_faults goes before every suite that touches a file: the fault rules are looked up at the first file operation */
    static const test_suite_t suites[] = {{"memory", memory_cases},
                                          {"view", view_cases},
                                          {"writer", writer_cases},
                                          {"chain", chain_cases},
                                          {"table", table_cases},
                                          {"error", error_cases},
                                          {"id", id_cases},
                                          {"log_faults", log_faults_cases},
                                          {"properties", properties_cases},
                                          {"nearest", nearest_cases},
                                          {"log", log_cases},
                                          {"window", window_cases},
                                          {"metrics", metrics_cases},
                                          {"config", config_cases},
                                          {NULL, NULL}};
    return test_main(argc, argv, suites);
}
