/* Doctor: the known mistakes, looked for from outside (design decision 10). What a server of this machine is configured as, what the
 * metaserver knows, and whether the two and the rest of the inventory agree. */
#include "base/memory.h"
#include "base/properties.h"
#include "base/status.h"
#include "diagnosis/diagnosis.h"
#include "diagnosis/endpoint.h"
#include "net/requester.h"
#include "portability/host.h"
#include "protocol/broker_acquire_meta.h"
#include "protocol/codes.h"
#include "tools/tools.h"

#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT_US ((int64_t)2 * 1000000)
#define MAX_TOLD 1000

/* Ports that a server has when its file does not say. */
#define DEFAULT_PORT 20881
#define DEFAULT_SYNC_PORT 20882
#define DEFAULT_DELAY_PORT 20801
#define DEFAULT_DELAY_SYNC_PORT 20802

typedef struct doctor {
    tool_output_t *to;
    const tool_command_t *command;
    const tool_values_t *values;
    properties_t *conf; /* of --home; NULL */
    char *conf_name;
    const char *server;
    place_t place;
    bool has_place; /* a server of this machine is looked at, not the inventory alone */
    char host[256];
    char ip[64];
    char origins[2][320];
    char endpoint_origin[320];
    char *endpoint;
    char *meta; /* host:port of the metaserver's TCP port */
    inventory_t inventory;
    size_t count; /* of mistakes */
    char *told[MAX_TOLD];
} doctor_t;

static const char *value_of(const doctor_t *d, const char *name) {
    return tool_values_of(d->values, d->command, name);
}

/* Each finding once, though both rows of a pair have it. */
static void found(void *arg, enum mistake mistake, qmq_error_t *error) {
    doctor_t *d = arg;
    char *line = error_line(error);
    const char *remedy = qmq_error_remedy(error) == NULL ? line : qmq_error_remedy(error);
    bool again = false;
    for (size_t i = 0; i < d->count && i < MAX_TOLD; i++) again = again || strcmp(d->told[i], remedy) == 0;
    if (!again) {
        (void)fprintf(d->to->out, "mistake %d (%s): %s\n", (int)mistake, mistake_name(mistake), line);
        if (d->count < MAX_TOLD) d->told[d->count] = memory_strdup(remedy);
        d->count++;
    }
    memory_free(line);
    qmq_error_free(error);
}

/* What is configured. */

static bool read_conf(doctor_t *d) {
    const char *home = value_of(d, "home");
    if (home == NULL) return true;
    d->conf_name = memory_printf("%s/conf/%s.properties", home, d->server);
    qmq_error_t *error = NULL;
    d->conf = properties_read(d->conf_name, &error);
    if (d->conf != NULL) return true;
    char *line = error_line(error);
    (void)fprintf(d->to->err, "%s\n", line);
    memory_free(line);
    qmq_error_free(error);
    return false;
}

/* A value of the options or the file, with where it stands; NULL: neither has it. */
static const char *setting(const doctor_t *d, const char *option, const char *key, char *origin, size_t size) {
    const char *value = value_of(d, option);
    if (value != NULL) {
        (void)snprintf(origin, size, "--%s", option);
        return value;
    }
    value = d->conf == NULL ? NULL : properties_get(d->conf, key);
    if (value != NULL)
        (void)snprintf(origin, size, "%s:%d", d->conf_name, properties_line(d->conf, key));
    else
        (void)snprintf(origin, size, "default");
    return value;
}

static int port_setting(const doctor_t *d, const char *option, const char *key, int fallback, int which) {
    const char *text = setting(d, option, key, (char *)(uintptr_t)d->origins[which], sizeof d->origins[which]);
    return text == NULL ? fallback : atoi(text);
}

