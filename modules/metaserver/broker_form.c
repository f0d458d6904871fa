#include "metaserver/broker_form.h"

#include "protocol/codes.h"

#include <stdio.h>
#include <string.h>

bool role_is_backup(int32_t role) {
    return role == ROLE_BACKUP || role == ROLE_DELAY_BACKUP;
}

static bool refuse(action_call_t *call, const char *failed, const char *problem) {
    action_answer_refused(call, NULL, "%s, caused by: %s", failed, problem);
    return false;
}

bool broker_form_role(action_call_t *call, const char *failed, broker_row_t *b) {
    char problem[256];
    if (!action_integer(call, "role", &b->role, problem, sizeof problem)) return refuse(call, failed, problem);
    if (broker_role_kind(b->role) != 0) return true;
    (void)snprintf(problem, sizeof problem, "Unknown broker role code %d", (int)b->role);
    return refuse(call, failed, problem);
}

bool broker_form_ports(action_call_t *call, const char *failed, bool needs_sync_port, broker_row_t *b) {
    char problem[256];
    b->sync_port = -1;
    bool good = action_integer(call, "servePort", &b->serve_port, problem, sizeof problem) &&
                (!needs_sync_port || action_integer(call, "syncPort", &b->sync_port, problem, sizeof problem));
    return good || refuse(call, failed, problem);
}

/* Copies a text that fits its column. */
static bool read_text(action_call_t *call, const char *failed, const char *name, size_t characters, char *to, size_t size) {
    const char *text = action_text(call, name);
    if (text_characters(view_of(text)) <= characters && strlen(text) < size) {
        (void)snprintf(to, size, "%s", text);
        return true;
    }
    char problem[128];
    (void)snprintf(problem, sizeof problem, "%s is longer than %zu characters", name, characters);
    return refuse(call, failed, problem);
}

static bool is_port(int32_t port) {
    return port > 0 && port <= 65535;
}

bool broker_form_place(action_call_t *call, const char *failed, bool needs_sync_port, broker_row_t *b) {
    const char *ip = action_text(call, "ip");
    if (*action_text(call, "hostname") == 0) {
        action_answer_refused(call, NULL, "please provide broker hostname");
    } else if (*ip == 0) {
        action_answer_refused(call, NULL, "please provide broker ip");
    } else if (!is_port(b->serve_port) || (needs_sync_port && (!is_port(b->sync_port) || b->serve_port == b->sync_port))) {
        action_answer_refused(call, NULL, "serve port and sync port should valid and should be different port");
    } else if (!broker_ip_parse(ip, &b->ip)) {
        action_answer_refused(call, NULL, "%s, caused by: invalid ip %s", failed, ip);
    } else {
        return read_text(call, failed, "brokerGroup", BROKER_GROUP_CHARACTERS, b->group, sizeof b->group) &&
               read_text(call, failed, "hostname", BROKER_HOST_CHARACTERS, b->host, sizeof b->host);
    }
    return false;
}
