/* The kinds of database of a build that has the MySQL client library. */
#include "db/driver.h"

const db_driver_t *const db_drivers[] = {&db_sqlite_driver, &db_mysql_driver, NULL};
