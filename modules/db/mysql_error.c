#include "db/mysql_internal.h"

#include "base/status.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>

/* Of MySQL 8 and of servers whose disk is full; not in every copy of mysqld_error.h. */
#define SERVER_DISK_FULL 1021
#define SERVER_READ_ONLY_MODE 1836

typedef struct meaning {
    unsigned code;
    apr_status_t status;
    const char *sentence;
    const char *remedy;
} meaning_t;

#define RIGHTS "Give the user of jdbc.username the rights to read and write the tables (GRANT ... ON <database>.*)"
#define AWAY "See that the database runs, that its address and port in jdbc.url are right and that no firewall is in between"
#define WRITABLE "Make the database writable, or point jdbc.url at the primary"

static const meaning_t meanings[] = {
    {ER_DUP_ENTRY, QMQ_E_LOCKED, "the row exists already", "Nothing is to be done"},
    {CR_CONNECTION_ERROR, QMQ_E_UNREACHABLE, "it cannot be reached", AWAY},
    {CR_CONN_HOST_ERROR, QMQ_E_UNREACHABLE, "it cannot be reached", AWAY},
    {CR_UNKNOWN_HOST, QMQ_E_UNREACHABLE, "its host name is not known",
     "Correct the host name in jdbc.url, or make it known to this machine"},
    {CR_SERVER_GONE_ERROR, QMQ_E_CLOSED, "the connection was lost", AWAY},
    {CR_SERVER_LOST, QMQ_E_CLOSED, "the connection was lost, or no answer came in time", AWAY},
    {CR_SSL_CONNECTION_ERROR, QMQ_E_UNREACHABLE, "no encrypted connection can be made",
     "Set up TLS at the database, or correct useSSL, sslMode and serverSslCert in jdbc.url"},
    {CR_AUTH_PLUGIN_CANNOT_LOAD, APR_ENOENT, "the way in which it checks passwords is not known to the client library",
     "Install the plugins of the client library (Debian: package libmariadb3), or name their directory in MARIADB_PLUGIN_DIR"},
    {ER_CON_COUNT_ERROR, APR_EBUSY, "it has too many connections", "Raise max_connections of the database, or lower pool.size.max"},
    {ER_ACCESS_DENIED_ERROR, APR_EACCES, "user or password is refused", "Correct jdbc.username and jdbc.password in datasource.properties"},
    {ER_DBACCESS_DENIED_ERROR, APR_EACCES, "the user may not use the database", RIGHTS},
    {ER_TABLEACCESS_DENIED_ERROR, APR_EACCES, "the user has not the right", RIGHTS},
    {ER_BAD_DB_ERROR, APR_ENOENT, "there is no such database",
     "Create it (CREATE DATABASE ... CHARACTER SET utf8mb4), or correct jdbc.url"},
    {ER_NO_SUCH_TABLE, APR_ENOENT, "a table is missing", "Run sql/init.sql in the database"},
    {ER_OPTION_PREVENTS_STATEMENT, APR_EACCES, "it is read-only", WRITABLE},
    {SERVER_READ_ONLY_MODE, APR_EACCES, "it is read-only", WRITABLE},
    {ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, APR_EACCES, "it is read-only", WRITABLE},
    {ER_RECORD_FILE_FULL, APR_ENOSPC, "its disk is full", "Free disk space at the database"},
    {SERVER_DISK_FULL, APR_ENOSPC, "its disk is full", "Free disk space at the database"},
    {ER_DATA_TOO_LONG, QMQ_E_TOO_LONG, "a value is too long for its column", "Widen the column as in sql/init.sql"},
    {ER_LOCK_WAIT_TIMEOUT, APR_EBUSY, "another transaction holds the row", "End the transaction that holds it"},
    {ER_LOCK_DEADLOCK, APR_EBUSY, "two transactions wait for each other", "Nothing is to be done if it stays rare"},
};

static const meaning_t *find(unsigned code) {
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].code == code) return &meanings[i];
    }
    return NULL;
}

apr_status_t mysql_status(unsigned code) {
    const meaning_t *m = find(code);
    return code == 0 ? APR_SUCCESS : m != NULL ? m->status : APR_EGENERAL;
}

void mysql_describe(char *to, size_t size, const char *where, unsigned code, const char *words) {
    const meaning_t *m = find(code);
    (void)snprintf(to, size, "%s: %s (MySQL %u: %s)", where, m == NULL ? "the statement failed" : m->sentence, code, words);
}

const char *mysql_remedy(unsigned code) {
    const meaning_t *m = find(code);
    return m == NULL ? "Look into the log of the database" : m->remedy;
}
