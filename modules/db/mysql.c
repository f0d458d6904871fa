#include "db/mysql_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "db/mysql_url.h"
#include "portability/clock.h"

#include <mysqld_error.h>

#include <stdio.h>
#include <string.h>

#define MOST_COLUMNS 64
#define MOST_PARAMETERS 16

static apr_status_t failed(mysql_session_t *s, unsigned code, const char *words) {
    mysql_describe(s->session.error, sizeof s->session.error, s->where, code, words);
    return mysql_status(code);
}

static apr_status_t statement_failed(mysql_session_t *s, MYSQL_STMT *statement) {
    return failed(s, mysql_stmt_errno(statement), mysql_stmt_error(statement));
}

/* Our own mistakes, in words that find the place. */
static apr_status_t misused(mysql_session_t *s, const char *what, const char *sql) {
    (void)snprintf(s->session.error, sizeof s->session.error, "%s: %s: %s", s->where, what, sql);
    return QMQ_E_INVALID;
}

static mysql_statement_t *find(mysql_session_t *s, const char *sql) {
    for (size_t i = 0; i < MYSQL_CACHED_STATEMENTS; i++) {
        mysql_statement_t *c = &s->cache[i];
        if (c->statement != NULL && !c->busy && strcmp(c->sql, sql) == 0) return c;
    }
    return NULL;
}

static void forget(mysql_statement_t *c) {
    if (c->statement != NULL) (void)mysql_stmt_close(c->statement); /* a failure shows at the next use of the connection */
    memory_free(c->sql);
    *c = (mysql_statement_t){0};
}

/* A free place, or that of the statement used longest ago. NULL: all are running, one inside the other. */
static mysql_statement_t *make_room(mysql_session_t *s) {
    mysql_statement_t *oldest = NULL;
    for (size_t i = 0; i < MYSQL_CACHED_STATEMENTS; i++) {
        mysql_statement_t *c = &s->cache[i];
        if (!c->busy && (oldest == NULL || c->used < oldest->used)) oldest = c;
    }
    if (oldest != NULL) forget(oldest);
    return oldest;
}

static apr_status_t prepare(mysql_session_t *s, const char *sql, mysql_statement_t **out) {
    mysql_statement_t *c = find(s, sql);
    if (c == NULL) {
        my_bool measure = 1;
        c = make_room(s);
        if (c == NULL) return misused(s, "too many statements inside each other", sql);
        c->statement = mysql_stmt_init(s->connection);
        if (c->statement == NULL) return failed(s, mysql_errno(s->connection), mysql_error(s->connection));
        c->sql = memory_strdup(sql);
        if (mysql_stmt_prepare(c->statement, sql, (unsigned long)strlen(sql)) != 0 ||
            mysql_stmt_attr_set(c->statement, STMT_ATTR_UPDATE_MAX_LENGTH, &measure)) {
            apr_status_t status = statement_failed(s, c->statement);
            forget(c);
            return status;
        }
    }
    c->used = ++s->clock;
    *out = c;
    return APR_SUCCESS;
}

static void bind_value(MYSQL_BIND *to, const db_value_t *v) {
    *to = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_NULL};
    if (v->type == DB_INT) {
        to->buffer_type = MYSQL_TYPE_LONGLONG;
        to->buffer = (void *)(uintptr_t)&v->number;
    } else if (v->type == DB_TEXT) {
        to->buffer_type = MYSQL_TYPE_STRING;
        to->buffer = (void *)(uintptr_t)(v->text.size == 0 ? "" : v->text.data);
        to->buffer_length = (unsigned long)v->text.size;
    }
}

static bool is_deadlock(const mysql_statement_t *c, apr_status_t status) {
    return status != APR_SUCCESS && mysql_stmt_errno(c->statement) == ER_LOCK_DEADLOCK;
}

static apr_status_t run(mysql_session_t *s, const mysql_statement_t *c, const db_value_t *parameters, size_t count) {
    MYSQL_BIND binds[MOST_PARAMETERS];
    if (count > MOST_PARAMETERS || mysql_stmt_param_count(c->statement) != count) return misused(s, "wrong number of parameters", c->sql);
    for (size_t i = 0; i < count; i++) bind_value(&binds[i], &parameters[i]);
    if (count > 0 && mysql_stmt_bind_param(c->statement, binds)) return statement_failed(s, c->statement);
    if (mysql_stmt_execute(c->statement) != 0) return statement_failed(s, c->statement);
    return APR_SUCCESS;
}

/* What a deadlock has undone is repeated: here a statement that stands alone, by db_transaction what belongs together. (An expired wait for
 * a lock is not: it has taken long enough.) */
static apr_status_t run_again(mysql_session_t *s, const mysql_statement_t *c, const db_value_t *parameters, size_t count) {
    apr_status_t status = run(s, c, parameters, count);
    for (int i = 1; i < DB_DEADLOCK_TRIES && !s->session.in_transaction && is_deadlock(c, status); i++)
        status = run(s, c, parameters, count);
    s->session.undone = s->session.in_transaction && is_deadlock(c, status);
    return status;
}

/* Rows of a result that was fetched whole, so that another statement may run while they are looked at. */
typedef struct result {
    mysql_session_t *session;
    MYSQL_STMT *statement;
    unsigned count;
    MYSQL_BIND binds[MOST_COLUMNS];
    int64_t numbers[MOST_COLUMNS];
    unsigned long sizes[MOST_COLUMNS];
    my_bool nulls[MOST_COLUMNS];
    char *texts;
} result_t;

