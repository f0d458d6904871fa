/* Waiting on a completion port. Readiness is the end of a read of zero bytes; sockets that still have something to read wait in a list
 * for their turn, so that the port is asked nothing twice. */
#include "portability/windows/loop_private.h"

#include <stdlib.h>

#define ENTRIES_PER_ROUND 64
#define REAP_WAIT_MS 10
#define WAKE_KEY 1
#define SKIP_FLAGS (FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE)

struct poller {
    HANDLE port;
    ULONG count; /* of entries */
    int closing; /* retired endpoints whose operations have not all ended */
    operation_t *kept, **kept_end;
    turn_t turns; /* head of a ring */
    OVERLAPPED_ENTRY entries[ENTRIES_PER_ROUND];
};

static void ring_init(turn_t *head) {
    head->next = head->previous = head;
}

apr_status_t poller_create(poller_t **out) {
    apr_status_t status = sockets_start();
    if (status != APR_SUCCESS) return status;
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (port == NULL) return system_error();
    poller_t *p = system_alloc(sizeof *p);
    p->port = port;
    p->kept_end = &p->kept;
    ring_init(&p->turns);
    *out = p;
    return APR_SUCCESS;
}

void poller_destroy(poller_t *p) {
    CloseHandle(p->port);
    free(p);
}

void poller_wake(poller_t *p) {
    if (!PostQueuedCompletionStatus(p->port, 0, WAKE_KEY, NULL)) system_fatal("PostQueuedCompletionStatus", (int)GetLastError());
}

bool poller_is_ready(const poller_t *p) {
    return p->turns.next != &p->turns || p->kept != NULL;
}

static apr_status_t take(poller_t *p, DWORD wait_ms) {
    p->count = 0;
    if (GetQueuedCompletionStatusEx(p->port, p->entries, ENTRIES_PER_ROUND, &p->count, wait_ms, FALSE)) return APR_SUCCESS;
    p->count = 0;
    return GetLastError() == WAIT_TIMEOUT ? APR_SUCCESS : system_error();
}

apr_status_t poller_wait(poller_t *p, int64_t wait_us) {
    return take(p, wait_us < 0 ? INFINITE : (DWORD)((wait_us + 999) / 1000));
}

/* Operations */

apr_status_t endpoint_attach(endpoint_t *e) {
    HANDLE handle = (HANDLE)e->fd;
    if (CreateIoCompletionPort(handle, loop_poller(e->loop)->port, 0, 0) == NULL) return system_error();
    e->skips = SetFileCompletionNotificationModes(handle, SKIP_FLAGS) != 0;
    return APR_SUCCESS;
}

void operation_begin(operation_t *o) {
    HANDLE event = o->place.hEvent;
    o->place = (OVERLAPPED){.hEvent = event};
    o->owner->pending++;
}

bool operation_started(operation_t *o, bool succeeded, apr_status_t *status) {
    int error = succeeded ? 0 : WSAGetLastError();
    if (error == WSA_IO_PENDING || (succeeded && !o->owner->skips)) return true;
    o->owner->pending--;
    *status = succeeded ? APR_SUCCESS : windows_status((DWORD)error);
    return false;
}

apr_status_t operation_status(operation_t *o) {
    DWORD bytes = 0, flags = 0;
    return WSAGetOverlappedResult(o->owner->fd, &o->place, &bytes, FALSE, &flags) ? APR_SUCCESS : socket_error();
}

void operation_post(operation_t *o) {
    HANDLE port = loop_poller(o->owner->loop)->port;
    if (!PostQueuedCompletionStatus(port, 0, 0, &o->place)) system_fatal("PostQueuedCompletionStatus", (int)GetLastError());
}

static void count_end(operation_t *o) {
    endpoint_t *e = o->owner;
    if (--e->pending > 0 || !e->retired) return;
    loop_poller(e->loop)->closing--;
    loop_retire(e->loop, &e->retiree);
}

static void end_operation(operation_t *o, DWORD bytes) {
    endpoint_t *e = o->owner;
    if (e->retired) {
        count_end(o);
        return;
    }
    e->pending--;
    o->ended(o, bytes);
}

void endpoint_retire(endpoint_t *e) {
    e->retired = true;
    if (e->fd != INVALID_SOCKET && e->pending > 0) (void)CancelIoEx((HANDLE)e->fd, NULL); /* fails when all has just ended */
    if (e->fd != INVALID_SOCKET && closesocket(e->fd) != 0 && WSAGetLastError() == WSAENOTSOCK) system_fatal("closesocket", WSAENOTSOCK);
    if (e->pending > 0) {
        loop_poller(e->loop)->closing++;
    } else {
        loop_retire(e->loop, &e->retiree);
    }
}

/* Turns */

void poller_queue(poller_t *p, turn_t *t) {
    if (t->next != NULL) return;
    t->next = &p->turns;
    t->previous = p->turns.previous;
    t->previous->next = t;
    p->turns.previous = t;
}

void poller_unqueue(turn_t *t) {
    if (t->next == NULL) return;
    t->next->previous = t->previous;
    t->previous->next = t->next;
    t->next = t->previous = NULL;
}

/* Those that queue themselves again meanwhile come in the next round. */
static void take_turns(poller_t *p) {
    if (p->turns.next == &p->turns) return;
    turn_t now = p->turns;
    now.next->previous = now.previous->next = &now;
    ring_init(&p->turns);
    while (now.next != &now) {
        turn_t *t = now.next;
        poller_unqueue(t);
        socket_take_turn(t);
    }
}

static void end_kept(poller_t *p) {
    operation_t *first = p->kept;
    p->kept = NULL;
    p->kept_end = &p->kept;
    while (first != NULL) {
        operation_t *o = first;
        first = o->next;
        end_operation(o, o->bytes);
    }
}

static operation_t *operation_of(const OVERLAPPED_ENTRY *entry) {
    return (operation_t *)(void *)entry->lpOverlapped; /* its first member; NULL: a wake-up */
}

void poller_dispatch(poller_t *p) {
    end_kept(p);
    for (ULONG i = 0; i < p->count; i++) {
        operation_t *o = operation_of(&p->entries[i]);
        if (o != NULL) end_operation(o, p->entries[i].dwNumberOfBytesTransferred);
    }
    p->count = 0;
    take_turns(p);
}

bool poller_is_closing(const poller_t *p) {
    return p->closing > 0;
}

static void keep(poller_t *p, operation_t *o, DWORD bytes) {
    o->bytes = bytes;
    o->next = NULL;
    *p->kept_end = o;
    p->kept_end = &o->next;
}

/* Kept ones of endpoints that were closed meanwhile have ended for good. */
static void drop_kept(poller_t *p) {
    operation_t *all = p->kept;
    p->kept = NULL;
    p->kept_end = &p->kept;
    while (all != NULL) {
        operation_t *o = all;
        all = o->next;
        if (o->owner->retired) {
            count_end(o);
        } else {
            keep(p, o, o->bytes);
        }
    }
}

void poller_reap(poller_t *p) {
    drop_kept(p);
    if (p->closing == 0 || take(p, REAP_WAIT_MS) != APR_SUCCESS) return;
    for (ULONG i = 0; i < p->count; i++) {
        operation_t *o = operation_of(&p->entries[i]);
        if (o == NULL) continue;
        if (o->owner->retired) {
            count_end(o);
        } else {
            keep(p, o, p->entries[i].dwNumberOfBytesTransferred);
        }
    }
    p->count = 0;
}
