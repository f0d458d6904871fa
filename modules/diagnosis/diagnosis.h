/* Which of the known mistakes keeps a server from its place (design decision 10): every finding names the value used, the value registered,
 * and the command or file that mends it. Servers ask when the metaserver refuses them, `tools Doctor` from outside. */
#ifndef QMQ_DIAGNOSIS_DIAGNOSIS_H
#define QMQ_DIAGNOSIS_DIAGNOSIS_H

#include "diagnosis/inventory.h"

enum mistake {
    MISTAKE_NONE = 0,
    MISTAKE_NOT_REGISTERED, /* AddBroker was never run */
    MISTAKE_HOST_NAME,
    MISTAKE_PORT,
    MISTAKE_GROUP,   /* its name is used by another pair, or by servers of the other kind */
    MISTAKE_ADDRESS, /* an address that peers cannot reach */
    MISTAKE_ENDPOINT,
    MISTAKE_UNFIT, /* clock, version or role cannot work */
    MISTAKE_COUNT
};
const char *mistake_name(enum mistake mistake);

/* What a server says of itself. Texts are the caller's; origins tell where a value comes from. */
typedef struct place {
    const char *server; /* "broker": conf/broker.properties, bin/broker.sh */
    bool delay;         /* it serves delayed messages: its roles are the delay ones */
    const char *host_name;
    const char *host_name_origin;
    const char *address; /* ip that it tells */
    int port;
    const char *port_origin;
    int sync_port;
    const char *sync_port_origin;
} place_t;

/* Why the metaserver has no answer for the place. inventory NULL: it cannot be read. metaserver: how the refusing one is called. */
qmq_error_t *diagnose_unregistered(const place_t *p, const inventory_t *inventory, const char *metaserver, enum mistake *mistake);
/* Why a server cannot take the role it is registered with: the message of MISTAKE_UNFIT. metaserver: host:port for the tools. */
qmq_error_t *diagnose_role(const place_t *p, const char *metaserver, const char *group, int role);

/* Findings about what is registered; error belongs to the callee. */
typedef void (*finding_fn)(void *arg, enum mistake mistake, qmq_error_t *error);
/* A row against the others and against broker_group. */
void diagnose_row(const inventory_t *inventory, const registered_broker_t *row, finding_fn found, void *arg);
/* A row against the server that has it. */
void diagnose_place(const place_t *p, const inventory_t *inventory, const registered_broker_t *row, finding_fn found, void *arg);
/* The metaserver's clock against this machine's. */
void diagnose_clock(const inventory_t *inventory, finding_fn found, void *arg);

/* Commands that mend, malloc'ed; group and token stand for what the operator must choose when they are not known. */
char *command_add(const place_t *p, const char *metaserver, const char *group, int role);
char *command_replace(const char *metaserver, const char *group, int role, const char *host, const char *ip, int port, int sync_port);

#endif
