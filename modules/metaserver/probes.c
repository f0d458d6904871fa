#include "metaserver/probes.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "protocol/codes.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_US ((int64_t)2 * 1000000)
#define ASKS_A_TIMEOUT 4
#define SILENT_TIMEOUTS 2

/* Loop 0's, but for the names. */
typedef struct suspect {
    probes_t *probes;
    char *name;
    bool asked; /* under way */
    bool settled;
    int64_t next_us;
    int64_t silent_since_us; /* 0: not asked yet */
} suspect_t;

struct probes {
    catalog_t *catalog;
    liveness_t *liveness;
    broker_requests_t *brokers;
    _Atomic int64_t *timeout_us;
    task_t look;
    _Atomic bool posted;
    suspect_t *suspects;
    size_t count;
    size_t open; /* not settled */
};

static void settle(suspect_t *s) {
    if (!s->settled) s->probes->open--;
    s->settled = true;
}

/* Whatever it answers, it lives; also when it takes the connection and closes it again. */
static void answered(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    suspect_t *s = arg;
    probes_t *p = s->probes;
    (void)response;
    (void)block;
    s->asked = false;
    if (status != QMQ_E_UNREACHABLE && status != APR_TIMEUP) {
        settle(s);
    } else if (clock_mono_us() - s->silent_since_us >= SILENT_TIMEOUTS * atomic_load(p->timeout_us)) {
        liveness_silent(p->liveness, view_of(s->name), s->silent_since_us);
        settle(s);
    }
}

static void ask(suspect_t *s, view_t master, int64_t now_us) {
    probes_t *p = s->probes;
    request_options_t o = {.code = REQUEST_HEARTBEAT, .version = VERSION_8, .request_code = -1, .timeout_us = ANSWER_US};
    char address[64];
    (void)snprintf(address, sizeof address, "%.*s", VIEW_ARG(master));
    if (s->silent_since_us == 0) s->silent_since_us = now_us;
    s->next_us = now_us + atomic_load(p->timeout_us) / ASKS_A_TIMEOUT;
    s->asked = true;
    requester_send(broker_requests_requester(p->brokers), address, &o, NULL, answered, s);
}

static void look_at(suspect_t *s) {
    probes_t *p = s->probes;
    int64_t now_us = clock_mono_us();
    if (s->settled || s->asked || now_us < s->next_us) return;
    catalog_view_t look;
    catalog_look(p->catalog, view_make(NULL, 0), &look);
    const live_group_t *g = broker_groups_find(look.groups, view_of(s->name));
    if (g == NULL || g->state == BROKER_NRW || liveness_watches(p->liveness, g->name))
        settle(s);
    else
        ask(s, g->master, now_us);
    catalog_done(&look);
}

static void look_task(task_t *task) {
    probes_t *p = (probes_t *)((char *)task - offsetof(probes_t, look));
    atomic_store(&p->posted, false);
    for (size_t i = 0; i < p->count && p->open > 0; i++) look_at(&p->suspects[i]);
}

probes_t *probes_create(catalog_t *catalog, liveness_t *liveness, broker_requests_t *brokers, _Atomic int64_t *timeout_us) {
    probes_t *p = memory_zalloc(sizeof *p);
    p->catalog = catalog;
    p->liveness = liveness;
    p->brokers = brokers;
    p->timeout_us = timeout_us;
    p->look.run = look_task;
    catalog_view_t look;
    catalog_look(catalog, view_make(NULL, 0), &look);
    p->suspects = memory_zalloc((look.groups->by_name.count + 1) * sizeof *p->suspects);
    size_t at = 0;
    const live_group_t *g;
    while ((g = broker_groups_next(look.groups, &at)) != NULL) {
        if (g->state == BROKER_NRW || view_has(g->name, '\0')) continue;
        p->suspects[p->count++] = (suspect_t){.probes = p, .name = memory_strndup(g->name.data, g->name.size)};
    }
    p->open = p->count;
    catalog_done(&look);
    return p;
}

void probes_look(probes_t *p) {
    if (!atomic_exchange(&p->posted, true)) loop_post(broker_requests_loop(p->brokers), &p->look);
}

void probes_destroy(probes_t *p) {
    if (p == NULL) return;
    for (size_t i = 0; i < p->count; i++) memory_free(p->suspects[i].name);
    memory_free(p->suspects);
    memory_free(p);
}
