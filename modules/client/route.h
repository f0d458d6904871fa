/* Which broker groups serve a (client type, subject, group): registered at the metaserver and kept up to date (client.md 5). Loop thread.
 */
#ifndef QMQ_CLIENT_ROUTE_H
#define QMQ_CLIENT_ROUTE_H

#include "base/error.h"
#include "base/table.h"
#include "client/broker_group.h"
#include "portability/loop.h"
#include "qmq/client.h"

/* Told whenever an answer changed the groups or the online state. */
typedef struct route_watcher {
    struct route_watcher *next;
    void (*changed)(struct route_watcher *self);
} route_watcher_t;

typedef struct route {
    qmq_client_t *client;
    int type; /* enum client_type */
    char *subject;
    char *group;
    char *key;
    size_t key_size;
    int users;
    bool asking; /* a registration is under way; the route's memory waits for it */
    bool wanted; /* to be sent as soon as the metaserver's address is known */
    bool answered;
    bool online; /* the operator's switch */
    broker_group_t **groups;
    size_t count;
    loop_timer_t timer;
    int64_t pause_us; /* until the next registration while there is no usable answer */
    int64_t asked_us;
    route_watcher_t *watchers;
} route_t;

typedef struct routes {
    qmq_client_t *client;
    table_t table;
    int64_t newest; /* largest time stamp of an answer */
    bool stopped;
    bool metaserver_failed; /* it did not answer the last registration */
} routes_t;

void routes_init(routes_t *r, qmq_client_t *client);
void routes_stop(routes_t *r);
void routes_free(routes_t *r);
/* The metaserver's address was looked up, successfully or not. */
void routes_discovered(routes_t *r);

/* Registers at once when it is new. Released by every user. */
route_t *route_acquire(qmq_client_t *c, int type, const char *subject, const char *group);
void route_release(route_t *r);
void route_watch(route_t *r, route_watcher_t *w);
void route_unwatch(route_t *r, route_watcher_t *w);
/* Asks the metaserver again, at most once a second. */
void route_refresh(route_t *r);
/* NULL when it is not listed. */
broker_group_t *route_find(const route_t *r, const char *name);
/* Why there is no group to send to: the metaserver is away, or names none. */
qmq_error_t *route_problem(const route_t *r);

#endif
