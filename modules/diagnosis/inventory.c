#include "diagnosis/inventory.h"

#include "base/memory.h"
#include "base/status.h"
#include "diagnosis/endpoint.h"
#include "http/client.h"
#include "portability/clock.h"
#include "protocol/codes.h"

#include <string.h>

#define CONNECT_MS 1000
#define ANSWER_MS 3000

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static int number_of(const json_t *object, const char *name) {
    return (int)json_integer_value(json_object_get(object, name));
}

static int role_of(const char *name) {
    for (int role = ROLE_MASTER; role <= ROLE_DELAY_BACKUP; role++) {
        if (strcmp(broker_role_name(role), name) == 0) return role;
    }
    return -1;
}

static void take_brokers(inventory_t *i, const json_t *list) {
    i->brokers = memory_zalloc((json_array_size(list) + 1) * sizeof *i->brokers);
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *row = json_array_get(list, k);
        i->brokers[i->broker_count++] = (registered_broker_t){.group = text_of(row, "group"),
                                                              .host = text_of(row, "hostname"),
                                                              .ip = text_of(row, "ip"),
                                                              .role = role_of(text_of(row, "role")),
                                                              .port = number_of(row, "servePort"),
                                                              .sync_port = number_of(row, "syncPort")};
    }
}

static void take_groups(inventory_t *i, const json_t *list) {
    i->groups = memory_zalloc((json_array_size(list) + 1) * sizeof *i->groups);
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *row = json_array_get(list, k);
        i->groups[i->group_count++] = (registered_group_t){.name = text_of(row, "groupName"),
                                                           .master = text_of(row, "master"),
                                                           .state = text_of(row, "brokerState"),
                                                           .delay = strcmp(text_of(row, "kind"), "DELAY") == 0};
    }
}

static apr_status_t post(inventory_t *i, const char *base, const char *action, json_t **to, qmq_error_t **error) {
    char *url = memory_printf("%s/management", base);
    const char *form[] = {"action", action, NULL};
    http_call_t call = {.url = url, .method = "POST", .form = form, .connect_timeout_ms = CONNECT_MS, .timeout_ms = ANSWER_MS};
    http_answer_t answer;
    apr_status_t rv = http_fetch(&call, &answer, error);
    if (rv == APR_SUCCESS) {
        *to = answer.status == 200 ? json_loadb(answer.body, answer.size, 0, NULL) : NULL;
        if (*to == NULL) {
            rv = QMQ_E_REFUSED;
            *error = error_create(rv, "Check that this is the metaserver's HTTP management port (8080 unless configured otherwise)",
                                  "%s does not answer %s as a metaserver does (HTTP status %d)", url, action, answer.status);
        }
        if (answer.date_ms >= 0) {
            int64_t ahead = answer.date_ms - clock_wall_ms();
            i->ahead_ms = ahead / 1000 * 1000;
        }
        http_answer_free(&answer);
    }
    memory_free(url);
    return rv;
}

apr_status_t inventory_read(inventory_t *inventory, const char *base, qmq_error_t **error) {
    *inventory = (inventory_t){.metaserver = endpoint_authority(base)};
    apr_status_t rv = post(inventory, base, "ListBrokers", &inventory->rows[0], error);
    if (rv == APR_SUCCESS) rv = post(inventory, base, "ListBrokerGroups", &inventory->rows[1], error);
    if (rv != APR_SUCCESS) {
        inventory_free(inventory);
        return rv;
    }
    take_brokers(inventory, json_object_get(inventory->rows[0], "data"));
    take_groups(inventory, inventory->rows[1]);
    return APR_SUCCESS;
}

void inventory_free(inventory_t *inventory) {
    memory_free(inventory->metaserver);
    memory_free(inventory->brokers);
    memory_free(inventory->groups);
    json_decref(inventory->rows[0]);
    json_decref(inventory->rows[1]);
    *inventory = (inventory_t){.metaserver = NULL};
}

static char folded(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool host_is_same(const char *a, const char *b) {
    while (*a != 0 && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return *a == 0 && *b == 0;
}

const registered_broker_t *inventory_find(const inventory_t *inventory, const char *host, int port) {
    for (size_t i = 0; i < inventory->broker_count; i++) {
        const registered_broker_t *b = &inventory->brokers[i];
        if (b->port == port && host_is_same(b->host, host)) return b;
    }
    return NULL;
}

const registered_broker_t *inventory_find_role(const inventory_t *inventory, const char *group, int role) {
    for (size_t i = 0; i < inventory->broker_count; i++) {
        const registered_broker_t *b = &inventory->brokers[i];
        if (b->role == role && strcmp(b->group, group) == 0) return b;
    }
    return NULL;
}

const registered_group_t *inventory_find_group(const inventory_t *inventory, const char *group) {
    for (size_t i = 0; i < inventory->group_count; i++) {
        if (strcmp(inventory->groups[i].name, group) == 0) return &inventory->groups[i];
    }
    return NULL;
}
