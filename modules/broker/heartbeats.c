#include "broker/heartbeats.h"

#include "base/memory.h"
#include "base/table.h"

/* More consumers than this are kept in a hash table. */
#define FEW 16
/* A consumer that asks all the time is news once in this time. */
#define GRAIN_US 1000000

typedef struct heartbeat {
    int64_t seen_us;
    int64_t told_us; /* when note said that it is news */
    size_t size;
    char id[];
} heartbeat_t;

static view_t key_of(const void *value) {
    const heartbeat_t *b = value;
    return view_make(b->id, b->size);
}

void heartbeats_init(heartbeats_t *h) {
    memset(h, 0, sizeof *h);
    mutex_init(&h->lock);
}

void heartbeats_free(heartbeats_t *h) {
    for (uint32_t i = 0; h->at != NULL && i < h->count; i++) memory_free(h->at[i]);
    memory_free(h->at);
    if (h->many != NULL) {
        size_t at = 0;
        for (void *b; (b = table_next(h->many, &at)) != NULL;) memory_free(b);
        table_free(h->many);
        memory_free(h->many);
    }
    mutex_destroy(&h->lock);
}

/* With the lock held; so are the following. */
static heartbeat_t *find(const heartbeats_t *h, view_t id) {
    if (h->many != NULL) return table_get(h->many, id);
    for (uint32_t i = 0; i < h->count; i++) {
        if (view_equal(key_of(h->at[i]), id)) return h->at[i];
    }
    return NULL;
}

static void move_to_table(heartbeats_t *h) {
    h->many = memory_alloc(sizeof *h->many);
    table_init(h->many, key_of);
    for (uint32_t i = 0; i < h->count; i++) table_put(h->many, h->at[i]);
    memory_free(h->at);
    h->at = NULL;
}

static void add(heartbeats_t *h, view_t id, int64_t now_us) {
    heartbeat_t *b = memory_alloc(sizeof *b + id.size);
    b->seen_us = b->told_us = now_us;
    b->size = id.size;
    memcpy(b->id, id.data, id.size);
    if (h->many == NULL && h->count == FEW) move_to_table(h);
    if (h->many != NULL) {
        table_put(h->many, b);
    } else {
        h->at = memory_realloc(h->at, (h->count + 1) * sizeof(heartbeat_t *));
        h->at[h->count] = b;
    }
    h->count++;
}

bool heartbeats_note(heartbeats_t *h, view_t consumer_id, int64_t now_us) {
    mutex_lock(&h->lock);
    heartbeat_t *b = find(h, consumer_id);
    bool news = b == NULL || now_us - b->told_us >= GRAIN_US;
    if (b == NULL) {
        add(h, consumer_id, now_us);
    } else {
        b->seen_us = now_us;
        if (news) b->told_us = now_us;
    }
    mutex_unlock(&h->lock);
    return news;
}

int64_t heartbeats_of(heartbeats_t *h, view_t consumer_id) {
    mutex_lock(&h->lock);
    const heartbeat_t *b = find(h, consumer_id);
    int64_t seen = b == NULL ? -1 : b->seen_us;
    mutex_unlock(&h->lock);
    return seen;
}

void heartbeats_refresh_all(heartbeats_t *h, int64_t now_us) {
    mutex_lock(&h->lock);
    for (uint32_t i = 0; h->at != NULL && i < h->count; i++) h->at[i]->seen_us = now_us;
    size_t at = 0;
    for (heartbeat_t *b; h->many != NULL && (b = table_next(h->many, &at)) != NULL;) b->seen_us = now_us;
    mutex_unlock(&h->lock);
}

static void forget_few(heartbeats_t *h, int64_t before_us) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < h->count; i++) {
        if (h->at[i]->seen_us < before_us)
            memory_free(h->at[i]);
        else
            h->at[left++] = h->at[i];
    }
    h->count = left;
}

static void forget_many(heartbeats_t *h, int64_t before_us) {
    size_t at = 0;
    for (heartbeat_t *b; (b = table_next(h->many, &at)) != NULL;) {
        if (b->seen_us >= before_us) continue;
        (void)table_remove(h->many, key_of(b));
        memory_free(b);
        h->count--;
    }
}

size_t heartbeats_forget(heartbeats_t *h, int64_t before_us) {
    mutex_lock(&h->lock);
    if (h->many != NULL)
        forget_many(h, before_us);
    else
        forget_few(h, before_us);
    size_t left = h->count;
    mutex_unlock(&h->lock);
    return left;
}
