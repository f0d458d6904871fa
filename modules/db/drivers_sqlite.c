/* The kinds of database of a build without the MySQL client library. */
#include "db/driver.h"

const db_driver_t *const db_drivers[] = {&db_sqlite_driver, NULL};
