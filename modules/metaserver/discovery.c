/* GET /meta/address (metaserver.md 10.1) and GET /health. */
#include "base/memory.h"
#include "metaserver/metaserver_internal.h"

#include <stdlib.h>
#include <string.h>

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
