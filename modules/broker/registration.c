#include "broker/registration.h"

#include "base/memory.h"
#include "base/status.h"
#include "diagnosis/diagnosis.h"
#include "diagnosis/endpoint.h"
#include "http/client.h"
#include "net/requester.h"
#include "protocol/broker_acquire_meta.h"
#include "protocol/broker_register.h"
#include "protocol/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_TIMEOUT_US (2 * 1000000LL)
#define HEARTBEAT_PERIOD_US (10 * 1000000LL)
#define ONLINE_RETRY_US (1 * 1000000LL)
#define OFFLINE_REQUESTS 3

struct registration {
    registration_options_t options;
    const log_t *log;
    mutex_t order; /* one request at a time, so that a state never arrives after a newer one */
    mutex_t lock;  /* meta, state, wanted */
    char *meta;    /* host:port of the metaserver's TCP port */
    char *group;
    char address[64]; /* ip:port told to clients */
    int state;        /* enum broker_state */
    bool going_online;
    void (*online)(void *arg);
    void *online_arg;
    periodic_t *heartbeat;
    periodic_t *online_try;
    log_limit_t failed_limit;
};

static char *copy_or_null(const char *s) {
    return s == NULL ? NULL : memory_strdup(s);
}

#define SERVER "broker"

/* Asks the endpoint for the TCP address (broker.md 2.2). *address is malloc'ed. */
static apr_status_t discover(const registration_t *r, char **address, qmq_error_t **error) {
    if (r->options.direct == NULL) return endpoint_ask(r->options.endpoint, r->options.endpoint_origin, SERVER, address, error);
    *address = memory_strdup(r->options.direct);
    return APR_SUCCESS;
}

/* Base URL of the management port; NULL when it is not known. */
static char *management_base(const registration_t *r) {
    const registration_options_t *o = &r->options;
    if (o->management != NULL) return endpoint_base(o->management);
    return o->endpoint == NULL ? NULL : endpoint_base(o->endpoint);
}

/* Diagnosis (design decision 10). */

static place_t own_place(const registration_t *r) {
    const registration_options_t *o = &r->options;
    return (place_t){.server = SERVER,
                     .host_name = o->host_name,
                     .host_name_origin = o->host_name_origin,
                     .address = o->address,
                     .port = o->port,
                     .port_origin = o->port_origin,
                     .sync_port = o->sync_port,
                     .sync_port_origin = o->sync_port_origin};
}

/* False when the metaserver's tables cannot be read from here. */
static bool read_inventory(const registration_t *r, inventory_t *inventory) {
    char *base = management_base(r);
    qmq_error_t *error = NULL;
    bool read = base != NULL && inventory_read(inventory, base, &error) == APR_SUCCESS;
    qmq_error_free(error);
    memory_free(base);
    return read;
}

static qmq_error_t *acquire_refused(const registration_t *r) {
    place_t place = own_place(r);
    inventory_t inventory;
    bool known = read_inventory(r, &inventory);
    enum mistake mistake;
    qmq_error_t *e = diagnose_unregistered(&place, known ? &inventory : NULL, r->meta, &mistake);
    if (known) inventory_free(&inventory);
    return e;
}

static qmq_error_t *role_refused(const registration_t *r, const broker_acquire_meta_response_t *m) {
    place_t place = own_place(r);
    char *base = management_base(r);
    char *metaserver = base == NULL ? memory_strdup("<host>:8080") : endpoint_authority(base);
    char *group = memory_strndup(m->group_name.data, m->group_name.size);
    qmq_error_t *e = diagnose_role(&place, metaserver, group, (int)m->role);
    memory_free(group);
    memory_free(metaserver);
    memory_free(base);
    return e;
}

/* The metaserver's TCP port answered something that is no answer to BROKER_ACQUIRE_META. */
static qmq_error_t *answer_unknown(const registration_t *r, int code, size_t size) {
    return error_create(QMQ_E_REFUSED,
                        "See that /meta/address tells the port of a metaserver, of this version or of the original's 1.1, and that nothing "
                        "between changes what is sent",
                        "%s answers BROKER_ACQUIRE_META with code %d and %zu bytes, which is no answer of a metaserver that this version "
                        "works with",
                        r->meta, code, size);
}

