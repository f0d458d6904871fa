#include "base/memory.h"
#include "portability/clock.h"
#include "portability/thread.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE_DEADLINE_US INT64_C(20000000)
#define HOUR_MS INT64_C(3600000)
#define CLOCK_LOOKS 100

/* Injected failures. */

void write_faults(const run_t *r, const char *rules) {
    char *path = memory_printf("%s/" FAULTS_NAME, r->directory), *next = memory_printf("%s.next", path);
    FILE *f = fopen(next, "we");
    if (f == NULL || fputs(rules, f) < 0 || fclose(f) != 0 || rename(next, path) != 0) {
        fprintf(stderr, "fault_torture: cannot write %s\n", path);
        exit(2);
    }
    memory_free(next);
    memory_free(path);
}

void break_something(run_t *r) {
    static const char *const operations[] = {"write", "write", "write", "sync", "open", "preallocate", "rename", "map", "truncate"};
    static const char *const errors[] = {"EIO", "ENOSPC", "ENOSPC short", "EIO short", "EMFILE"};
    static const char *const parts[] = {"", "path=messagelog", "path=actionlog", "path=consumerlog", "path=checkpoint", "path=pulllog_smt"};
    char rule[200];
    (void)snprintf(rule, sizeof rule, "%s %d%s %s %s\n", operations[pick(r, 9)], 1 + (int)pick(r, 3), pick(r, 3) == 0 ? "+" : "",
                   errors[pick(r, 5)], parts[pick(r, 6)]);
    write_faults(r, rule);
    r->broken = true;
}

/* What a full disk refuses: new blocks, never what was reserved. */
void fill_disk(run_t *r) {
    static const char *const caches[] = {"checkpoint", "consumerlog", "pulllog_smt", ".marker", ".positions", ".retention"};
    char rules[600];
    int used = snprintf(rules, sizeof rules, "preallocate %d+ ENOSPC\n", 1 + (int)pick(r, 4));
    for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++) {
        used += snprintf(rules + used, sizeof rules - (size_t)used, "write %d+ ENOSPC%s path=%s\n", 1 + (int)pick(r, 3),
                         pick(r, 2) == 0 ? " short" : "", caches[i]);
    }
    write_faults(r, rules);
    r->full_for = 3 + (int)pick(r, 40);
}

void wait_for_space(run_t *r) {
    if (r->full_for == 0 || --r->full_for > 0) return;
    write_faults(r, "");
    int64_t until = clock_mono_us() + SPACE_DEADLINE_US;
    const char *reason = NULL;
    while (!r->broken && !power_was_cut() && !store_is_writable(r->store, &reason)) {
        if (clock_mono_us() > until) {
            ledger_breach(&r->ledger, "there is space again, but the store takes no messages: %s", reason);
            return;
        }
        thread_sleep_us(1000);
    }
}

void end_breakages(run_t *r) {
    write_faults(r, "");
    r->full_for = 0;
}

/* The clock. */

static void set_clock(const run_t *r, int64_t shift_ms) {
    char *path = memory_printf("%s/" CLOCK_NAME, r->directory), *next = memory_printf("%s.next", path);
    FILE *f = fopen(next, "we");
    if (f == NULL || fprintf(f, "%lld 1\n", (long long)shift_ms) < 0 || fclose(f) != 0 || rename(next, path) != 0) {
        fprintf(stderr, "fault_torture: cannot write %s\n", path);
        exit(2);
    }
    memory_free(next);
    memory_free(path);
}

void move_clock(run_t *r) {
    static const int64_t years[] = {INT64_C(1000), INT64_C(4070908800000)}; /* 1970, 2099 */
    int64_t now = clock_wall_ms(), shift = 0;
    if (pick(r, 3) == 0)
        shift = years[pick(r, 2)] - (now - r->shift_ms);
    else
        shift = ((int64_t)pick(r, 200) - 100) * HOUR_MS;
    set_clock(r, shift);
    int64_t moved = shift - r->shift_ms;
    r->shift_ms = shift;
    /* The clock looks at its file now and then. */
    for (int i = 0; i < CLOCK_LOOKS && moved != 0 && llabs(clock_wall_ms() - now - moved) > HOUR_MS / 2; i++) thread_sleep_us(1000);
}

void reset_clock(run_t *r) {
    if (r->shift_ms != 0) set_clock(r, 0);
    r->shift_ms = 0;
}
