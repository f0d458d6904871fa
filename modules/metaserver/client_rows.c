#include "metaserver/client_rows.h"

#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_rows.h"
#include "portability/clock.h"
#include "portability/thread.h"

#define BATCH 500
/* Where every statement stands alone a batch ends after this long, so that a slow database lets others in between. */
#define BATCH_US ((int64_t)500000)
#define NAME_CHARACTERS 100
#define ROOM_CHARACTERS 20
#define TROUBLE_LINE_US ((int64_t)10 * 1000000)

/* Clients that say type 1 again and again cost no statement each time: so many rows that are in the table are remembered by their hash,
 * until the hour ends (somebody may have cleaned the table). */
#define KNOWN_ROWS ((size_t)64 * 1024)
#define KNOWN_US ((int64_t)3600 * 1000000)

enum { TEXT_SUBJECT, TEXT_GROUP, TEXT_CLIENT, TEXT_APP, TEXT_ROOM, TEXTS };

typedef struct client_row {
    struct client_row *next;
    int32_t type;
    view_t texts[TEXTS]; /* point behind the struct */
} client_row_t;

struct client_rows {
    query_t query;
    database_t *database;
    const log_t *log;
    size_t limit;
    log_limit_t full_limit;
    log_limit_t trouble_limit;
    client_row_t *batch; /* what the query works on; owned by whoever set under_way */
    mutex_t lock;        /* what follows */
    client_row_t *first;
    client_row_t **last;
    size_t waiting;
    bool under_way;
    uint64_t known[KNOWN_ROWS]; /* by hash; 0: none */
};

client_rows_t *client_rows_create(database_t *database, const log_t *log, size_t limit) {
    client_rows_t *c = memory_zalloc(sizeof *c);
    c->database = database;
    c->log = log;
    c->limit = limit;
    c->last = &c->first;
    mutex_init(&c->lock);
    return c;
}

static void free_rows(client_row_t *row) {
    while (row != NULL) {
        client_row_t *next = row->next;
        memory_free(row);
        row = next;
    }
}

void client_rows_destroy(client_rows_t *c) {
    if (c == NULL) return;
    free_rows(c->first);
    mutex_destroy(&c->lock);
    memory_free(c);
}

static client_row_t *make_row(const client_register_request_t *r) {
    const view_t texts[TEXTS] = {r->subject, r->consumer_group, r->client_id, r->app_code, r->client_ldc};
    size_t bytes = 0;
    for (int i = 0; i < TEXTS; i++) {
        if (text_characters(texts[i]) > (i == TEXT_ROOM ? ROOM_CHARACTERS : NAME_CHARACTERS)) return NULL;
        bytes += texts[i].size;
    }
    client_row_t *row = memory_alloc(sizeof *row + bytes);
    row->next = NULL;
    row->type = r->client_type;
    char *at = (char *)(row + 1);
    for (int i = 0; i < TEXTS; i++) {
        if (texts[i].size > 0) memcpy(at, texts[i].data, texts[i].size);
        row->texts[i] = view_make(at, texts[i].size);
        at += texts[i].size;
    }
    return row;
}

/* Of the unique key, whose texts stand one behind the other, and of the hour. */
static uint64_t hash_of(const client_row_t *row) {
    const view_t *t = row->texts;
    struct {
        uint64_t texts, sizes[2];
        int64_t type, hour;
    } key = {view_hash(view_make(t[TEXT_SUBJECT].data, t[TEXT_SUBJECT].size + t[TEXT_GROUP].size + t[TEXT_CLIENT].size)),
             {t[TEXT_SUBJECT].size, t[TEXT_GROUP].size},
             row->type,
             clock_mono_us() / KNOWN_US};
    return view_hash(view_make((const char *)&key, sizeof key)) | 1;
}

static void remember(client_rows_t *c, const client_row_t *row) {
    uint64_t hash = hash_of(row);
    mutex_lock(&c->lock);
    c->known[(hash >> 1) % KNOWN_ROWS] = hash;
    mutex_unlock(&c->lock);
}

/* Under the lock. */
static bool is_known(const client_rows_t *c, uint64_t hash) {
    return c->known[(hash >> 1) % KNOWN_ROWS] == hash;
}

/* Under the lock. */
static void take_batch(client_rows_t *c) {
    client_row_t **end = &c->first;
    size_t count = 0;
    for (; *end != NULL && count < BATCH; count++) end = &(*end)->next;
    c->batch = c->first;
    c->first = *end;
    *end = NULL;
    if (c->first == NULL) c->last = &c->first;
    c->waiting -= count;
}

/* Under the lock: in front of what waits. */
static void put_back(client_rows_t *c) {
    if (c->batch == NULL) return;
    client_row_t **end = &c->batch;
    for (; *end != NULL; end = &(*end)->next) c->waiting++;
    *end = c->first;
    if (c->first == NULL) c->last = end;
    c->first = c->batch;
    c->batch = NULL;
}

