#include "host/host_internal.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* In the main property file of every server. monitor.* and graphite.* may stand in qmq.prometheus.properties too (monitor.c). */
static const config_key_t rows[] = {
    {NULL, "listen.address", CONFIG_STRING, "0.0.0.0", 0, 0, false,
     "IPv4 address all ports are bound to; a server bound to one address tells peers that one."},
    {NULL, "log.level", CONFIG_STRING, "info", 0, 0, true, "Least level that is logged: debug, info, warn or error."},
    {NULL, "log.max.bytes", CONFIG_INT, "67108864", 65536, 1099511627776, false, "Size at which the log file is rotated."},
    {NULL, "log.rotate.hours", CONFIG_INT, "24", 0, 8760, false,
     "The log file is rotated at every multiple of so many hours of the local day; 0: by size only."},
    {NULL, "log.keep", CONFIG_INT, "14", 0, 1000, false, "Rotated log files that are kept."},
    {NULL, "monitor.type", CONFIG_STRING, "prometheus", 0, 0, false, "prometheus, or graphite to push metrics every 60 s too."},
    {NULL, "monitor.action", CONFIG_STRING, "pull", 0, 0, false, "pull opens the metrics and health port, any other word closes it."},
    {NULL, "monitor.port", CONFIG_INT, "3333", 0, 65535, false, "HTTP port of /metrics and /health; 0 takes any free one."},
    {NULL, "graphite.host", CONFIG_STRING, NULL, 0, 0, false, "Host of the Graphite server."},
    {NULL, "graphite.port", CONFIG_INT, NULL, 1, 65535, false, "Port of the Graphite server."},
    {NULL, "host.stop.deadline.seconds", CONFIG_INT, "30", 1, 3600, true, "Seconds after which a stop that does not end is cut off."},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

bool keys_have(const config_key_t *const *tables, view_t name) {
    for (; *tables != NULL; tables++) {
        for (const config_key_t *row = *tables; row->name != NULL; row++) {
            if (view_equal(view_of(row->name), name)) return true;
        }
    }
    return false;
}

view_t keys_name_of(const char *setting) {
    view_t name = view_make(setting, strcspn(setting, "="));
    while (name.size > 0 && name.data[name.size - 1] == ' ') name.size--;
    return name;
}

/* What the server declares itself, with another default perhaps, is left out. The file's name lies behind the rows. */
static config_key_t *common_rows(const server_kind_t *kind) {
    size_t name_size = strlen(kind->name) + sizeof ".properties";
    config_key_t *common = memory_zalloc((ROW_COUNT + 1) * sizeof *common + name_size);
    char *file = (char *)(common + ROW_COUNT + 1);
    (void)snprintf(file, name_size, "%s.properties", kind->name);
    size_t used = 0;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (keys_have(kind->tables, view_of(rows[i].name))) continue;
        common[used] = rows[i];
        common[used++].file = file;
    }
    return common;
}

void keys_gather(const server_kind_t *kind, config_key_t **common, const config_key_t ***tables) {
    *common = common_rows(kind);
    size_t count = 0;
    while (kind->tables[count] != NULL) count++;
    *tables = memory_zalloc((count + 2) * sizeof **tables);
    for (size_t i = 0; i < count; i++) (*tables)[i] = kind->tables[i];
    (*tables)[count] = *common;
}

bool keys_log_level(const char *text, log_level_t *level) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *level = (log_level_t)i;
            return true;
        }
    }
    return false;
}

bool keys_is_ipv4(const char *text) {
    unsigned part[4];
    char rest;
    if (sscanf(text, "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &part[3], &rest) != 4) return false;
    return part[0] < 256 && part[1] < 256 && part[2] < 256 && part[3] < 256;
}
