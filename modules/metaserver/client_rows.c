#include "metaserver/client_rows.h"

#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_rows.h"
#include "portability/clock.h"
#include "portability/thread.h"
#include "protocol/codes.h"

#include <stddef.h>
#include <string.h>

#define BATCH 500
/* Where every statement stands alone a batch ends after this long, so that a slow database lets others in between. */
#define BATCH_US ((int64_t)500000)
#define NAME_CHARACTERS 100
#define ROOM_CHARACTERS 20
#define TROUBLE_LINE_US ((int64_t)10 * 1000000)

/* Clients that say the same again and again cost no statement each time: so many rows that are in the table are remembered by their hash
 * for an hour at most (somebody may have cleaned the table). */
#define KNOWN_SETS ((size_t)16 * 1024)
#define KNOWN_WAYS 8
#define HOUR_US ((int64_t)3600 * 1000000)
/* Low bits of a remembered hash. */
#define KNOWN_TOUCHED 1U
#define KNOWN_INSERTED 2U
#define KNOWN_BITS 3U

/* Rows a statement deletes: it holds their locks. */
#define FORGET_ROWS 1000

#define KEY_COLUMNS 4 /* subject, type, group, client */
enum { TEXT_SUBJECT, TEXT_GROUP, TEXT_CLIENT, TEXT_APP, TEXT_ROOM, TEXTS };

typedef struct client_row {
    struct client_row *next;
    int32_t type;
    bool inserts;        /* else it is only touched */
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
    int64_t sure_since_us; /* every client that was heard of since is in the table, or waits */
    int64_t forget_due_us;
    bool forgetting;
    uint64_t known[KNOWN_SETS][KNOWN_WAYS]; /* by hash; 0: none */
    query_t forget_query;
    int keep_days;
};

client_rows_t *client_rows_create(database_t *database, const log_t *log, size_t limit, int keep_days) {
    client_rows_t *c = memory_zalloc(sizeof *c);
    c->database = database;
    c->log = log;
    c->limit = limit;
    c->keep_days = keep_days;
    c->sure_since_us = clock_mono_us();
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
    row->inserts = r->request_type == CLIENT_ONLINE;
    char *at = (char *)(row + 1);
    for (int i = 0; i < TEXTS; i++) {
        if (texts[i].size > 0) memcpy(at, texts[i].data, texts[i].size);
        row->texts[i] = view_make(at, texts[i].size);
        at += texts[i].size;
    }
    return row;
}

/* Of the unique key, whose texts stand one behind the other, and of the hour, which begins for each at another time. */
static uint64_t hash_of(const client_row_t *row) {
    const view_t *t = row->texts;
    struct {
        uint64_t texts, sizes[2];
        int64_t type, hour;
    } key = {view_hash(view_make(t[TEXT_SUBJECT].data, t[TEXT_SUBJECT].size + t[TEXT_GROUP].size + t[TEXT_CLIENT].size)),
             {t[TEXT_SUBJECT].size, t[TEXT_GROUP].size},
             row->type,
             0};
    key.hour = (clock_mono_us() + (int64_t)(key.texts % (uint64_t)HOUR_US)) / HOUR_US;
    return view_hash(view_make((const char *)&key, sizeof key)) & ~(uint64_t)KNOWN_BITS;
}

static uint64_t *known_set(client_rows_t *c, uint64_t hash) {
    return c->known[(hash >> 2) % KNOWN_SETS];
}

/* The newest of a set stands first. */
static void remember(client_rows_t *c, const client_row_t *row) {
    uint64_t hash = hash_of(row);
    mutex_lock(&c->lock);
    uint64_t *set = known_set(c, hash);
    size_t at = 0;
    while (at < KNOWN_WAYS - 1 && (set[at] & ~(uint64_t)KNOWN_BITS) != hash) at++;
    memmove(set + 1, set, at * sizeof set[0]);
    set[0] = hash | (row->inserts ? KNOWN_INSERTED : KNOWN_TOUCHED);
    mutex_unlock(&c->lock);
}