static apr_status_t insert_row(const statements_t *s, db_session_t *session, const client_row_t *row) {
    db_value_t values[] = {DB_TEXT_OF(row->texts[TEXT_SUBJECT]), DB_INT_OF(row->type),
                           DB_TEXT_OF(row->texts[TEXT_GROUP]),   DB_TEXT_OF(row->texts[TEXT_CLIENT]),
                           DB_TEXT_OF(row->texts[TEXT_APP]),     DB_TEXT_OF(row->texts[TEXT_ROOM])};
    return db_execute(session, s->client_insert, values, sizeof values / sizeof values[0], NULL, NULL, NULL);
}

static apr_status_t insert_together(client_rows_t *c, const statements_t *s, db_session_t *session) {
    apr_status_t rv = db_begin(session);
    for (const client_row_t *row = c->batch; row != NULL && rv == APR_SUCCESS; row = row->next) rv = insert_row(s, session, row);
    if (rv == APR_SUCCESS) rv = db_commit(session);
    db_rollback(session);
    if (rv != APR_SUCCESS) return rv;
    for (const client_row_t *row = c->batch; row != NULL; row = row->next) remember(c, row);
    free_rows(c->batch);
    c->batch = NULL;
    return APR_SUCCESS;
}

static apr_status_t insert_each(client_rows_t *c, const statements_t *s, db_session_t *session) {
    int64_t until_us = clock_mono_us() + BATCH_US;
    apr_status_t rv = APR_SUCCESS;
    while (c->batch != NULL && rv == APR_SUCCESS && clock_mono_us() < until_us) {
        client_row_t *row = c->batch;
        rv = insert_row(s, session, row);
        if (rv != APR_SUCCESS) break;
        remember(c, row);
        c->batch = row->next;
        memory_free(row);
    }
    return rv;
}

/* What is left of the batch has not been done. */
static apr_status_t insert_batch(client_rows_t *c, db_session_t *session) {
    const statements_t *s = database_statements(c->database);
    return s->batches ? insert_together(c, s, session) : insert_each(c, s, session);
}

static void start(client_rows_t *c);

static void run(query_t *q, db_session_t *session) {
    client_rows_t *c = (client_rows_t *)q;
    apr_status_t rv = session == NULL ? q->work.status : insert_batch(c, session);
    if (rv != APR_SUCCESS) {
        char text[128];
        int64_t suppressed;
        const char *cause = session == NULL ? "" : db_session_error(session);
        if (log_permit(&c->trouble_limit, TROUBLE_LINE_US, &suppressed))
            log_warn(c->log, "rows of client_meta_info cannot be written now and are tried again later: %s",
                     *cause != 0 ? cause : status_text(rv, text, sizeof text));
    }
    mutex_lock(&c->lock);
    put_back(c);
    c->under_way = false;
    bool more = rv == APR_SUCCESS && c->first != NULL;
    mutex_unlock(&c->lock);
    if (more) start(c);
}

static void start(client_rows_t *c) {
    mutex_lock(&c->lock);
    bool mine = !c->under_way && c->first != NULL;
    if (mine) {
        c->under_way = true;
        take_batch(c);
    }
    mutex_unlock(&c->lock);
    if (!mine || database_submit(c->database, &c->query, true, run) == APR_SUCCESS) return;
    mutex_lock(&c->lock);
    put_back(c);
    c->under_way = false;
    mutex_unlock(&c->lock);
}

void client_rows_add(client_rows_t *c, const client_register_request_t *r) {
    client_row_t *row = make_row(r);
    if (row == NULL) return;
    uint64_t hash = hash_of(row);
    mutex_lock(&c->lock);
    bool known = is_known(c, hash);
    bool full = !known && c->waiting >= c->limit;
    bool idle = !c->under_way;
    if (!full && !known) {
        *c->last = row;
        c->last = &row->next;
        c->waiting++;
    }
    mutex_unlock(&c->lock);
    if (known) {
        memory_free(row);
    } else if (full) {
        int64_t suppressed;
        memory_free(row);
        if (log_permit(&c->full_limit, TROUBLE_LINE_US, &suppressed))
            log_warn(c->log,
                     "%zu rows of client_meta_info wait for the database; further ones are left out (%lld more since the last line)",
                     c->limit, (long long)suppressed);
    } else if (idle) {
        start(c);
    }
}

void client_rows_retry(client_rows_t *c) {
    start(c);
}

size_t client_rows_waiting(client_rows_t *c) {
    mutex_lock(&c->lock);
    size_t waiting = c->waiting;
    mutex_unlock(&c->lock);
    return waiting;
}
