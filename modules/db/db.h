/* SQL connections behind one small interface: SQLite or MySQL (design rule 9, decisions 12, 15). Statements are prepared,
 * parameters bound. Asynchronous to its callers: work is handed to the database's own thread(s) and comes back by a callback there; the
 * caller carries it to its loop. SQLite has one writer thread; over MySQL pieces of work run side by side. */
#ifndef QMQ_DB_DB_H
#define QMQ_DB_DB_H

#include "base/error.h"
#include "base/log.h"
#include "base/view.h"

#include <apr_errno.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct db db_t;
typedef struct db_session db_session_t; /* what a work function gets: one connection, for the duration of the call */

typedef enum db_dialect { DB_SQLITE, DB_MYSQL } db_dialect_t;

typedef struct db_options {
    const char *url; /* "jdbc:sqlite:<file>" or "jdbc:mysql://..." (metaserver.md 2.3); relative SQLite files are already resolved */
    const char *user;
    const char *password;
    int pool_size;    /* connections, a third of them write; SQLite: one writer and up to this many readers */
    size_t max_queue; /* work waiting; 0: 10000 */
    const log_t *log;
} db_options_t;

/* Connects once to see that it works; *error names url, cause, remedy. */
apr_status_t db_open(db_t **out, const db_options_t *options, qmq_error_t **error);
/* Finishes queued work, closes. */
void db_close(db_t *d);
db_dialect_t db_dialect(const db_t *d);

/* Work for the database: embedded in the caller's object. run is called on a database thread with a session, or with NULL when no
 * connection can be had (cause in status); afterwards the object is the caller's again (run is the last touch). */
typedef struct db_work {
    struct db_work *next;
    bool writes; /* goes to a writer */
    apr_status_t status;
    void (*run)(struct db_work *self, db_session_t *session);
} db_work_t;
/* QMQ_E_FULL: not taken. Any thread. */
apr_status_t db_submit(db_t *d, db_work_t *work);
/* Runs work on the calling thread's behalf and waits (start-up, tests). Not from an event loop. */
void db_call(db_t *d, bool writes, void (*run)(void *arg, db_session_t *session, apr_status_t status), void *arg);

/* Inside run. Parameters and columns. */
typedef enum db_type { DB_NULL, DB_INT, DB_TEXT } db_type_t;
typedef struct db_value {
    db_type_t type;
    int64_t number;
    view_t text; /* columns: valid until the next db_step */
} db_value_t;
#define DB_INT_OF(n) ((db_value_t){DB_INT, (n), {NULL, 0}})
#define DB_TEXT_OF(v) ((db_value_t){DB_TEXT, 0, (v)})
#define DB_NULL_OF ((db_value_t){DB_NULL, 0, {NULL, 0}})

/* Executes a statement (cached by its text); rows are handed to `row` until it returns false. *affected: rows matched by an UPDATE or
 * DELETE, rows inserted; may be NULL. row may be NULL. QMQ_E_LOCKED: a unique key is violated (duplicate). Other failures: the session is
 * not used again; db_session_error tells. */
apr_status_t db_execute(db_session_t *s, const char *sql, const db_value_t *parameters, size_t count,
                        bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg, int64_t *affected);
apr_status_t db_begin(db_session_t *s);
apr_status_t db_commit(db_session_t *s);
void db_rollback(db_session_t *s);
/* Calls run between db_begin and db_commit; when it returns a failure, db_rollback. When the server undid everything because two
 * transactions waited for each other (MySQL), run is called again, a few times: it must take nothing over from the call before. A statement
 * outside a transaction is repeated likewise by db_execute itself. */
apr_status_t db_transaction(db_session_t *s, apr_status_t (*run)(void *arg, db_session_t *s), void *arg);
int64_t db_last_insert_id(db_session_t *s);
const char *db_session_error(const db_session_t *s);
/* Runs a script of several statements separated by ';' (schema). */
apr_status_t db_execute_script(db_session_t *s, const char *script);

#endif
