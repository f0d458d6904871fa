#include "db/sqlite_internal.h"

#include "base/memory.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>

#define MOST_COLUMNS 64

static apr_status_t failed(sqlite_session_t *s, int code) {
    sqlite_describe(s->session.error, sizeof s->session.error, s->file, s->connection, code);
    return sqlite_status(s->connection, code);
}

/* Our own mistakes, in words that find the place. */
static apr_status_t misused(sqlite_session_t *s, const char *what, const char *sql) {
    (void)snprintf(s->session.error, sizeof s->session.error, "%s: %s: %s", s->file, what, sql);
    return QMQ_E_INVALID;
}

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\r\n;")] == 0;
}

static cached_statement_t *find(sqlite_session_t *s, const char *sql) {
    for (size_t i = 0; i < SQLITE_CACHED_STATEMENTS; i++) {
        cached_statement_t *c = &s->cache[i];
        if (c->statement != NULL && !c->busy && strcmp(c->sql, sql) == 0) return c;
    }
    return NULL;
}

/* A free place, or that of the statement used longest ago. NULL: all are running, one inside the other. */
static cached_statement_t *make_room(sqlite_session_t *s) {
    cached_statement_t *oldest = NULL;
    for (size_t i = 0; i < SQLITE_CACHED_STATEMENTS; i++) {
        cached_statement_t *c = &s->cache[i];
        if (!c->busy && (oldest == NULL || c->used < oldest->used)) oldest = c;
    }
    if (oldest == NULL) return NULL;
    (void)sqlite3_finalize(oldest->statement); /* repeats the error of its last run */
    memory_free(oldest->sql);
    *oldest = (cached_statement_t){0};
    return oldest;
}

static apr_status_t prepare(sqlite_session_t *s, const char *sql, cached_statement_t **out) {
    cached_statement_t *c = find(s, sql);
    if (c == NULL) {
        const char *rest = "";
        c = make_room(s);
        if (c == NULL) return misused(s, "too many statements inside each other", sql);
        int code = sqlite3_prepare_v3(s->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &c->statement, &rest);
        if (code != SQLITE_OK) return failed(s, code);
        c->sql = memory_strdup(sql);
        if (c->statement == NULL || !is_blank(rest)) return misused(s, "not one statement", sql);
    }
    c->used = ++s->clock;
    *out = c;
    return APR_SUCCESS;
}

static int bind_value(sqlite3_stmt *statement, int at, const db_value_t *v) {
    switch (v->type) {
    case DB_INT:
        return sqlite3_bind_int64(statement, at, v->number);
    case DB_TEXT: /* the bytes stay where they are until the statement is done */
        return sqlite3_bind_text64(statement, at, v->text.size == 0 ? "" : v->text.data, v->text.size, SQLITE_STATIC, SQLITE_UTF8);
    default:
        return sqlite3_bind_null(statement, at);
    }
}

static apr_status_t bind_all(sqlite_session_t *s, const cached_statement_t *c, const db_value_t *parameters, size_t count) {
    if ((size_t)sqlite3_bind_parameter_count(c->statement) != count) return misused(s, "wrong number of parameters", c->sql);
    for (size_t i = 0; i < count; i++) {
        int code = bind_value(c->statement, (int)i + 1, &parameters[i]);
        if (code != SQLITE_OK) return failed(s, code);
    }
    return APR_SUCCESS;
}

static db_value_t column(sqlite3_stmt *statement, int at) {
    switch (sqlite3_column_type(statement, at)) {
    case SQLITE_NULL:
        return DB_NULL_OF;
    case SQLITE_INTEGER:
        return DB_INT_OF(sqlite3_column_int64(statement, at));
    default: {
        const void *text = sqlite3_column_text(statement, at);
        return DB_TEXT_OF(view_make(text, (size_t)sqlite3_column_bytes(statement, at)));
    }
    }
}

static apr_status_t run(sqlite_session_t *s, const cached_statement_t *c, bool (*row)(void *arg, const db_value_t *columns, size_t count),
                        void *arg) {
    db_value_t columns[MOST_COLUMNS];
    int count = sqlite3_column_count(c->statement);
    if (count > MOST_COLUMNS) return misused(s, "too many columns", c->sql);
    int code = sqlite3_step(c->statement);
    while (code == SQLITE_ROW && row != NULL) {
        for (int i = 0; i < count; i++) columns[i] = column(c->statement, i);
        if (!row(arg, columns, (size_t)count)) return APR_SUCCESS;
        code = sqlite3_step(c->statement);
    }
    return code == SQLITE_DONE || code == SQLITE_ROW ? APR_SUCCESS : failed(s, code);
}

static apr_status_t execute(db_session_t *session, const char *sql, const db_value_t *parameters, size_t count,
                            bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg, int64_t *affected) {
    sqlite_session_t *s = (sqlite_session_t *)session;
    cached_statement_t *c = NULL;
    apr_status_t status = prepare(s, sql, &c);
    if (status != APR_SUCCESS || c == NULL) return status;
    c->busy = true;
    status = bind_all(s, c, parameters, count);
    if (status == APR_SUCCESS) status = run(s, c, row, arg);
    if (status == APR_SUCCESS && affected != NULL && !sqlite3_stmt_readonly(c->statement)) *affected = sqlite3_changes64(s->connection);
    (void)sqlite3_reset(c->statement); /* repeats the error of the run */
    (void)sqlite3_clear_bindings(c->statement);
    c->busy = false;
    return status;
}

static apr_status_t script(db_session_t *session, const char *text) {
    sqlite_session_t *s = (sqlite_session_t *)session;
    int code = sqlite3_exec(s->connection, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? APR_SUCCESS : failed(s, code);
}

static int64_t last_insert_id(db_session_t *session) {
    return sqlite3_last_insert_rowid(((sqlite_session_t *)session)->connection);
}

static bool wants_rest(db_session_t *session) {
    sqlite_session_t *s = (sqlite_session_t *)session;
    return sqlite3_total_changes64(s->connection) != s->settled;
}

/* Moves what was committed into the file and syncs it; what a reader still needs stays in the WAL for the next time. */
static apr_status_t rest(db_session_t *session) {
    sqlite_session_t *s = (sqlite_session_t *)session;
    s->settled = sqlite3_total_changes64(s->connection);
    int code = sqlite3_wal_checkpoint_v2(s->connection, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return code == SQLITE_OK || (code & 0xFF) == SQLITE_BUSY ? APR_SUCCESS : failed(s, code);
}

const db_driver_t db_sqlite_driver = {.dialect = DB_SQLITE,
                                      .prefix = "jdbc:sqlite:",
                                      .one_writer = true,
                                      .open = sqlite_session_open,
                                      .close = sqlite_session_close,
                                      .execute = execute,
                                      .script = script,
                                      .last_insert_id = last_insert_id,
                                      .wants_rest = wants_rest,
                                      .rest = rest};
