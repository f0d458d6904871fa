/* What is registered, but cannot work. */
#include "diagnosis/diagnosis.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/host.h"
#include "protocol/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_TOLERANCE_MS 60000

static bool is_delay_role(int role) {
    return role == ROLE_DELAY || role >= ROLE_DELAY_MASTER;
}

static bool is_master(int role) {
    return role == ROLE_MASTER || role == ROLE_DELAY_MASTER;
}

static bool is_loopback(const char *ip) {
    return strncmp(ip, "127.", 4) == 0 || strncmp(ip, "localhost", 9) == 0;
}

/* A broker on another machine that cannot reach a loopback address of this one; NULL: none is known. */
static const registered_broker_t *find_remote(const inventory_t *i) {
    for (size_t k = 0; k < i->broker_count; k++) {
        if (!is_loopback(i->brokers[k].ip)) return &i->brokers[k];
    }
    return NULL;
}

/* Who is on another machine, as words; empty: nobody is known. */
static void describe_remote(const inventory_t *i, char *to, size_t size) {
    const registered_broker_t *remote = find_remote(i);
    *to = 0;
    if (remote != NULL)
        (void)snprintf(to, size, "host %s at %s (group %s)", remote->host, remote->ip, remote->group);
    else if (!is_loopback(i->metaserver))
        (void)snprintf(to, size, "the metaserver at %s", i->metaserver);
}

/* Where peers reach the machine of a row, as far as this one can tell. */
static void reachable_address(const registered_broker_t *row, char *to, size_t size) {
    char own[256];
    bool is_here = host_name(own, sizeof own) == APR_SUCCESS && host_is_same(own, row->host);
    apr_status_t rv = is_here ? host_address(to, size) : host_resolve(row->host, to, size);
    if (rv != APR_SUCCESS || is_loopback(to)) (void)snprintf(to, size, "<address peers reach>");
}

static void check_address(const inventory_t *i, const registered_broker_t *row, finding_fn found, void *arg) {
    char remote[256];
    describe_remote(i, remote, sizeof remote);
    if (!is_loopback(row->ip) || *remote == 0) return;
    qmq_error_t *e = error_create(QMQ_E_REFUSED, NULL,
                                  "ip %s is registered for host name %s, port %d (group %s, %s), which peers on other "
                                  "machines cannot reach: %s",
                                  row->ip, row->host, row->port, row->group, broker_role_name(row->role), remote);
    char address[64];
    reachable_address(row, address, sizeof address);
    char *replace = command_replace(i->metaserver, row->group, row->role, row->host, address, row->port, row->sync_port);
    error_set_remedy(e, "Register the address of that machine: %s", replace);
    memory_free(replace);
    found(arg, MISTAKE_ADDRESS, e);
}

static void check_kinds(const inventory_t *i, const registered_broker_t *row, finding_fn found, void *arg) {
    for (size_t k = 0; k < i->broker_count; k++) {
        const registered_broker_t *other = &i->brokers[k];
        if (strcmp(other->group, row->group) != 0 || other->role < 0 || is_delay_role(other->role) == is_delay_role(row->role)) continue;
        qmq_error_t *e = error_create(QMQ_E_REFUSED, NULL,
                                      "group %s is shared by a real-time broker and a delay server: host name %s, port %d "
                                      "is %s and host name %s, port %d is %s of it",
                                      row->group, row->host, row->port, broker_role_name(row->role), other->host, other->port,
                                      broker_role_name(other->role));
        error_set_remedy(e,
                         "Give one of them a group of its own: move its row away with bin/tools.sh ReplaceBroker --metaserver=%s "
                         "--token=<token> --brokerGroup=%s --role=%d --hostname=unused --ip=127.0.0.1 --servePort=1 --syncPort=2, then "
                         "bin/tools.sh AddBroker with another --brokerGroup",
                         i->metaserver, row->group, is_delay_role(row->role) ? row->role : other->role);
        found(arg, MISTAKE_GROUP, e);
        return;
    }
}

