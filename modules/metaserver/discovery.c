/* GET /meta/address, GET /slave/meta (metaserver.md 10.1, 10.2) and GET /health. */
#include "base/id.h"
#include "base/memory.h"
#include "metaserver/metaserver_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_HTTP_PORT 8080
#define TEXT_PLAIN "text/plain;charset=utf-8"

void discovery_address(void *arg, http_request_t *r) {
    metaserver_t *m = arg;
    if (!atomic_load(&m->serving)) {
        static const char starting[] = "the metaserver is starting\n";
        http_respond(r, 503, TEXT_PLAIN, starting, strlen(starting));
        return;
    }
    char *body = memory_printf("%s:%d", m->address, metaserver_tcp_port(m));
    http_respond(r, 200, NULL, body, strlen(body));
    memory_free(body);
}

/* Port of the slave's queries; 0: the file says something else than a number. */
static int32_t http_port(metaserver_t *m, const broker_row_t *slave) {
    char *key = memory_printf("%s/%d", slave->host, (int)slave->serve_port);
    char *text = side_file_text(m->http_port_file, key);
    int32_t port = DEFAULT_HTTP_PORT;
    if (text != NULL && (!id_parse_i32(view_of(text), &port) || port < 1 || port > 65535)) {
        log_error(m->log, "conf/broker-http-port-map.properties: %s=%s is no port, /slave/meta says nothing for group %s", key, text,
                  slave->group);
        port = 0;
    }
    memory_free(text);
    memory_free(key);
    return port;
}

void discovery_slave(void *arg, http_request_t *r) {
    metaserver_t *m = arg;
    const char *group = http_request_parameter(r, "groupName");
    broker_row_t slave;
    char body[BROKER_IP_BYTES + 8] = "";
    if (group != NULL && slaves_find(m->slaves, view_of(group), &slave)) {
        char ip[BROKER_IP_BYTES];
        int32_t port = http_port(m, &slave);
        broker_ip_text(slave.ip, ip);
        if (port != 0) (void)snprintf(body, sizeof body, "%s:%d", ip, (int)port);
    }
    http_respond(r, 200, NULL, body, strlen(body));
}

void discovery_health(void *arg, http_request_t *r) {
    metaserver_t *m = arg;
    json_t *health = json_object();
    metaserver_tell_health(m, health);
    const char *status = json_string_value(json_object_get(health, "status"));
    bool down = status != NULL && strcmp(status, "down") == 0;
    char *text = json_dumps(health, JSON_COMPACT);
    http_respond(r, down ? 503 : 200, "application/json", text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
    free(text);
    json_decref(health);
}
