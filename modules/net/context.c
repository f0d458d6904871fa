#include "net/connection_impl.h"

#include "base/memory.h"
#include "base/status.h"

/* Caller holds the lock. The queued task has a reference, for it may run as late as in loop_destroy. */
static void post_locked(connection_context_t *x) {
    if (x->posted) return;
    x->posted = true;
    shared_retain(&x->shared);
    loop_post(x->loop, &x->task);
}

/* The last reference to a block was dropped, by whatever thread: it goes back for the next burst. */
static void receive_block_return(shared_t *shared) {
    receive_block_t *b = (receive_block_t *)(void *)shared;
    connection_context_t *x = b->context;
    mutex_lock(&x->lock);
    x->live_count--;
    bool keep = !x->closed && x->free_count < CONTEXT_BLOCKS_KEPT;
    if (keep) {
        b->next = x->free_blocks;
        x->free_blocks = b;
        x->free_count++;
    }
    if (x->block_wanted && !x->closed) post_locked(x);
    mutex_unlock(&x->lock);
    if (!keep) memory_free(b);
    shared_release(&x->shared);
}

/* Counts one block more as alive and gives a released one if there is any. False at the bound. */
static bool count_block(connection_context_t *x, receive_block_t **released) {
    mutex_lock(&x->lock);
    bool allowed = x->live_count < CONTEXT_BLOCKS_MOST;
    *released = allowed ? x->free_blocks : NULL;
    if (*released != NULL) {
        x->free_blocks = (*released)->next;
        x->free_count--;
    }
    if (allowed) x->live_count++;
    mutex_unlock(&x->lock);
    return allowed;
}

static void uncount_block(connection_context_t *x) {
    mutex_lock(&x->lock);
    x->live_count--;
    mutex_unlock(&x->lock);
}

apr_status_t context_next_block(connection_context_t *x, block_t **old) {
    receive_block_t *b = NULL;
    if (!count_block(x, &b)) return QMQ_E_FULL;
    if (b == NULL) b = memory_try(sizeof *b + x->block_size);
    if (b == NULL) {
        uncount_block(x);
        return APR_ENOMEM;
    }
    shared_init(&b->block.shared, receive_block_return);
    b->block.capacity = x->block_size;
    b->block.data = (uint8_t *)(b + 1);
    b->next = NULL;
    b->context = x;
    shared_retain(&x->shared);
    *old = x->current;
    x->current = &b->block;
    x->fill = 0;
    return APR_SUCCESS;
}

void context_wait_for_block(connection_context_t *x, connection_t *c) {
    c->starving = true;
    c->next_starving = x->starving;
    x->starving = c;
    connection_update_reading(c);
    mutex_lock(&x->lock);
    x->block_wanted = true;
    /* One may have come back since it was asked for. */
    if (x->live_count < CONTEXT_BLOCKS_MOST) post_locked(x);
    mutex_unlock(&x->lock);
}

void context_forget_waiting(connection_context_t *x, connection_t *c) {
    if (!c->starving) return;
    connection_t **at = &x->starving;
    while (*at != c) at = &(*at)->next_starving;
    *at = c->next_starving;
    c->starving = false;
}

static void wake_starving(connection_context_t *x) {
    while (x->starving != NULL) {
        connection_t *c = x->starving;
        x->starving = c->next_starving;
        c->starving = false;
        connection_update_reading(c);
    }
}

io_slice_t *context_take_slices(connection_context_t *x) {
    io_slice_t *slices = x->spare_slices;
    x->spare_slices = NULL;
    return slices != NULL ? slices : memory_alloc(TRANSMIT_SLICES * sizeof *slices);
}

void context_return_slices(connection_context_t *x, io_slice_t *slices) {
    if (x->spare_slices == NULL) {
        x->spare_slices = slices;
    } else {
        memory_free(slices);
    }
}

bool context_is_current(connection_context_t *x) {
    mutex_lock(&x->lock);
    bool current = !x->closed && loop_is_current(x->loop);
    mutex_unlock(&x->lock);
    return current;
}

bool context_post_reply(connection_context_t *x, reply_node_t *node) {
    node->next = NULL;
    mutex_lock(&x->lock);
    bool taken = !x->closed;
    if (taken) {
        if (x->last_reply == NULL) {
            x->first_reply = node;
        } else {
            x->last_reply->next = node;
        }
        x->last_reply = node;
        post_locked(x);
    }
    mutex_unlock(&x->lock);
    return taken;
}

/* Runs on the loop: what other threads left since the last time. */
static void context_run(task_t *task) {
    connection_context_t *x = CONTAINER_OF(task, connection_context_t, task);
    mutex_lock(&x->lock);
    x->posted = false;
    reply_node_t *node = x->first_reply;
    x->first_reply = NULL;
    x->last_reply = NULL;
    bool wake = x->block_wanted && !x->closed;
    x->block_wanted = false;
    mutex_unlock(&x->lock);
    while (node != NULL) {
        reply_node_t *next = node->next;
        connection_run_reply(node);
        node = next;
    }
    if (wake) wake_starving(x);
    shared_release(&x->shared);
}

static void context_free(shared_t *shared) {
    connection_context_t *x = CONTAINER_OF(shared, connection_context_t, shared);
    while (x->free_blocks != NULL) {
        receive_block_t *b = x->free_blocks;
        x->free_blocks = b->next;
        memory_free(b);
    }
    memory_free(x->spare_slices);
    mutex_destroy(&x->lock);
    memory_free(x);
}

connection_context_t *connection_context_create(loop_t *loop, size_t block_size) {
    connection_context_t *x = memory_zalloc(sizeof *x);
    shared_init(&x->shared, context_free);
    x->loop = loop;
    x->block_size = block_size < 2 * RECEIVE_ROOM_LEAST ? 2 * RECEIVE_ROOM_LEAST : block_size;
    mutex_init(&x->lock);
    x->task.run = context_run;
    return x;
}

void connection_context_destroy(connection_context_t *x) {
    if (x == NULL) return;
    mutex_lock(&x->lock);
    x->closed = true;
    reply_node_t *node = x->first_reply;
    x->first_reply = NULL;
    x->last_reply = NULL;
    mutex_unlock(&x->lock);
    while (node != NULL) {
        reply_node_t *next = node->next;
        connection_run_reply(node);
        node = next;
    }
    block_t *current = x->current;
    x->current = NULL;
    block_release(current);
    shared_release(&x->shared);
}

loop_t *connection_context_loop(const connection_context_t *x) {
    return x->loop;
}