static void log_finding(void *arg, enum mistake mistake, qmq_error_t *error) {
    const registration_t *r = arg;
    char *line = error_line(error);
    log_warn(r->log, "%s: %s", mistake_name(mistake), line);
    memory_free(line);
    qmq_error_free(error);
}

/* Once on line: what is registered and will not work. */
static void tell_findings(registration_t *r) {
    inventory_t inventory;
    if (r->options.endpoint == NULL || !read_inventory(r, &inventory)) return;
    place_t place = own_place(r);
    const registered_broker_t *row = inventory_find(&inventory, place.host_name, place.port);
    if (row != NULL) {
        diagnose_row(&inventory, row, log_finding, r);
        diagnose_place(&place, &inventory, row, log_finding, r);
    }
    diagnose_clock(&inventory, log_finding, r);
    inventory_free(&inventory);
}

/* Self-registration (design decision 9). */

static apr_status_t self_register(const registration_t *r, qmq_error_t **error) {
    const registration_options_t *o = &r->options;
    char port[16], sync_port[16];
    (void)snprintf(port, sizeof port, "%d", o->port);
    (void)snprintf(sync_port, sizeof sync_port, "%d", o->sync_port);
    char *token = memory_alloc(strlen(o->token) + 16);
    (void)snprintf(token, strlen(o->token) + 16, "X-Api-Token: %s", o->token);
    const char *headers[] = {token, NULL};
    const char *form[] = {"action", "RegisterBroker", "brokerGroup", o->group, "role",     o->role,   "hostname", o->host_name,
                          "ip",     o->address,       "servePort",   port,     "syncPort", sync_port, NULL};
    char *base = management_base(r);
    char *url = memory_printf("%s/management", base == NULL ? "" : base);
    memory_free(base);
    http_call_t call = {.url = url, .method = "POST", .headers = headers, .form = form, .connect_timeout_ms = 1000, .timeout_ms = 5000};
    http_answer_t answer;
    apr_status_t rv = http_fetch(&call, &answer, error);
    if (rv == APR_SUCCESS) {
        if (answer.status != 200 || strstr(answer.body, "\"status\":0") == NULL) {
            *error = error_create(QMQ_E_REFUSED,
                                  "Check broker.token, broker.group and broker.role in conf/broker.properties, and the metaserver's "
                                  "conf/valid-api-tokens.properties",
                                  "the metaserver at %s does not register this broker as group %s, role %s, host %s, port %s: %.200s", url,
                                  o->group, o->role, o->host_name, port, answer.body);
            rv = QMQ_E_REFUSED;
        }
        http_answer_free(&answer);
    }
    memory_free(token);
    memory_free(url);
    return rv;
}

/* Requests to the metaserver. */

static apr_status_t call_meta(registration_t *r, const char *meta, int16_t code, const writer_t *body, int16_t *answer_code,
                              uint8_t **answer, size_t *size) {
    (void)r;
    request_options_t o = {.code = code, .version = VERSION_8, .request_code = -1, .timeout_us = REQUEST_TIMEOUT_US, .separate = false};
    return requester_call(meta, &o, body->data, body->used, answer_code, answer, size);
}

