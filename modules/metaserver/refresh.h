/* The background thread that keeps the catalog in step with the database (metaserver.md 5.1, 5.2), looks at the side files, and has what
 * failed tried again. */
#ifndef QMQ_METASERVER_REFRESH_H
#define QMQ_METASERVER_REFRESH_H

#include "base/metrics.h"
#include "metaserver/catalog.h"
#include "metaserver/database.h"
#include "metaserver/slaves.h"

typedef struct refresh refresh_t;

typedef struct refresh_options {
    database_t *database;
    catalog_t *catalog;
    slaves_t *slaves;
    int64_t period_us;
    int64_t full_period_us; /* all routes are read this often, in between those that changed; 0: always all */
    /* Called on the thread after each round, whether it went well or not. */
    void (*round)(void *arg);
    void *arg;
    const log_t *log;
    metrics_t *metrics;
} refresh_options_t;

/* Loads everything once; *error says why that failed. */
apr_status_t refresh_start(refresh_t **out, const refresh_options_t *options, qmq_error_t **error);
/* Reads the snapshot now instead of at the next period, without waiting for it. Any thread, before refresh_stop. */
void refresh_soon(refresh_t *r);
void refresh_stop(refresh_t *r); /* ends the thread; NULL is allowed */
void refresh_destroy(refresh_t *r);
/* Milliseconds since the last round in which everything was read. Any thread. */
int64_t refresh_age_ms(refresh_t *r);

#endif
