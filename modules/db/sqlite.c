/* SQLite through its C API: write-ahead log, so that readers and the writer do not wait for each other; every statement prepared once and
 * kept. */
#include "db/db_internal.h"

#include "base/memory.h"
#include "base/status.h"

#include <sqlite3.h>
#include <string.h>

#define BUSY_TIMEOUT_MS 5000
#define KEPT_STATEMENTS 64
#define MAX_COLUMNS 64

typedef struct kept_statement {
    char *sql;
    sqlite3_stmt *statement;
} kept_statement_t;

typedef struct sqlite_connection {
    sqlite3 *handle;
    kept_statement_t kept[KEPT_STATEMENTS];
    size_t count;
    size_t next; /* to be replaced when all places are taken */
    bool broken;
} sqlite_connection_t;

static apr_status_t status_of(int code) {
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return APR_SUCCESS;
    case SQLITE_CONSTRAINT:
        return QMQ_E_LOCKED;
    case SQLITE_FULL:
        return APR_ENOSPC;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return APR_EACCES;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return APR_TIMEUP;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return QMQ_E_CORRUPT;
    default:
        return APR_EGENERAL;
    }
}

static bool is_unique_violation(const sqlite_connection_t *c) {
    int code = sqlite3_extended_errcode(c->handle);
    return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY;
}

static apr_status_t failure(sqlite_connection_t *c, int code) {
    if ((code & 0xff) == SQLITE_CONSTRAINT) return is_unique_violation(c) ? QMQ_E_LOCKED : QMQ_E_INVALID;
    return status_of(code);
}

static qmq_error_t *open_error(const char *path, sqlite3 *handle, int code) {
    const char *text = handle == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
    const char *remedy = status_of(code) == QMQ_E_CORRUPT
                             ? "Restore the file from a copy, or name another one in jdbc.url of conf/datasource.properties"
                             : "Give this user the right to read and write the file and its directory, or name another one in jdbc.url of "
                               "conf/datasource.properties";
    return error_create(status_of(code), remedy, "cannot open the database %s: %s", path, text);
}

static void sqlite_close(void *connection) {
    sqlite_connection_t *c = connection;
    for (size_t i = 0; i < c->count; i++) {
        (void)sqlite3_finalize(c->kept[i].statement);
        memory_free(c->kept[i].sql);
    }
    (void)sqlite3_close(c->handle);
    memory_free(c);
}

/* Settings of a connection. The database of a metaserver is small: a page cache of 512 KiB is enough. A lost registration comes again, so
 * NORMAL: consistent after any crash, and the last transactions may be lost with the machine only. */
static int configure(sqlite3 *handle, bool writer) {
    int code = sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = sqlite3_exec(handle, "PRAGMA cache_size=-512; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;", NULL, NULL, NULL);
    if (code == SQLITE_OK && writer)
        code = sqlite3_exec(handle, "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=4194304;", NULL, NULL, NULL);
    return code;
}

static apr_status_t sqlite_open(const char *location, bool writer, void **connection, qmq_error_t **error) {
    sqlite3 *handle = NULL;
    int code = sqlite3_open_v2(location, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_CREATE : 0), NULL);
    if (code == SQLITE_OK) code = configure(handle, writer);
    if (code == SQLITE_OK && sqlite3_db_readonly(handle, "main") == 1 && writer) code = SQLITE_READONLY;
    if (code != SQLITE_OK) {
        *error = open_error(location, handle, code);
        (void)sqlite3_close(handle);
        return status_of(code);
    }
    sqlite_connection_t *c = memory_zalloc(sizeof *c);
    c->handle = handle;
    *connection = c;
    return APR_SUCCESS;
}

static sqlite3_stmt *statement_get(sqlite_connection_t *c, const char *sql) {
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->kept[i].sql, sql) == 0) return c->kept[i].statement;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(c->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) return NULL;
    size_t at = c->count;
    if (c->count < KEPT_STATEMENTS) {
        c->count++;
    } else {
        at = c->next++ % KEPT_STATEMENTS;
        (void)sqlite3_finalize(c->kept[at].statement);
        memory_free(c->kept[at].sql);
    }
    c->kept[at].sql = memory_strdup(sql);
    c->kept[at].statement = statement;
    return statement;
}

static int bind_parameters(sqlite3_stmt *statement, const db_value_t *parameters, size_t count) {
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        const db_value_t *v = &parameters[i];
        int at = (int)i + 1;
        if (v->type == DB_INT)
            code = sqlite3_bind_int64(statement, at, v->number);
        else if (v->type == DB_TEXT)
            code =
                sqlite3_bind_text64(statement, at, v->text.data == NULL ? "" : v->text.data, v->text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
        else
            code = sqlite3_bind_null(statement, at);
    }
    return code;
}

static db_value_t column(sqlite3_stmt *statement, int i) {
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_NULL:
        return DB_NULL_OF;
    case SQLITE_INTEGER:
        return DB_INT_OF(sqlite3_column_int64(statement, i));
    default: {
        const char *text = (const char *)sqlite3_column_text(statement, i);
        return DB_TEXT_OF(view_make(text, (size_t)sqlite3_column_bytes(statement, i)));
    }
    }
}

static apr_status_t sqlite_execute(void *connection, const char *sql, const db_value_t *parameters, size_t count,
                                   bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg, int64_t *affected) {
    sqlite_connection_t *c = connection;
    sqlite3_stmt *statement = statement_get(c, sql);
    if (statement == NULL) return failure(c, sqlite3_errcode(c->handle));
    int code = bind_parameters(statement, parameters, count);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    while (code == SQLITE_ROW) {
        db_value_t columns[MAX_COLUMNS];
        int n = sqlite3_column_count(statement);
        if (n > MAX_COLUMNS) n = MAX_COLUMNS;
        for (int i = 0; i < n; i++) columns[i] = column(statement, i);
        code = row == NULL || row(arg, columns, (size_t)n) ? sqlite3_step(statement) : SQLITE_DONE;
    }
    apr_status_t rv = code == SQLITE_DONE ? APR_SUCCESS : failure(c, code);
    if (rv == QMQ_E_CORRUPT) c->broken = true;
    if (affected != NULL) *affected = rv == APR_SUCCESS ? sqlite3_changes(c->handle) : 0;
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return rv;
}

static apr_status_t sqlite_script(void *connection, const char *script) {
    sqlite_connection_t *c = connection;
    int code = sqlite3_exec(c->handle, script, NULL, NULL, NULL);
    return code == SQLITE_OK ? APR_SUCCESS : failure(c, code);
}

static int64_t sqlite_last_insert_id(void *connection) {
    return sqlite3_last_insert_rowid(((sqlite_connection_t *)connection)->handle);
}

static const char *sqlite_error(void *connection) {
    return sqlite3_errmsg(((sqlite_connection_t *)connection)->handle);
}

static bool sqlite_broken(void *connection) {
    return ((sqlite_connection_t *)connection)->broken;
}

const db_driver_t db_sqlite_driver = {sqlite_open,           sqlite_close, sqlite_execute, sqlite_script,
                                      sqlite_last_insert_id, sqlite_error, sqlite_broken};
