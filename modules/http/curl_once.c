#include "http/curl_once.h"

#include "portability/thread.h"

#include <stdatomic.h>

#define SPIN_US 200

enum { FRESH, BUSY, DONE };

static _Atomic int state = FRESH;
static CURLcode result;

CURLcode curl_once(void) {
    int seen = FRESH;
    if (atomic_compare_exchange_strong(&state, &seen, BUSY)) {
        result = curl_global_init(CURL_GLOBAL_DEFAULT);
        atomic_store(&state, DONE);
        return result;
    }
    while (atomic_load(&state) != DONE) thread_sleep_us(SPIN_US);
    return result;
}