static bool is_number(const MYSQL_FIELD *f) {
    switch (f->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
        return true;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL: /* what arithmetic with whole numbers gives */
        return f->decimals == 0;
    default:
        return false;
    }
}

static void bind_columns(result_t *r, const MYSQL_FIELD *fields) {
    size_t room = 1;
    for (unsigned i = 0; i < r->count; i++) room += is_number(&fields[i]) ? 0 : fields[i].max_length;
    r->texts = memory_alloc(room);
    char *to = r->texts;
    for (unsigned i = 0; i < r->count; i++) {
        bool number = is_number(&fields[i]);
        r->binds[i] = (MYSQL_BIND){.buffer_type = number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_STRING,
                                   .buffer = number ? (void *)&r->numbers[i] : to,
                                   .buffer_length = number ? sizeof r->numbers[i] : fields[i].max_length,
                                   .length = &r->sizes[i],
                                   .is_null = &r->nulls[i]};
        if (!number) to += fields[i].max_length;
    }
}

static apr_status_t hand_out(result_t *r, bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg) {
    db_value_t columns[MOST_COLUMNS];
    int code = 0;
    while (row != NULL && (code = mysql_stmt_fetch(r->statement)) == 0) {
        for (unsigned i = 0; i < r->count; i++) {
            if (r->nulls[i]) {
                columns[i] = DB_NULL_OF;
            } else if (r->binds[i].buffer_type == MYSQL_TYPE_LONGLONG) {
                columns[i] = DB_INT_OF(r->numbers[i]);
            } else {
                columns[i] = DB_TEXT_OF(view_make(r->binds[i].buffer, r->sizes[i]));
            }
        }
        if (!row(arg, columns, r->count)) return APR_SUCCESS;
    }
    if (code == MYSQL_DATA_TRUNCATED) return misused(r->session, "a column is longer than announced", "");
    return code == 0 || code == MYSQL_NO_DATA ? APR_SUCCESS : statement_failed(r->session, r->statement);
}

static apr_status_t take_rows(mysql_session_t *s, const mysql_statement_t *c,
                              bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg) {
    result_t r = {.session = s, .statement = c->statement, .count = mysql_stmt_field_count(c->statement)};
    if (r.count == 0) return APR_SUCCESS;
    if (r.count > MOST_COLUMNS) return misused(s, "too many columns", c->sql);
    if (mysql_stmt_store_result(c->statement) != 0) return statement_failed(s, c->statement);
    MYSQL_RES *about = mysql_stmt_result_metadata(c->statement);
    if (about == NULL) return statement_failed(s, c->statement);
    bind_columns(&r, mysql_fetch_fields(about));
    mysql_free_result(about);
    apr_status_t status = mysql_stmt_bind_result(c->statement, r.binds) ? statement_failed(s, c->statement) : hand_out(&r, row, arg);
    memory_free(r.texts);
    return status;
}

static apr_status_t execute(db_session_t *session, const char *sql, const db_value_t *parameters, size_t count,
                            bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg, int64_t *affected) {
    mysql_session_t *s = (mysql_session_t *)session;
    mysql_statement_t *c = NULL;
    apr_status_t status = prepare(s, sql, &c);
    if (status != APR_SUCCESS || c == NULL) return status;
    c->busy = true;
    status = run_again(s, c, parameters, count);
    if (status == APR_SUCCESS) status = take_rows(s, c, row, arg);
    if (status == APR_SUCCESS && affected != NULL && mysql_stmt_field_count(c->statement) == 0)
        *affected = (int64_t)mysql_stmt_affected_rows(c->statement);
    (void)mysql_stmt_free_result(c->statement); /* what was not fetched; a lost connection shows at its next use */
    c->busy = false;
    s->used_us = clock_mono_us();
    return status;
}

static apr_status_t connection_failed(mysql_session_t *s) {
    return failed(s, mysql_errno(s->connection), mysql_error(s->connection));
}

/* The server takes the statements in turn; each has its answer. */
static apr_status_t run_script(mysql_session_t *s, const char *text) {
    if (mysql_query(s->connection, text) != 0) return connection_failed(s);
    for (;;) {
        MYSQL_RES *rows = mysql_store_result(s->connection);
        if (rows != NULL) mysql_free_result(rows);
        if (rows == NULL && mysql_field_count(s->connection) != 0) return connection_failed(s);
        int more = mysql_next_result(s->connection);
        if (more != 0) return more < 0 ? APR_SUCCESS : connection_failed(s);
    }
}

static apr_status_t script(db_session_t *session, const char *text) {
    mysql_session_t *s = (mysql_session_t *)session;
    if (mysql_set_server_option(s->connection, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0) return connection_failed(s);
    apr_status_t status = run_script(s, text);
    if (status != APR_SUCCESS) return status; /* the session is not used again */
    return mysql_set_server_option(s->connection, MYSQL_OPTION_MULTI_STATEMENTS_OFF) == 0 ? status : connection_failed(s);
}

static int64_t last_insert_id(db_session_t *session) {
    return (int64_t)mysql_insert_id(((mysql_session_t *)session)->connection);
}

static bool wants_rest(db_session_t *session) {
    (void)session;
    return false;
}

static apr_status_t rest(db_session_t *session) {
    (void)session;
    return APR_SUCCESS;
}

const db_driver_t db_mysql_driver = {.dialect = DB_MYSQL,
                                     .prefix = MYSQL_URL_PREFIX,
                                     .open = mysql_session_open,
                                     .close = mysql_session_close,
                                     .is_alive = mysql_session_is_alive,
                                     .execute = execute,
                                     .script = script,
                                     .last_insert_id = last_insert_id,
                                     .wants_rest = wants_rest,
                                     .rest = rest};
