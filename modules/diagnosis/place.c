#include "diagnosis/diagnosis.h"

#include "base/memory.h"
#include "protocol/codes.h"

const char *mistake_name(enum mistake mistake) {
    static const char *const names[MISTAKE_COUNT] = {"none",  "not registered", "host name", "port",
                                                     "group", "address",        "endpoint",  "clock, version or role"};
    return names[mistake];
}

static char *command(const char *action, const char *metaserver, const char *group, int role, const char *host, const char *ip, int port,
                     int sync_port) {
    return memory_printf("bin/tools.sh %s --metaserver=%s --token=<token> --brokerGroup=%s --role=%d --hostname=%s --ip=%s --servePort=%d "
                         "--syncPort=%d",
                         action, metaserver, group, role, host, ip, port, sync_port);
}

char *command_add(const place_t *p, const char *metaserver, const char *group, int role) {
    return command("AddBroker", metaserver, group, role, p->host_name, p->address, p->port, p->sync_port);
}

char *command_replace(const char *metaserver, const char *group, int role, const char *host, const char *ip, int port, int sync_port) {
    return command("ReplaceBroker", metaserver, group, role, host, ip, port, sync_port);
}