static apr_status_t acquire(registration_t *r, qmq_error_t **error) {
    writer_t w;
    writer_init(&w, 64);
    broker_acquire_meta_request_t request = {view_of(r->options.host_name), r->options.port};
    broker_acquire_meta_request_write(&w, &request);
    int16_t code = 0;
    uint8_t *answer = NULL;
    size_t size = 0;
    apr_status_t rv = call_meta(r, r->meta, REQUEST_BROKER_ACQUIRE_META, &w, &code, &answer, &size);
    writer_free(&w);
    if (rv != APR_SUCCESS) {
        char text[128];
        *error = error_create(QMQ_E_UNREACHABLE, "See that the metaserver runs and that its meta.server.port can be reached from here",
                              "the metaserver's TCP port %s does not answer: %s", r->meta, status_text(rv, text, sizeof text));
        return QMQ_E_UNREACHABLE;
    }
    broker_acquire_meta_response_t m;
    rv = QMQ_E_REFUSED;
    if (code == RESPONSE_BROKER_ERROR) {
        *error = acquire_refused(r);
    } else if (code != RESPONSE_SUCCESS || !broker_acquire_meta_response_read(view_make(answer, size), &m) || m.group_name.size == 0) {
        *error = answer_unknown(r, code, size);
    } else if (m.role != ROLE_MASTER) {
        *error = role_refused(r, &m);
    } else {
        rv = APR_SUCCESS;
        r->group = memory_strndup(m.group_name.data, m.group_name.size);
        log_info(r->log, "this broker is %s of group %s (metaserver %s)", broker_role_name((int)m.role), r->group, r->meta);
    }
    memory_free(answer);
    return rv;
}

/* One register request; on a failure the metaserver is looked for anew. With `order` held. */
static apr_status_t say_in_turn(registration_t *r, int type) {
    mutex_lock(&r->lock);
    char *meta = memory_strdup(r->meta);
    int state = r->state;
    mutex_unlock(&r->lock);
    writer_t w;
    writer_init(&w, 128);
    broker_register_request_t request = {type, view_of(r->group), view_of(r->address), ROLE_MASTER, state};
    broker_register_request_write(&w, &request);
    int16_t code = 0;
    uint8_t *answer = NULL;
    size_t size = 0;
    apr_status_t rv = call_meta(r, meta, REQUEST_BROKER_REGISTER, &w, &code, &answer, &size);
    writer_free(&w);
    memory_free(answer);
    if (rv == APR_SUCCESS && code != RESPONSE_SUCCESS) rv = QMQ_E_REFUSED;
    if (rv != APR_SUCCESS) {
        int64_t suppressed;
        char text[128];
        if (log_permit(&r->failed_limit, 60 * 1000000LL, &suppressed))
            log_error(r->log, "the metaserver %s did not take a %s request of group %s: %s", meta,
                      type == REGISTER_HEARTBEAT ? "heartbeat"
                      : type == REGISTER_ONLINE  ? "online"
                                                 : "offline",
                      r->group, rv == QMQ_E_REFUSED ? "it answered an error" : status_text(rv, text, sizeof text));
        char *found = NULL;
        qmq_error_t *error = NULL;
        if (discover(r, &found, &error) == APR_SUCCESS) {
            mutex_lock(&r->lock);
            memory_free(r->meta);
            r->meta = found;
            mutex_unlock(&r->lock);
        }
        qmq_error_free(error);
    }
    memory_free(meta);
    return rv;
}

static apr_status_t say(registration_t *r, int type) {
    mutex_lock(&r->order);
    apr_status_t rv = say_in_turn(r, type);
    mutex_unlock(&r->order);
    return rv;
}

/* From one state, or from any (-1), to another; false when it is in a third one. */
static bool change_state(registration_t *r, int from, int to) {
    mutex_lock(&r->lock);
    int old = r->state;
    bool changes = from == -1 || old == from;
    if (changes) r->state = to;
    mutex_unlock(&r->lock);
    if (changes && old != to) log_info(r->log, "broker state %s -> %s", broker_state_name(old), broker_state_name(to));
    return changes;
}

static void set_state(registration_t *r, int state) {
    (void)change_state(r, -1, state);
}

static void beat(void *arg) {
    (void)say(arg, REGISTER_HEARTBEAT);
}

static void try_online(void *arg) {
    registration_t *r = arg;
    mutex_lock(&r->lock);
    bool wanted = r->going_online;
    mutex_unlock(&r->lock);
    if (!wanted) return;
    set_state(r, BROKER_RW);
    if (say(r, REGISTER_ONLINE) != APR_SUCCESS) {
        set_state(r, BROKER_NRW);
        return;
    }
    mutex_lock(&r->lock);
    r->going_online = false;
    mutex_unlock(&r->lock);
    r->online(r->online_arg);
    tell_findings(r);
}

