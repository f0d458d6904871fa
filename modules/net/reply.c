#include "net/connection_impl.h"

#include "base/memory.h"

static void drop_body(chain_t *body) {
    if (body != NULL) chain_clear(body);
}

void connection_reply(connection_t *c, const frame_t *request, int16_t code, chain_t *body) {
    if ((request->flag & FRAME_FLAG_ONEWAY) != 0) {
        drop_body(body);
        return;
    }
    frame_t head = {
        .code = code, .version = request->version, .opaque = request->opaque, .flag = FRAME_FLAG_RESPONSE, .request_code = request->code};
    connection_send_frame(c, &head, body);
}

void reply_to_init(reply_to_t *r, connection_t *c, const frame_t *request) {
    connection_retain(c);
    r->connection = c;
    r->opaque = request->opaque;
    r->version = request->version;
    r->request_code = request->code;
    r->oneway = (request->flag & FRAME_FLAG_ONEWAY) != 0;
}

void reply_drop(reply_to_t *r) {
    connection_release(r->connection);
    r->connection = NULL;
}

static void free_node(reply_node_t *node) {
    chain_clear(&node->body);
    connection_release(node->connection);
    memory_free(node);
}

void connection_run_reply(reply_node_t *node) {
    connection_send_frame(node->connection, &node->head, &node->body);
    free_node(node);
}

/* The node takes the reference of r and the contents of body over. */
static void post_answer(const reply_to_t *r, const frame_t *head, chain_t *body) {
    reply_node_t *node = memory_alloc(sizeof *node);
    node->connection = r->connection;
    node->head = *head;
    chain_init(&node->body);
    if (body != NULL) chain_append_chain(&node->body, body);
    if (!context_post_reply(r->connection->context, node)) free_node(node);
}

void reply_send(reply_to_t *r, int16_t code, chain_t *body) {
    frame_t head = {.code = code, .version = r->version, .opaque = r->opaque, .flag = FRAME_FLAG_RESPONSE, .request_code = r->request_code};
    if (r->oneway) {
        drop_body(body);
        reply_drop(r);
    } else if (context_is_current(r->connection->context)) {
        connection_send_frame(r->connection, &head, body);
        reply_drop(r);
    } else {
        post_answer(r, &head, body);
        r->connection = NULL;
    }
}