static void read_place(doctor_t *d) {
    const char *host = value_of(d, "hostname"), *ip = value_of(d, "ip");
    const char *origin = "--hostname";
    char unused[320];
    if (host == NULL) {
        host = process_environment("QMQ_HOST");
        origin = "QMQ_HOST";
    }
    if (host != NULL) {
        (void)snprintf(d->host, sizeof d->host, "%s", host);
    } else {
        origin = "the command hostname";
        if (host_name(d->host, sizeof d->host) != APR_SUCCESS) (void)snprintf(d->host, sizeof d->host, "localhost");
    }
    if (ip == NULL) ip = setting(d, "ip", "broker.ip", unused, sizeof unused);
    if (ip == NULL) ip = process_environment("QMQ_IP");
    if (ip != NULL)
        (void)snprintf(d->ip, sizeof d->ip, "%s", ip);
    else if (host_address(d->ip, sizeof d->ip) != APR_SUCCESS)
        (void)snprintf(d->ip, sizeof d->ip, "127.0.0.1");
    bool delay = strcmp(d->server, "delay") == 0;
    d->has_place = d->conf != NULL || value_of(d, "hostname") != NULL || value_of(d, "servePort") != NULL;
    d->place = (place_t){.server = d->server,
                         .delay = delay,
                         .host_name = d->host,
                         .host_name_origin = origin,
                         .address = d->ip,
                         .port = port_setting(d, "servePort", "broker.port", delay ? DEFAULT_DELAY_PORT : DEFAULT_PORT, 0),
                         .port_origin = d->origins[0],
                         .sync_port = port_setting(d, "syncPort", "sync.port", delay ? DEFAULT_DELAY_SYNC_PORT : DEFAULT_SYNC_PORT, 1),
                         .sync_port_origin = d->origins[1]};
}

static bool read_endpoint(doctor_t *d) {
    const char *endpoint = setting(d, "endpoint", "meta.server.endpoint", d->endpoint_origin, sizeof d->endpoint_origin);
    const char *metaserver = value_of(d, "metaserver");
    if (endpoint != NULL) {
        d->endpoint = memory_strdup(endpoint);
    } else if (metaserver != NULL) {
        d->endpoint = memory_printf("http://%s/meta/address", metaserver);
        (void)snprintf(d->endpoint_origin, sizeof d->endpoint_origin, "--metaserver");
    } else if (d->conf != NULL) {
        qmq_error_t *e = error_create(QMQ_E_INVALID, NULL, "meta.server.endpoint has no value in %s", d->conf_name);
        error_set_remedy(e, "Set meta.server.endpoint=http://<metaserver>:8080/meta/address there");
        found(d, MISTAKE_ENDPOINT, e);
    } else {
        (void)fprintf(d->to->err,
                      "Missing required option '--metaserver=<metaserver>', or --home, or --endpoint, of Doctor, see tools Doctor "
                      "--help\n");
    }
    return d->endpoint != NULL;
}

/* What the metaserver says. */

static void call_metaserver(doctor_t *d, int16_t *code, apr_status_t *status) {
    request_options_t o = {.code = REQUEST_BROKER_ACQUIRE_META, .version = VERSION_8, .request_code = -1, .timeout_us = CALL_TIMEOUT_US};
    broker_acquire_meta_request_t request = {view_of(d->host), d->place.port};
    writer_t w;
    writer_init(&w, 64);
    broker_acquire_meta_request_write(&w, &request);
    uint8_t *answer = NULL;
    size_t size = 0;
    *status = requester_call(d->meta, &o, w.data, w.used, code, &answer, &size);
    if (*status == APR_SUCCESS) memory_free(answer);
    writer_free(&w);
}

/* Asks as the server itself does at its start. */
static void check_place(doctor_t *d) {
    int16_t code = 0;
    apr_status_t status;
    call_metaserver(d, &code, &status);
    if (status != APR_SUCCESS) {
        char text[128];
        found(d, MISTAKE_ENDPOINT,
              error_create(status,
                           "Let the metaserver tell an address that can be reached: --ip or QMQ_IP of the metaserver, and open "
                           "meta.server.port in firewalls",
                           "%s, which %s tells for the metaserver's TCP port, cannot be reached from here: %s", d->meta, d->endpoint,
                           status_text(status, text, sizeof text)));
        return;
    }
    const registered_broker_t *row = inventory_find(&d->inventory, d->host, d->place.port);
    if (code != RESPONSE_SUCCESS || row == NULL) {
        enum mistake mistake;
        qmq_error_t *e = diagnose_unregistered(&d->place, &d->inventory, d->inventory.metaserver, &mistake);
        found(d, mistake, e);
        return;
    }
    (void)fprintf(d->to->out, "%s: host name %s, port %d is registered as %s of group %s\n", d->server, row->host, row->port,
                  broker_role_name(row->role), row->group);
    diagnose_place(&d->place, &d->inventory, row, found, d);
}

