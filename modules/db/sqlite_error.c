#include "db/sqlite_internal.h"

#include "base/status.h"

#include <stdio.h>

apr_status_t sqlite_status(sqlite3 *connection, int code) {
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID) return QMQ_E_LOCKED;
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return APR_SUCCESS;
    case SQLITE_FULL:
        return APR_ENOSPC;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return APR_EACCES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return QMQ_E_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return APR_EBUSY;
    case SQLITE_NOMEM:
        return APR_ENOMEM;
    case SQLITE_TOOBIG:
        return QMQ_E_TOO_LONG;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        return QMQ_E_INVALID;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: {
        int system = connection == NULL ? 0 : sqlite3_system_errno(connection);
        return system == 0 ? APR_EGENERAL : APR_FROM_OS_ERROR(system);
    }
    default:
        return APR_EGENERAL;
    }
}

static const char *sentence(int code) {
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return "the disk is full";
    case SQLITE_READONLY:
        return "the file or its directory is read-only";
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return "access is denied";
    case SQLITE_CORRUPT:
        return "the file is damaged";
    case SQLITE_NOTADB:
        return "the file is no SQLite database";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another process holds its lock";
    case SQLITE_CANTOPEN:
        return "the file cannot be opened";
    case SQLITE_IOERR:
        return "reading or writing the disk failed";
    case SQLITE_CONSTRAINT:
        return "a value is refused";
    default:
        return "the statement failed";
    }
}

void sqlite_describe(char *to, size_t size, const char *file, sqlite3 *connection, int code) {
    int system = connection == NULL ? 0 : sqlite3_system_errno(connection);
    bool tells = ((code & 0xFF) == SQLITE_CANTOPEN || (code & 0xFF) == SQLITE_IOERR) && system != 0;
    char why[120] = "";
    if (tells) (void)status_text(APR_FROM_OS_ERROR(system), why, sizeof why);
    (void)snprintf(to, size, "%s: %s%s%s (SQLite %d: %s)", file, sentence(code), tells ? ": " : "", why, code,
                   connection == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(connection));
}

const char *sqlite_remedy(int code) {
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return "Free disk space";
    case SQLITE_CORRUPT:
        return "Restore the file from a backup, or recover what can be read with sqlite3's .recover";
    case SQLITE_NOTADB:
        return "Name another file in jdbc.url, or restore this one from a backup";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "End the process that uses the file, or name another file in jdbc.url";
    case SQLITE_IOERR:
        return "Look at the disk and the system's log";
    default:
        return "Make the file and its directory writable for this user, or name another file in jdbc.url";
    }
}
