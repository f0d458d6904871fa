#include "metaserver/refusals.h"

#include "base/memory.h"
#include "base/table.h"
#include "portability/thread.h"

#define QUIET_US ((int64_t)60 * 1000000)
#define HOST_MOST ((size_t)256)

typedef struct refused_host {
    int64_t told_us;
    int64_t left_out;
    size_t size;
    char name[];
} refused_host_t;

struct refusals {
    mutex_t lock;
    table_t hosts;
    int64_t others_told_us; /* hosts that found no room */
    int64_t others_left_out;
};

static view_t name_of(const void *value) {
    const refused_host_t *h = value;
    return view_make(h->name, h->size);
}

refusals_t *refusals_create(void) {
    refusals_t *r = memory_zalloc(sizeof *r);
    mutex_init(&r->lock);
    table_init(&r->hosts, name_of);
    r->others_told_us = INT64_MIN / 2;
    return r;
}

void refusals_destroy(refusals_t *r) {
    if (r == NULL) return;
    size_t at = 0;
    void *host;
    while ((host = table_next(&r->hosts, &at)) != NULL) memory_free(host);
    table_free(&r->hosts);
    mutex_destroy(&r->lock);
    memory_free(r);
}

/* Forgets who has been quiet. */
static void forget(refusals_t *r, int64_t now_us) {
    size_t at = 0;
    refused_host_t *host;
    while ((host = table_next(&r->hosts, &at)) != NULL) {
        if (now_us - host->told_us < QUIET_US) continue;
        (void)table_remove(&r->hosts, name_of(host));
        memory_free(host);
    }
}

static refused_host_t *add(refusals_t *r, view_t name) {
    refused_host_t *host = memory_zalloc(sizeof *host + name.size);
    host->size = name.size;
    if (name.size > 0) memcpy(host->name, name.data, name.size);
    host->told_us = INT64_MIN / 2;
    table_put(&r->hosts, host);
    return host;
}

static bool permit(int64_t *told_us, int64_t *swallowed, int64_t now_us, int64_t *left_out) {
    if (now_us - *told_us < QUIET_US) {
        (*swallowed)++;
        return false;
    }
    *told_us = now_us;
    *left_out = *swallowed;
    *swallowed = 0;
    return true;
}

bool refusals_permit(refusals_t *r, view_t name, int64_t now_us, int64_t *left_out) {
    view_t key = view_make(name.data, name.size < HOST_MOST ? name.size : HOST_MOST);
    mutex_lock(&r->lock);
    refused_host_t *host = table_get(&r->hosts, key);
    if (host == NULL && r->hosts.count >= REFUSALS_MOST) forget(r, now_us);
    if (host == NULL && r->hosts.count < REFUSALS_MOST) host = add(r, key);
    bool permitted = host == NULL ? permit(&r->others_told_us, &r->others_left_out, now_us, left_out)
                                  : permit(&host->told_us, &host->left_out, now_us, left_out);
    mutex_unlock(&r->lock);
    return permitted;
}
