/* CLIENT_REGISTER (wire-protocol.md 8). */
#ifndef QMQ_PROTOCOL_CLIENT_REGISTER_H
#define QMQ_PROTOCOL_CLIENT_REGISTER_H

#include "base/cursor.h"
#include "base/writer.h"

typedef struct client_register_request {
    view_t subject;
    int32_t client_type; /* enum client_type */
    view_t app_code;
    view_t client_id;
    view_t consumer_group;
    int32_t request_type; /* enum client_request_type */
    view_t client_ldc;
} client_register_request_t;

/* Missing keys read as their defaults, unknown keys are ignored, numbers as Java reads them (8.1). */
bool client_register_request_read(view_t body, client_register_request_t *r);
/* client_ldc is left out when empty; the other keys are always written, in the order of example 21.6. */
void client_register_request_write(writer_t *w, const client_register_request_t *r);

typedef struct route_group {
    view_t name;
    view_t master;
    int64_t update_time;
    int8_t state; /* enum broker_state */
} route_group_t;

typedef struct client_register_response {
    int64_t timestamp;
    view_t subject;
    view_t consumer_group;
    int8_t on_offline;
    int8_t client_type;
    int16_t group_count;
    view_t groups; /* encoded; walk with route_group_next */
} client_register_response_t;

/* Checks the whole body, groups included. */
bool client_register_response_read(view_t body, client_register_response_t *r);
bool route_group_next(cursor_t *c, route_group_t *g);
/* r->groups is ignored; group_count groups are written from the array. */
void client_register_response_write(writer_t *w, const client_register_response_t *r, const route_group_t *groups);

#endif
