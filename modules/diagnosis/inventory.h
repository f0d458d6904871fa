/* What the metaserver's tables say, as ListBrokers and ListBrokerGroups tell it: works with a metaserver of the original too. */
#ifndef QMQ_DIAGNOSIS_INVENTORY_H
#define QMQ_DIAGNOSIS_INVENTORY_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A row of table broker. Texts belong to the inventory. */
typedef struct registered_broker {
    const char *group;
    const char *host;
    const char *ip;
    int role; /* enum broker_role; -1: one we do not know */
    int port;
    int sync_port;
} registered_broker_t;

/* A row of table broker_group. */
typedef struct registered_group {
    const char *name;
    const char *master; /* "ip:port" */
    const char *state;  /* "RW", "R", "W", "NRW" */
    bool delay;
} registered_group_t;

typedef struct inventory {
    char *metaserver; /* host:port of its management port */
    registered_broker_t *brokers;
    size_t broker_count;
    registered_group_t *groups;
    size_t group_count;
    int64_t ahead_ms; /* clock of the metaserver's machine less ours, whole seconds; 0 when it does not tell */
    json_t *rows[2];
} inventory_t;

/* Asks the management port at base ("http://host:port"). Blocking. */
apr_status_t inventory_read(inventory_t *inventory, const char *base, qmq_error_t **error);
void inventory_free(inventory_t *inventory);

/* Host names are the same whatever their case. */
bool host_is_same(const char *a, const char *b);
/* First match or NULL. Host names are compared without regard to case. */
const registered_broker_t *inventory_find(const inventory_t *inventory, const char *host, int port);
const registered_broker_t *inventory_find_role(const inventory_t *inventory, const char *group, int role);
const registered_group_t *inventory_find_group(const inventory_t *inventory, const char *group);

#endif
