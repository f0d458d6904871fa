#include "suites.h"

int main(int argc, char **argv) {
    const test_suite_t suites[] = {
        {"records", records_cases},
        {"append", append_cases},
        {"segments", segments_cases},
        {"index", index_cases},
        {"index_v2", index_v2_cases},
        {"snapshots", snapshots_cases},
        {"tablets", tablets_cases},
        {"positions", positions_cases},
        {"recovery", recovery_cases},
        {"faults", faults_cases},
        {"progress", progress_cases},
        {"threads", threads_cases},
        {"java_stores", java_stores_cases},
        {"damage", damage_cases},
        {"retention", retention_cases},
        {"power", power_cases},
        {"space", space_cases},
        {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
