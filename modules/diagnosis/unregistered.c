/* The metaserver has no row for (host name, port): the rows that were meant are looked for. */
#include "diagnosis/diagnosis.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/host.h"
#include "protocol/codes.h"

#include <stdio.h>
#include <string.h>

static int master_role(const place_t *p) {
    return p->delay ? ROLE_DELAY_MASTER : ROLE_MASTER;
}

/* "the metaserver M knows no broker with host name H (from O) and port P (O)" */
static qmq_error_t *refusal(const place_t *p, const char *metaserver, const char *but) {
    return error_create(QMQ_E_REFUSED, NULL, "the metaserver %s knows no broker with host name %s (from %s) and port %d (%s)%s", metaserver,
                        p->host_name, p->host_name_origin, p->port, p->port_origin, but);
}

static qmq_error_t *refusal_but(const place_t *p, const char *metaserver, const char *why, const registered_broker_t *row) {
    char *but = memory_printf("; %s: registered is host name %s, port %d, ip %s (group %s, %s)", why, row->host, row->port, row->ip,
                              row->group, broker_role_name(row->role));
    qmq_error_t *e = refusal(p, metaserver, but);
    memory_free(but);
    return e;
}

/* Whether another server is at this row's place right now. */
static bool is_on_line(const inventory_t *i, const registered_broker_t *row) {
    const registered_group_t *group = inventory_find_group(i, row->group);
    if (group == NULL || strcmp(group->state, "NRW") == 0) return false;
    const char *colon = strrchr(group->master, ':');
    char port[16];
    (void)snprintf(port, sizeof port, "%d", row->port);
    return colon != NULL && strcmp(colon + 1, port) == 0;
}

static const registered_broker_t *find_other_port(const place_t *p, const inventory_t *i) {
    for (size_t k = 0; k < i->broker_count; k++) {
        const registered_broker_t *row = &i->brokers[k];
        if (host_is_same(row->host, p->host_name) && !is_on_line(i, row)) return row;
    }
    return NULL;
}

/* Whether the name is one of this machine's: in /etc/hosts, or in the name service. */
static bool is_own_name(const place_t *p, const char *name) {
    char ip[64];
    return host_resolve(name, ip, sizeof ip) == APR_SUCCESS && strcmp(ip, p->address) == 0;
}

static const registered_broker_t *find_other_name(const place_t *p, const inventory_t *i) {
    for (size_t k = 0; k < i->broker_count; k++) {
        const registered_broker_t *row = &i->brokers[k];
        if (row->port == p->port && strcmp(row->ip, p->address) == 0) return row;
    }
    for (size_t k = 0; k < i->broker_count; k++) {
        const registered_broker_t *row = &i->brokers[k];
        if (row->port == p->port && is_own_name(p, row->host)) return row;
    }
    return NULL;
}

static qmq_error_t *tell_other_port(const place_t *p, const inventory_t *i, const char *metaserver, const registered_broker_t *row) {
    qmq_error_t *e = refusal_but(p, metaserver, "the port differs", row);
    char *replace = command_replace(i->metaserver, row->group, row->role, row->host, row->ip, p->port, p->sync_port);
    error_set_remedy(e, "Set broker.port=%d in conf/%s.properties, or register the port it has: %s", row->port, p->server, replace);
    memory_free(replace);
    return e;
}

static qmq_error_t *tell_other_name(const place_t *p, const inventory_t *i, const char *metaserver, const registered_broker_t *row) {
    qmq_error_t *e = refusal_but(p, metaserver, "the host name differs", row);
    char *replace = command_replace(i->metaserver, row->group, row->role, p->host_name, row->ip, row->port, row->sync_port);
    error_set_remedy(e,
                     "Start it under the registered name: bin/%s.sh start --host %s (or QMQ_HOST=%s in bin/%s-env.sh; the command hostname "
                     "and /etc/hosts tell what this machine calls itself), or register the name it has: %s",
                     p->server, row->host, row->host, p->server, replace);
    memory_free(replace);
    return e;
}

/* A name for a group that nobody has. */
static void free_group(const inventory_t *i, char *to, size_t size) {
    for (int n = 1;; n++) {
        (void)snprintf(to, size, "group%d", n);
        bool used = i != NULL && inventory_find_group(i, to) != NULL;
        for (size_t k = 0; i != NULL && k < i->broker_count && !used; k++) used = strcmp(i->brokers[k].group, to) == 0;
        if (!used) return;
    }
}