void registration_free(registration_t *r) {
    if (r == NULL) return;
    registration_options_t *o = &r->options;
    const char *texts[] = {o->endpoint, o->endpoint_origin, o->direct,      o->management,       o->host_name, o->host_name_origin,
                           o->address,  o->group,           o->port_origin, o->sync_port_origin, o->role,      o->token};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) memory_free((void *)(uintptr_t)texts[i]);
    memory_free(r->meta);
    memory_free(r->group);
    mutex_destroy(&r->lock);
    mutex_destroy(&r->order);
    memory_free(r);
}

static registration_t *registration_create(const registration_options_t *o) {
    registration_t *r = memory_zalloc(sizeof *r);
    r->options = *o;
    r->options.endpoint = copy_or_null(o->endpoint);
    r->options.endpoint_origin = copy_or_null(o->endpoint_origin);
    r->options.port_origin = copy_or_null(o->port_origin);
    r->options.sync_port_origin = copy_or_null(o->sync_port_origin);
    r->options.direct = copy_or_null(o->direct);
    r->options.management = copy_or_null(o->management);
    r->options.host_name = copy_or_null(o->host_name);
    r->options.host_name_origin = copy_or_null(o->host_name_origin);
    r->options.address = copy_or_null(o->address);
    r->options.group = copy_or_null(o->group);
    r->options.role = copy_or_null(o->role);
    r->options.token = copy_or_null(o->token);
    r->log = o->log;
    r->state = BROKER_NRW;
    mutex_init(&r->lock);
    mutex_init(&r->order);
    (void)snprintf(r->address, sizeof r->address, "%s:%d", o->address, o->port);
    return r;
}

apr_status_t registration_start(registration_t **out, const registration_options_t *options, qmq_error_t **error) {
    *out = NULL;
    registration_t *r = registration_create(options);
    apr_status_t rv = r->options.group == NULL ? APR_SUCCESS : self_register(r, error);
    if (rv == APR_SUCCESS) rv = discover(r, &r->meta, error);
    if (rv == APR_SUCCESS) rv = acquire(r, error);
    if (rv == APR_SUCCESS) rv = periodic_start(&r->heartbeat, "heartbeat", HEARTBEAT_PERIOD_US, beat, r);
    if (rv != APR_SUCCESS) {
        if (*error == NULL) *error = error_create(rv, NULL, "cannot start the heartbeat thread");
        registration_free(r);
        return rv;
    }
    (void)say(r, REGISTER_HEARTBEAT);
    *out = r;
    return APR_SUCCESS;
}

const char *registration_group(const registration_t *r) {
    return r->group;
}

void registration_go_online(registration_t *r, void (*online)(void *arg), void *arg) {
    mutex_lock(&r->lock);
    r->online = online;
    r->online_arg = arg;
    r->going_online = true;
    mutex_unlock(&r->lock);
    if (periodic_start(&r->online_try, "online", ONLINE_RETRY_US, try_online, r) == APR_SUCCESS)
        periodic_trigger(r->online_try);
    else
        log_error(r->log, "cannot start the thread that brings the broker on line");
}

void registration_set_readonly(registration_t *r, bool readonly) {
    if (!change_state(r, readonly ? BROKER_RW : BROKER_R, readonly ? BROKER_R : BROKER_RW)) return;
    mutex_lock(&r->lock);
    if (r->heartbeat != NULL) periodic_trigger(r->heartbeat);
    mutex_unlock(&r->lock);
}

int registration_state(const registration_t *r) {
    registration_t *m = (registration_t *)(uintptr_t)r;
    mutex_lock(&m->lock);
    int state = m->state;
    mutex_unlock(&m->lock);
    return state;
}

void registration_stop(registration_t *r) {
    if (r == NULL) return;
    periodic_stop(r->online_try);
    mutex_lock(&r->lock);
    periodic_t *heartbeat = r->heartbeat;
    r->heartbeat = NULL;
    mutex_unlock(&r->lock);
    periodic_stop(heartbeat);
    set_state(r, BROKER_NRW);
    for (int i = 0; i < OFFLINE_REQUESTS && say(r, REGISTER_OFFLINE) == APR_SUCCESS; i++) {}
}
