#include "metaserver/broker_rows.h"

#include "base/memory.h"
#include "protocol/codes.h"

#include <stdio.h>

enum { COLUMN_GROUP, COLUMN_ROLE, COLUMN_HOST, COLUMN_IP, COLUMN_SERVE_PORT, COLUMN_SYNC_PORT, COLUMNS };

static bool copy_text(const db_value_t *column, char *to, size_t limit) {
    if (column->type != DB_TEXT || column->text.size > limit || view_has(column->text, '\0')) return false;
    if (column->text.size > 0) memcpy(to, column->text.data, column->text.size);
    to[column->text.size] = 0;
    return true;
}

static bool copy_number(const db_value_t *column, int64_t min, int64_t max, int64_t *to) {
    *to = column->number;
    return column->type == DB_INT && *to >= min && *to <= max;
}

static bool read_row(const db_value_t *columns, broker_row_t *row) {
    int64_t ip, role, serve_port, sync_port;
    bool good = copy_text(&columns[COLUMN_GROUP], row->group, BROKER_GROUP_BYTES) &&
                copy_text(&columns[COLUMN_HOST], row->host, BROKER_HOST_BYTES) && copy_number(&columns[COLUMN_IP], 0, UINT32_MAX, &ip) &&
                copy_number(&columns[COLUMN_ROLE], INT32_MIN, INT32_MAX, &role) &&
                copy_number(&columns[COLUMN_SERVE_PORT], INT32_MIN, INT32_MAX, &serve_port) &&
                copy_number(&columns[COLUMN_SYNC_PORT], INT32_MIN, INT32_MAX, &sync_port);
    if (!good || broker_role_kind((int32_t)role) == 0) return false;
    row->ip = (uint32_t)ip;
    row->role = (int32_t)role;
    row->serve_port = (int32_t)serve_port;
    row->sync_port = (int32_t)sync_port;
    return true;
}

bool broker_rows_take(void *arg, const db_value_t *columns, size_t count) {
    broker_rows_t *rows = arg;
    broker_row_t row;
    if (count < COLUMNS || !read_row(columns, &row)) {
        view_t group = count < COLUMNS ? view_make(NULL, 0) : columns[COLUMN_GROUP].text;
        if (rows->log != NULL)
            log_warn(rows->log, "a row of table broker (group %.*s) has an impossible value and is left out", VIEW_ARG(group));
        return true;
    }
    /* Grows at powers of two. */
    if ((rows->count & (rows->count + 1)) == 0) rows->items = memory_realloc(rows->items, (2 * rows->count + 1) * sizeof *rows->items);
    rows->items[rows->count++] = row;
    return true;
}

const broker_row_t *broker_rows_find(const broker_rows_t *rows, int role, int delay_role) {
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->items[i].role == role || rows->items[i].role == delay_role) return &rows->items[i];
    }
    return NULL;
}

bool broker_ip_parse(const char *text, uint32_t *ip) {
    uint32_t value = 0;
    const char *p = text;
    for (int part = 0; part < 4; part++) {
        if (part > 0 && *p++ != '.') return false;
        unsigned number = 0;
        int digits = 0;
        for (; *p >= '0' && *p <= '9' && digits < 4; p++, digits++) number = number * 10 + (unsigned)(*p - '0');
        if (digits == 0 || digits > 3 || number > 255) return false;
        value = value << 8 | number;
    }
    *ip = value;
    return *p == 0;
}

void broker_ip_text(uint32_t ip, char to[BROKER_IP_BYTES]) {
    (void)snprintf(to, BROKER_IP_BYTES, "%u.%u.%u.%u", ip >> 24 & 255u, ip >> 16 & 255u, ip >> 8 & 255u, ip & 255u);
}

int broker_role_kind(int32_t role) {
    switch (role) {
    case ROLE_MASTER:
    case ROLE_SLAVE:
    case ROLE_STANDBY:
    case ROLE_BACKUP:
        return KIND_NORMAL;
    case ROLE_DELAY:
    case ROLE_DELAY_MASTER:
    case ROLE_DELAY_SLAVE:
    case ROLE_DELAY_BACKUP:
        return KIND_DELAY;
    default:
        return 0;
    }
}

size_t text_characters(view_t text) {
    size_t n = 0;
    for (size_t i = 0; i < text.size; i++) n += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return n;
}

json_t *broker_row_json(const broker_row_t *row) {
    char ip[BROKER_IP_BYTES];
    broker_ip_text(row->ip, ip);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "group", row->group, "role", broker_role_name(row->role), "hostname", row->host,
                     "ip", ip, "servePort", (int)row->serve_port, "syncPort", (int)row->sync_port);
}