static qmq_error_t *tell_not_registered(const place_t *p, const inventory_t *i, const char *metaserver) {
    char but[96] = "";
    if (i != NULL)
        (void)snprintf(but, sizeof but, "; none of the %zu registered brokers is of this machine, AddBroker was not run", i->broker_count);
    qmq_error_t *e = refusal(p, metaserver, but);
    char group[32];
    free_group(i, group, sizeof group);
    char *add = command_add(p, i == NULL ? "<host>:8080" : i->metaserver, group, master_role(p));
    error_set_remedy(e, "Register it (the group's name is yours to choose, no other pair may have it): %s", add);
    memory_free(add);
    return e;
}

/* The row is there, and still the metaserver refused: a slave or backup that has nobody to copy from. */
static qmq_error_t *tell_alone(const place_t *p, const inventory_t *i, const char *metaserver, const registered_broker_t *row) {
    bool backup = row->role == ROLE_BACKUP || row->role == ROLE_DELAY_BACKUP;
    bool slave = row->role == ROLE_SLAVE || row->role == ROLE_DELAY_SLAVE;
    bool delay = row->role >= ROLE_DELAY_MASTER;
    int wanted = backup ? (delay ? ROLE_DELAY_SLAVE : ROLE_SLAVE) : (delay ? ROLE_DELAY_MASTER : ROLE_MASTER);
    if ((!slave && !backup) || inventory_find_role(i, row->group, wanted) != NULL)
        return error_create(QMQ_E_REFUSED, "Look at the metaserver's log and database",
                            "the metaserver %s refuses host name %s, port %d, which "
                            "is registered (group %s, %s)",
                            metaserver, p->host_name, p->port, row->group, broker_role_name(row->role));
    qmq_error_t *e = error_create(QMQ_E_REFUSED, NULL,
                                  "host name %s, port %d is registered as %s of group %s, but the group has no %s to "
                                  "copy from",
                                  p->host_name, p->port, broker_role_name(row->role), row->group, broker_role_name(wanted));
    error_set_remedy(e,
                     "Register it: bin/tools.sh AddBroker --metaserver=%s --token=<token> --brokerGroup=%s --role=%d --hostname=<its host "
                     "name> --ip=<its ip> --servePort=20881 --syncPort=20882",
                     i->metaserver, row->group, wanted);
    return e;
}

qmq_error_t *diagnose_unregistered(const place_t *p, const inventory_t *inventory, const char *metaserver, enum mistake *mistake) {
    const registered_broker_t *row = inventory == NULL ? NULL : inventory_find(inventory, p->host_name, p->port);
    if (row != NULL) {
        *mistake = MISTAKE_UNFIT;
        return tell_alone(p, inventory, metaserver, row);
    }
    if (inventory != NULL && (row = find_other_port(p, inventory)) != NULL) {
        *mistake = MISTAKE_PORT;
        return tell_other_port(p, inventory, metaserver, row);
    }
    if (inventory != NULL && (row = find_other_name(p, inventory)) != NULL) {
        *mistake = MISTAKE_HOST_NAME;
        return tell_other_name(p, inventory, metaserver, row);
    }
    *mistake = MISTAKE_NOT_REGISTERED;
    return tell_not_registered(p, inventory, metaserver);
}

qmq_error_t *diagnose_role(const place_t *p, const char *metaserver, const char *group, int role) {
    qmq_error_t *e = error_create(QMQ_E_REFUSED, NULL,
                                  "host name %s, port %d is registered in group %s with role %d (%s), which this %s cannot "
                                  "take",
                                  p->host_name, p->port, group, role, broker_role_name(role), p->server);
    char *add = command_add(p, metaserver, "<another group>", master_role(p));
    error_set_remedy(
        e,
        "Give role %d of group %s to the machine that has it: bin/tools.sh ReplaceBroker --metaserver=%s --token=<token> "
        "--brokerGroup=%s --role=%d --hostname=<its host name> --ip=<its ip> --servePort=<its port> --syncPort=<its port>; then "
        "register this one: %s",
        role, group, metaserver, group, role, add);
    memory_free(add);
    return e;
}
