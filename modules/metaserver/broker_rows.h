/* Rows of the table broker: read with every column checked, so that one bad row disturbs nothing (metaserver.md 4, poison rows). */
#ifndef QMQ_METASERVER_BROKER_ROWS_H
#define QMQ_METASERVER_BROKER_ROWS_H

#include "db/db.h"

#include <jansson.h>

#define BROKER_GROUP_CHARACTERS 30 /* VARCHAR(30) */
#define BROKER_HOST_CHARACTERS 50  /* VARCHAR(50) */
#define BROKER_GROUP_BYTES ((size_t)4 * BROKER_GROUP_CHARACTERS)
#define BROKER_HOST_BYTES ((size_t)4 * BROKER_HOST_CHARACTERS)
#define BROKER_IP_BYTES 16 /* "255.255.255.255" and a zero */

enum group_kind { KIND_NORMAL = 1, KIND_DELAY = 2 };

typedef struct broker_row {
    char group[BROKER_GROUP_BYTES + 1];
    char host[BROKER_HOST_BYTES + 1];
    uint32_t ip;
    int32_t role;
    int32_t serve_port;
    int32_t sync_port;
} broker_row_t;

typedef struct broker_rows {
    broker_row_t *items; /* memory_free */
    size_t count;
    const log_t *log; /* where skipped rows are told; NULL: nowhere */
} broker_rows_t;

/* The callback of db_execute for statements with broker columns; arg is a broker_rows_t. */
bool broker_rows_take(void *arg, const db_value_t *columns, size_t count);
/* The first row with one of the two roles, or NULL. */
const broker_row_t *broker_rows_find(const broker_rows_t *rows, int role, int delay_role);

/* Dotted IPv4 and its number as INET_ATON has it. */
bool broker_ip_parse(const char *text, uint32_t *ip);
void broker_ip_text(uint32_t ip, char to[BROKER_IP_BYTES]);
/* KIND_DELAY for the delay roles, KIND_NORMAL for the others, 0 for an unknown role. */
int broker_role_kind(int32_t role);
/* Characters of UTF-8 text: what VARCHAR counts. */
size_t text_characters(view_t text);
/* The BrokerMeta object of metaserver.md 11. */
json_t *broker_row_json(const broker_row_t *row);

#endif