/* Under the lock. A row that was inserted need not be touched. */
static bool is_known(client_rows_t *c, const client_row_t *row) {
    uint64_t hash = hash_of(row);
    const uint64_t *set = known_set(c, hash);
    for (size_t i = 0; i < KNOWN_WAYS; i++) {
        if (set[i] == (hash | KNOWN_INSERTED) || (!row->inserts && set[i] == (hash | KNOWN_TOUCHED))) return true;
    }
    return false;
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

static apr_status_t write_row(const client_rows_t *c, db_session_t *session, const client_row_t *row) {
    const statements_t *s = database_statements(c->database);
    db_value_t values[] = {DB_TEXT_OF(row->texts[TEXT_SUBJECT]), DB_INT_OF(row->type),
                           DB_TEXT_OF(row->texts[TEXT_GROUP]),   DB_TEXT_OF(row->texts[TEXT_CLIENT]),
                           DB_TEXT_OF(row->texts[TEXT_APP]),     DB_TEXT_OF(row->texts[TEXT_ROOM])};
    apr_status_t rv = APR_SUCCESS;
    if (row->inserts) rv = db_execute(session, s->client_insert, values, sizeof values / sizeof values[0], NULL, NULL, NULL);
    if (rv == APR_SUCCESS && c->keep_days > 0) rv = db_execute(session, s->client_touch, values, KEY_COLUMNS, NULL, NULL, NULL);
    return rv;
}

static apr_status_t write_together(client_rows_t *c, db_session_t *session) {
    apr_status_t rv = db_begin(session);
    for (const client_row_t *row = c->batch; row != NULL && rv == APR_SUCCESS; row = row->next) rv = write_row(c, session, row);
    if (rv == APR_SUCCESS) rv = db_commit(session);
    db_rollback(session);
    if (rv != APR_SUCCESS) return rv;
    for (const client_row_t *row = c->batch; row != NULL; row = row->next) remember(c, row);
    free_rows(c->batch);
    c->batch = NULL;
    return APR_SUCCESS;
}

static apr_status_t write_each(client_rows_t *c, db_session_t *session) {
    int64_t until_us = clock_mono_us() + BATCH_US;
    apr_status_t rv = APR_SUCCESS;
    while (c->batch != NULL && rv == APR_SUCCESS && clock_mono_us() < until_us) {
        client_row_t *row = c->batch;
        rv = write_row(c, session, row);
        if (rv != APR_SUCCESS) break;
        remember(c, row);
        c->batch = row->next;
        memory_free(row);
    }
    return rv;
}

/* What is left of the batch has not been done. */
static apr_status_t write_batch(client_rows_t *c, db_session_t *session) {
    return database_statements(c->database)->batches ? write_together(c, session) : write_each(c, session);
}

static void start(client_rows_t *c);

static void tell_trouble(client_rows_t *c, const db_session_t *session, apr_status_t rv) {
    char text[DATABASE_CAUSE_BYTES];
    int64_t suppressed;
    if (log_permit(&c->trouble_limit, TROUBLE_LINE_US, &suppressed))
        log_warn(c->log, "rows of client_meta_info cannot be written now and are tried again later: %s",
                 database_cause(c->database, session, rv, text));
}

static void run(query_t *q, db_session_t *session) {
    client_rows_t *c = (client_rows_t *)q;
    apr_status_t rv = session == NULL ? q->work.status : write_batch(c, session);
    if (rv != APR_SUCCESS) tell_trouble(c, session, rv);
    mutex_lock(&c->lock);
    if (rv != APR_SUCCESS) c->sure_since_us = clock_mono_us();
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
    if (r->request_type != CLIENT_ONLINE && c->keep_days == 0) return;
    client_row_t *row = make_row(r);
    if (row == NULL) return;
    mutex_lock(&c->lock);
    bool known = is_known(c, row);
    bool full = !known && c->waiting >= c->limit;
    bool idle = !c->under_way;
    if (!full && !known) {
        *c->last = row;
        c->last = &row->next;
        c->waiting++;
    }
    if (full) c->sure_since_us = clock_mono_us();
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

/* Forgetting. */

static void run_forget(query_t *q, db_session_t *session) {
    client_rows_t *c = (client_rows_t *)((char *)q - offsetof(client_rows_t, forget_query));
    db_value_t values[] = {DB_INT_OF(c->keep_days), DB_INT_OF(FORGET_ROWS)};
    int64_t gone = 0;
    apr_status_t rv = q->work.status;
    if (session != NULL) rv = db_execute(session, database_statements(c->database)->client_forget, values, 2, NULL, NULL, &gone);
    if (rv != APR_SUCCESS) tell_trouble(c, session, rv);
    if (gone > 0)
        log_info(c->log, "%lld rows of client_meta_info deleted: their clients were not seen for %d days", (long long)gone, c->keep_days);
    mutex_lock(&c->lock);
    c->forgetting = false;
    if (rv != APR_SUCCESS || gone < FORGET_ROWS) c->forget_due_us = clock_mono_us() + HOUR_US;
    mutex_unlock(&c->lock);
}

static void forget(client_rows_t *c) {
    int64_t now_us = clock_mono_us();
    mutex_lock(&c->lock);
    bool due = !c->forgetting && c->waiting == 0 && !c->under_way && now_us >= c->forget_due_us && now_us - c->sure_since_us >= HOUR_US;
    if (due) c->forgetting = true;
    mutex_unlock(&c->lock);
    if (!due || database_submit(c->database, &c->forget_query, true, run_forget) == APR_SUCCESS) return;
    mutex_lock(&c->lock);
    c->forgetting = false;
    mutex_unlock(&c->lock);
}

void client_rows_retry(client_rows_t *c) {
    start(c);
    if (c->keep_days > 0) forget(c);
}

size_t client_rows_waiting(client_rows_t *c) {
    mutex_lock(&c->lock);
    size_t waiting = c->waiting;
    mutex_unlock(&c->lock);
    return waiting;
}