/* A group that is on line, and whose master cannot be reached from here. */
static void check_reachable(doctor_t *d, const registered_broker_t *row) {
    const registered_group_t *group = inventory_find_group(&d->inventory, row->group);
    bool master = row->role == ROLE_MASTER || row->role == ROLE_DELAY_MASTER;
    if (!master) return;
    if (group == NULL || strcmp(group->state, "NRW") == 0) {
        (void)fprintf(d->to->out, "note: group %s is off line, its master host name %s, port %d %s\n", row->group, row->host, row->port,
                      group == NULL ? "has never started" : "does not run or cannot reach the metaserver");
        return;
    }
    request_options_t o = {.code = REQUEST_HEARTBEAT, .version = VERSION_8, .request_code = -1, .timeout_us = CALL_TIMEOUT_US};
    int16_t code = 0;
    uint8_t *answer = NULL;
    size_t size = 0;
    apr_status_t status = requester_call(group->master, &o, "", 0, &code, &answer, &size);
    if (status == APR_SUCCESS) memory_free(answer);
    if (status != QMQ_E_UNREACHABLE) return; /* it is there, whatever it says */
    qmq_error_t *e = error_create(status, NULL,
                                  "group %s is on line, but its address %s, which clients are told, cannot be connected to from "
                                  "this machine",
                                  row->group, group->master);
    error_set_remedy(e, "Start that broker with --ip (QMQ_IP, broker.ip) of an address that clients reach, and open port %d in firewalls",
                     row->port);
    found(d, MISTAKE_ADDRESS, e);
}

static void check_inventory(doctor_t *d) {
    const inventory_t *i = &d->inventory;
    (void)fprintf(d->to->out, "metaserver %s: TCP port %s, %zu brokers registered, %zu broker groups\n", i->metaserver, d->meta,
                  i->broker_count, i->group_count);
    if (d->has_place) check_place(d);
    if (i->broker_count == 0 && !d->has_place) {
        char *add = command_add(&d->place, i->metaserver, "group1", ROLE_MASTER);
        qmq_error_t *e =
            error_create(QMQ_E_NOT_FOUND, NULL, "no broker is registered at the metaserver %s, AddBroker was not run", i->metaserver);
        error_set_remedy(e, "For a broker of this machine: %s", add);
        memory_free(add);
        found(d, MISTAKE_NOT_REGISTERED, e);
    }
    for (size_t k = 0; k < i->broker_count; k++) {
        diagnose_row(i, &i->brokers[k], found, d);
        check_reachable(d, &i->brokers[k]);
    }
    diagnose_clock(i, found, d);
}

static int examine(doctor_t *d) {
    qmq_error_t *error = NULL;
    apr_status_t status = endpoint_ask(d->endpoint, d->endpoint_origin, d->server, &d->meta, &error);
    if (status == APR_SUCCESS) {
        char *base = endpoint_base(d->endpoint);
        status = inventory_read(&d->inventory, base, &error);
        memory_free(base);
    }
    if (status != APR_SUCCESS) {
        found(d, MISTAKE_ENDPOINT, error);
        return status == QMQ_E_UNREACHABLE ? TOOLS_UNREACHABLE : TOOLS_REFUSED;
    }
    check_inventory(d);
    return d->count == 0 ? TOOLS_DONE : TOOLS_REFUSED;
}

static int run_doctor(doctor_t *d) {
    if (!tool_check_values(value_of(d, "metaserver") == NULL ? "unused" : value_of(d, "metaserver"), NULL, d->to->err)) return TOOLS_USAGE;
    if (!read_conf(d)) return TOOLS_USAGE;
    read_place(d);
    if (!read_endpoint(d)) return d->count > 0 ? TOOLS_REFUSED : TOOLS_USAGE;
    int code = examine(d);
    if (d->count == 0)
        (void)fprintf(d->to->out, "no mistake found\n");
    else
        (void)fprintf(d->to->out, "%zu mistake%s found\n", d->count, d->count == 1 ? "" : "s");
    return code;
}

int tool_doctor(const tool_command_t *command, const tool_values_t *v, tool_output_t *to) {
    doctor_t *d = memory_zalloc(sizeof *d);
    d->to = to;
    d->command = command;
    d->values = v;
    d->server = value_of(d, "server") == NULL ? "broker" : value_of(d, "server");
    int code = run_doctor(d);
    for (size_t i = 0; i < d->count && i < MAX_TOLD; i++) memory_free(d->told[i]);
    inventory_free(&d->inventory);
    properties_free(d->conf);
    memory_free(d->conf_name);
    memory_free(d->endpoint);
    memory_free(d->meta);
    memory_free(d);
    return code;
}