static void check_group(const inventory_t *i, const registered_broker_t *row, finding_fn found, void *arg) {
    const registered_group_t *group = inventory_find_group(i, row->group);
    if (group == NULL || row->role < 0) return;
    if (group->delay != is_delay_role(row->role)) {
        qmq_error_t *e =
            error_create(QMQ_E_REFUSED, NULL,
                         "group %s was first used by a %s and stays of that kind (broker_group.kind), but host "
                         "name %s, port %d is %s of it: clients are never sent there",
                         row->group, group->delay ? "delay server" : "real-time broker", row->host, row->port, broker_role_name(row->role));
        error_set_remedy(e,
                         "Use another group name: bin/tools.sh AddBroker with another --brokerGroup, or correct broker_group.kind in the "
                         "database when no %s uses the group any more",
                         group->delay ? "delay server" : "real-time broker");
        found(arg, MISTAKE_GROUP, e);
    }
    char registered[64];
    (void)snprintf(registered, sizeof registered, "%.40s:%d", row->ip, row->port);
    if (!is_master(row->role) || strcmp(group->state, "NRW") == 0 || strcmp(group->master, registered) == 0) return;
    const char *colon = strrchr(group->master, ':');
    bool same_port = colon != NULL && atoi(colon + 1) == row->port;
    qmq_error_t *e =
        error_create(QMQ_E_REFUSED, NULL,
                     same_port ? "the %s of group %s is on line and tells clients %s, but %s is registered for it (host name %s)"
                               : "the %s of group %s that is on line tells clients %s, but registered is %s (host name %s): the group's "
                                 "name is used by another broker too",
                     broker_role_name(row->role), row->group, group->master, registered, row->host);
    error_set_remedy(e, same_port
                            ? "Start it with --ip (QMQ_IP, broker.ip) of the registered address, or register the other one with "
                              "bin/tools.sh ReplaceBroker, so that slaves and clients use the same"
                            : "Give each pair of master and slave a group name of its own (broker.group in conf/broker.properties, or "
                              "--brokerGroup of AddBroker)");
    found(arg, same_port ? MISTAKE_ADDRESS : MISTAKE_GROUP, e);
}

void diagnose_row(const inventory_t *inventory, const registered_broker_t *row, finding_fn found, void *arg) {
    check_kinds(inventory, row, found, arg);
    check_group(inventory, row, found, arg);
    check_address(inventory, row, found, arg);
    if (row->role >= 0 && row->role != ROLE_STANDBY && row->role != ROLE_DELAY) return;
    qmq_error_t *e = error_create(QMQ_E_REFUSED, "Correct or delete the row in table broker of the metaserver's database",
                                  "host name %s, port %d is registered in group %s with a role that no server can take", row->host,
                                  row->port, row->group);
    found(arg, MISTAKE_UNFIT, e);
}

static void check_sync_port(const place_t *p, const inventory_t *i, const registered_broker_t *row, finding_fn found, void *arg) {
    if (row->sync_port == p->sync_port || row->role == ROLE_BACKUP || row->role == ROLE_DELAY_BACKUP) return;
    qmq_error_t *e =
        error_create(QMQ_E_REFUSED, NULL,
                     "the sync port differs: sync.port is %d (%s), registered is %d for host name %s, port %d "
                     "(group %s, %s); slaves connect to the registered one",
                     p->sync_port, p->sync_port_origin, row->sync_port, row->host, row->port, row->group, broker_role_name(row->role));
    char *replace = command_replace(i->metaserver, row->group, row->role, row->host, row->ip, row->port, p->sync_port);
    error_set_remedy(e, "Set sync.port=%d in conf/%s.properties, or register the port it has: %s", row->sync_port, p->server, replace);
    memory_free(replace);
    found(arg, MISTAKE_PORT, e);
}

static void check_told_address(const place_t *p, const inventory_t *i, const registered_broker_t *row, finding_fn found, void *arg) {
    char remote[256];
    describe_remote(i, remote, sizeof remote);
    if (strcmp(p->address, row->ip) == 0 || !is_loopback(p->address) || *remote == 0) return;
    qmq_error_t *e = error_create(QMQ_E_REFUSED, NULL,
                                  "this %s tells clients the ip %s, which peers on other machines cannot reach: %s; "
                                  "registered is %s",
                                  p->server, p->address, remote, row->ip);
    error_set_remedy(e, "Start it with --ip %s (QMQ_IP in bin/%s-env.sh), and listen.address=0.0.0.0 in conf/%s.properties", row->ip,
                     p->server, p->server);
    found(arg, MISTAKE_ADDRESS, e);
}

void diagnose_place(const place_t *p, const inventory_t *inventory, const registered_broker_t *row, finding_fn found, void *arg) {
    if (is_delay_role(row->role) != p->delay) found(arg, MISTAKE_UNFIT, diagnose_role(p, inventory->metaserver, row->group, row->role));
    check_sync_port(p, inventory, row, found, arg);
    check_told_address(p, inventory, row, found, arg);
}

void diagnose_clock(const inventory_t *inventory, finding_fn found, void *arg) {
    int64_t ahead = inventory->ahead_ms;
    if (ahead > -CLOCK_TOLERANCE_MS && ahead < CLOCK_TOLERANCE_MS) return;
    qmq_error_t *e = error_create(
        QMQ_E_REFUSED, "Set the clock of the machine that is wrong: date -u on both tells which; timedatectl set-ntp true keeps it",
        "the clock of this machine is %lld s %s that of the metaserver %s; messages would be early or late by as much",
        (long long)(ahead < 0 ? -ahead : ahead) / 1000, ahead < 0 ? "ahead of" : "behind", inventory->metaserver);
    found(arg, MISTAKE_UNFIT, e);
}
