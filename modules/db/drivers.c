/* The kinds of database. */
#include "db/driver.h"

const db_driver_t *const db_drivers[] = {&db_sqlite_driver, &db_mysql_driver, NULL};
