#include "metaserver/table_state.h"

#include "base/status.h"

enum { COLUMN_NOW, COLUMN_NEWEST, COLUMN_ROWS, COLUMN_VERSIONS, COLUMNS };

static bool take(void *arg, const db_value_t *columns, size_t count) {
    if (count < COLUMNS) return false;
    *(table_state_t *)arg = (table_state_t){.now = columns[COLUMN_NOW].number,
                                            .newest = columns[COLUMN_NEWEST].number,
                                            .rows = columns[COLUMN_ROWS].number,
                                            .versions = columns[COLUMN_VERSIONS].number};
    return false;
}

apr_status_t table_state_read(table_state_t *state, db_session_t *session, const char *statement) {
    table_state_t read = {.now = 0};
    apr_status_t rv = db_execute(session, statement, NULL, 0, take, &read, NULL);
    if (rv == APR_SUCCESS && read.now == 0) rv = QMQ_E_CORRUPT; /* no row */
    if (rv == APR_SUCCESS) *state = read;
    return rv;
}

/* A row that is touched in the second in which its table is looked at may be touched once more in that second, and looks the same. */
bool table_state_unchanged(const table_state_t *old, const table_state_t *now) {
    bool settled = old->newest < old->now - 1;
    return settled && now->rows == old->rows && now->newest == old->newest && now->versions == old->versions && now->now >= old->now;
}

bool table_state_follows(const table_state_t *old, const table_state_t *now) {
    return old->now > 0 && now->now >= old->now && now->newest >= old->newest;
}
