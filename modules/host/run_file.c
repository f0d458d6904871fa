#include "host/host_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/control.h"
#include "portability/host.h"

#include <apr_time.h>
#include <stdio.h>
#include <stdlib.h>

const char *state_name(server_state_t state) {
    static const char *const names[] = {"starting", "recovering", "serving", "readonly", "stopping"};
    return names[state];
}

static bool is_up(server_state_t state) {
    return state == SERVER_SERVING || state == SERVER_READONLY;
}

/* The further from serving, the lower. */
static int rank(server_state_t state) {
    static const int ranks[] = {
        [SERVER_STOPPING] = 0, [SERVER_STARTING] = 1, [SERVER_RECOVERING] = 2, [SERVER_READONLY] = 3, [SERVER_SERVING] = 4};
    return ranks[state];
}

server_state_t host_state(const host_t *h, const char **detail) {
    *detail = "";
    if (h->stopping) return SERVER_STOPPING;
    const instance_t *worst = NULL;
    for (const instance_t *i = h->root; i != NULL; i = i->next) {
        bool composite = i == h->root && i->next != NULL;
        if (composite && !i->told) continue; /* its parts speak for it */
        if (worst == NULL || rank(i->state) < rank(worst->state)) worst = i;
    }
    if (worst == NULL) return SERVER_STARTING;
    if (worst->detail != NULL) *detail = worst->detail;
    return is_up(worst->state) && !h->served ? SERVER_STARTING : worst->state;
}

static json_t *ports(const host_t *h) {
    json_t *to = json_object();
    for (const instance_t *i = h->root; i != NULL; i = i->next) {
        for (size_t p = 0; p < i->port_count; p++) (void)json_object_set_new(to, i->ports[p].key, json_integer(i->ports[p].port));
    }
    return to;
}

static char *text_of(const host_t *h, server_state_t state) {
    apr_time_exp_t t;
    char started[80] = "";
    if (apr_time_exp_gmt(&t, h->started_ms * 1000) == APR_SUCCESS) {
        (void)snprintf(started, sizeof started, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                       t.tm_min, t.tm_sec, (int)(h->started_ms % 1000));
    }
    json_t *run = json_object();
    (void)json_object_set_new(run, "server", json_string(h->kind->name));
    (void)json_object_set_new(run, "version", json_string(QMQ_VERSION));
    (void)json_object_set_new(run, "pid", json_integer(process_id()));
    (void)json_object_set_new(run, "state", json_string(state_name(state)));
    (void)json_object_set_new(run, "started", json_string(started));
    (void)json_object_set_new(run, "ports", ports(h));
    char *text = json_dumps(run, JSON_COMPACT);
    json_decref(run);
    return text;
}

/* Readers see the old file or the new one. It need not survive a crash of the machine, so nothing is synced: states are told on event loops
 * too. */
static apr_status_t replace(const char *path, const char *text) {
    char *beside = memory_printf("%s.new", path);
    file_t *f = NULL;
    apr_status_t status = file_open(&f, beside, IO_WRITE | IO_CREATE | IO_TRUNCATE);
    if (status == APR_SUCCESS) {
        status = file_write_at(f, text, strlen(text), 0);
        apr_status_t closed = file_close(f);
        if (status == APR_SUCCESS) status = closed;
    }
    if (status == APR_SUCCESS) status = path_rename(beside, path);
    memory_free(beside);
    return status;
}

void host_publish(host_t *h) {
    if (h->root == NULL) return;
    const char *detail = NULL;
    server_state_t state = host_state(h, &detail);
    char *text = text_of(h, state);
    apr_status_t status = text == NULL ? APR_ENOMEM : replace(h->run_path, text);
    free(text);
    if (status != APR_SUCCESS) {
        char why[120];
        log_error(&h->root->log, "cannot write %s: %s; status and tools do not see the state %s. Check the directory and the free space",
                  h->run_path, status_text(status, why, sizeof why), state_name(state));
    }
    host_report(h);
}

void host_report(host_t *h) {
    if (h->root == NULL) return;
    const char *detail = NULL;
    server_state_t state = host_state(h, &detail);
    char line[200];
    (void)snprintf(line, sizeof line, "%s%s%s", state_name(state), *detail == 0 ? "" : ": ", detail);
    if (state == SERVER_STOPPING) {
        control_report(CONTROL_STOPPING, line);
    } else if (is_up(state) || h->reported) {
        h->reported = true;
        control_report(CONTROL_SERVING, line);
    } else {
        control_report(CONTROL_STARTING, line);
    }
}
