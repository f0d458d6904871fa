#include "metaserver/statements.h"

const statements_t *statements_of(db_dialect_t dialect) {
    return dialect == DB_MYSQL ? &statements_mysql : &statements_sqlite;
}
