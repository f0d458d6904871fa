/* The MariaDB server that the tests were given, if any: the suites of db and metaserver run over it when QMQ_TEST_MYSQL=host:port is set
 * (scripts/check.sh does), else over SQLite. */
#ifndef QMQ_TESTS_SUPPORT_TEST_DATABASE_H
#define QMQ_TESTS_SUPPORT_TEST_DATABASE_H

#include <stdbool.h>

#define TEST_MYSQL_USER "qmq"
#define TEST_MYSQL_PASSWORD "a secret, with a comma"

bool test_has_mysql(void);
/* The jdbc.url of a new, empty database there (memory_free). */
char *test_mysql_create(void);

#endif
