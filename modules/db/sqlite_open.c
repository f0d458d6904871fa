#include "db/sqlite_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/file.h"

#include <stdio.h>
#include <string.h>

#define BUSY_MS 5000

/* One fsync a commit (FULL) would let 50 000 first registrations take minutes; NORMAL syncs at checkpoints, and `rest` makes one a second
 * after the last change. A crash of the process loses nothing; a power loss takes at most the changes since, never the file. */
static const char *const writer_settings = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-1024;"
                                           "PRAGMA journal_size_limit=16777216; PRAGMA trusted_schema=OFF; BEGIN IMMEDIATE; COMMIT";
static const char *const reader_settings = "PRAGMA query_only=ON; PRAGMA cache_size=-512; PRAGMA trusted_schema=OFF";

static char *file_of(const char *url) {
    const char *file = url + strlen(db_sqlite_driver.prefix);
    return memory_strndup(file, strcspn(file, "?"));
}

static qmq_error_t *make_directory(const char *file) {
    const char *slash = strrchr(file, '/');
    if (slash == NULL || slash == file) return NULL;
    char *directory = memory_strndup(file, (size_t)(slash - file));
    apr_status_t status = directory_create(directory);
    qmq_error_t *e = NULL;
    if (status != APR_SUCCESS) {
        char text[120];
        e = error_create(status, "Make the directory above it writable for this user, or name another file in jdbc.url",
                         "cannot create the directory %s of the database %s: %s", directory, file, status_text(status, text, sizeof text));
    }
    memory_free(directory);
    return e;
}

static qmq_error_t *cannot_open(const sqlite_session_t *s, int code) {
    char text[DB_ERROR_SIZE];
    sqlite_describe(text, sizeof text, s->file, s->connection, code);
    apr_status_t status = sqlite_status(s->connection, code);
    /* a database that exists already is not what stands in the way */
    if (status == QMQ_E_LOCKED || status == APR_SUCCESS) status = APR_EGENERAL;
    return error_create(status, sqlite_remedy(code), "cannot open the database %s", text);
}

/* The lookaside of SQLite would be 120 KiB a connection. */
static int configure(sqlite_session_t *s, bool writes) {
    int code = sqlite3_extended_result_codes(s->connection, 1);
    if (code == SQLITE_OK) code = sqlite3_db_config(s->connection, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    if (code == SQLITE_OK) code = sqlite3_busy_timeout(s->connection, BUSY_MS);
    /* a file without write permission is opened read-only without a word */
    if (code == SQLITE_OK && sqlite3_db_readonly(s->connection, "main") == 1) return SQLITE_READONLY;
    if (code == SQLITE_OK) code = sqlite3_exec(s->connection, writes ? writer_settings : reader_settings, NULL, NULL, NULL);
    return code == SQLITE_OK ? code : sqlite3_extended_errcode(s->connection);
}

apr_status_t sqlite_session_open(db_session_t **out, const db_options_t *options, bool writes, bool create, qmq_error_t **error) {
    sqlite_session_t *s = memory_zalloc(sizeof *s);
    s->session.driver = &db_sqlite_driver;
    s->session.begin = writes ? "BEGIN IMMEDIATE" : "BEGIN";
    s->file = file_of(options->url);
    *error = NULL;
    if (*s->file == 0)
        *error = error_create(QMQ_E_INVALID, "Write jdbc:sqlite:<file>", "jdbc.url=%s names no file", options->url);
    else if (create)
        *error = make_directory(s->file);
    if (*error == NULL) {
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
        int code = sqlite3_open_v2(s->file, &s->connection, flags, NULL);
        if (code == SQLITE_OK) code = configure(s, writes);
        if (code != SQLITE_OK) *error = cannot_open(s, code);
    }
    if (*error != NULL) {
        sqlite_session_close(&s->session);
        return (apr_status_t)qmq_error_status(*error);
    }
    *out = &s->session;
    return APR_SUCCESS;
}

void sqlite_session_close(db_session_t *session) {
    sqlite_session_t *s = (sqlite_session_t *)session;
    for (size_t i = 0; i < SQLITE_CACHED_STATEMENTS; i++) {
        (void)sqlite3_finalize(s->cache[i].statement); /* repeats the error of its last run */
        memory_free(s->cache[i].sql);
    }
    (void)sqlite3_close(s->connection); /* all statements are finalized, so it closes; what it cannot write stays in the WAL */
    memory_free(s->file);
    memory_free(s);
}
