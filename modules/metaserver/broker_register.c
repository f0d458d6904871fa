/* BROKER_REGISTER (metaserver.md 6.2, 9.2): heartbeats are answered at once, ONLINE and OFFLINE when they are committed. */
#include "protocol/broker_register.h"

#include "metaserver/broker_rows.h"
#include "metaserver/metaserver_internal.h"
#include "portability/clock.h"
#include "protocol/codes.h"

#define ADDRESS_CHARACTERS 25 /* VARCHAR(25) */
#define LABEL_BYTES BROKER_GROUP_BYTES
#define REFUSED_LINE_US ((int64_t)1000000)

static void count_request(metaserver_t *m, const broker_register_request_t *r) {
    char type[16];
    (void)snprintf(type, sizeof type, "%d", (int)r->request_type);
    view_t group = r->group_name.size <= LABEL_BYTES ? r->group_name : view_of("_invalid");
    metric_labels_t labels = {"groupName", group, "requestType", view_of(type)};
    metric_add(metrics_counter(m->metrics, "brokerRegisterCount", labels), 1);
}

static bool changes_nothing(int32_t role) {
    return role == ROLE_SLAVE || role == ROLE_BACKUP || role == ROLE_DELAY_SLAVE || role == ROLE_DELAY_BACKUP;
}

static bool fits(const broker_register_request_t *r) {
    return r->group_name.size > 0 && text_characters(r->group_name) <= BROKER_GROUP_CHARACTERS &&
           text_characters(r->broker_address) <= ADDRESS_CHARACTERS;
}

static bool put(metaserver_t *m, connection_t *c, const frame_t *request, const broker_register_request_t *r) {
    int kind = broker_role_kind(r->role);
    if (kind == 0 || !fits(r)) return false;
    bool online = r->request_type == REGISTER_ONLINE;
    log_info(m->log, "broker group %.*s goes %s line: %s %.*s", VIEW_ARG(r->group_name), online ? "on" : "off",
             broker_role_name((int)r->role), VIEW_ARG(r->broker_address));
    liveness_put(m->liveness, r->group_name, kind, r->broker_address, online ? BROKER_RW : BROKER_NRW,
                 online ? atomic_load(&m->heartbeat_timeout_us) : 0, answer_expect(c, request));
    return true;
}

static void tell_refused(metaserver_t *m, const connection_t *c, const broker_register_request_t *r) {
    int64_t suppressed;
    if (!log_permit(&m->refused_limit, REFUSED_LINE_US, &suppressed)) return;
    log_warn(m->log, "register request of %s refused: type %d, group %.*s, address %.*s, role %d, state %d (%lld such lines left out)",
             connection_peer(c), (int)r->request_type, VIEW_ARG(r->group_name), VIEW_ARG(r->broker_address), (int)r->role, (int)r->state,
             (long long)suppressed);
}

void broker_register_command(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    metaserver_t *m = arg;
    (void)block;
    int64_t began = clock_mono_us();
    broker_register_request_t r;
    if (!broker_register_request_read(request->body, &r)) {
        answer_now(c, request, RESPONSE_BROKER_ERROR);
        return;
    }
    count_request(m, &r);
    bool good = false;
    if (changes_nothing(r.role)) {
        good = true;
    } else if (r.request_type == REGISTER_HEARTBEAT) {
        good = r.group_name.size <= LABEL_BYTES &&
               liveness_heartbeat(m->liveness, r.group_name, r.state, atomic_load(&m->heartbeat_timeout_us));
    } else if (r.request_type == REGISTER_ONLINE || r.request_type == REGISTER_OFFLINE) {
        if (put(m, c, request, &r)) {
            metric_time_us(m->handler_time, clock_mono_us() - began);
            return;
        }
    }
    if (!good) tell_refused(m, c, &r);
    answer_now(c, request, good ? RESPONSE_SUCCESS : RESPONSE_BROKER_ERROR);
    metric_time_us(m->handler_time, clock_mono_us() - began);
}
