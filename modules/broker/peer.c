#include "broker/peer.h"

#include "base/memory.h"

struct peer {
    shared_t shared; /* first member */
    atomic_bool gone;
};

static void peer_destroy(shared_t *s) {
    memory_free(s);
}

void peer_opened(void *arg, connection_t *c) {
    (void)arg;
    peer_t *p = memory_zalloc(sizeof *p);
    shared_init(&p->shared, peer_destroy);
    connection_set_user(c, p);
}

void peer_closed(void *arg, connection_t *c) {
    (void)arg;
    peer_t *p = connection_user(c);
    if (p == NULL) return;
    connection_set_user(c, NULL);
    atomic_store(&p->gone, true);
    shared_release(&p->shared);
}

peer_t *peer_of(connection_t *c) {
    peer_t *p = connection_user(c);
    shared_retain(&p->shared);
    return p;
}

bool peer_is_gone(const peer_t *p) {
    return atomic_load(&p->gone);
}

void peer_release(peer_t *p) {
    shared_release(&p->shared);
}
