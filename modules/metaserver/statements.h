/* Every SQL statement of the metaserver, one table a dialect (design rule 18; the numbers are those of spec/metaserver.md 4). Times are
 * read in milliseconds since the epoch; parameters are written down in their order. */
#ifndef QMQ_METASERVER_STATEMENTS_H
#define QMQ_METASERVER_STATEMENTS_H

#include "db/db.h"

/* A change of tables that an older version made; in an array that ends with needed NULL. */
typedef struct upgrade {
    const char *needed; /* gives a row when it has not been made */
    const char *script;
    const char *what; /* for the log */
} upgrade_t;

/* The tables there must be, for a list in SQL, and their number. */
#define STATEMENTS_TABLES                                                                                                                  \
    "('broker', 'broker_group', 'subject_info', 'subject_route', 'client_meta_info', 'client_offline_state', "                             \
    "'readonly_broker_group_setting', 'datasource_config', 'leader_election')"
#define STATEMENTS_TABLE_COUNT 9

typedef struct statements {
    /* Whether many changes go into one transaction: for a database of our own it saves a sync a row; where others write too every statement
     * stands alone. */
    bool batches;
    const char *schema;        /* script that creates what is missing */
    const char *tables;        /* how many of STATEMENTS_TABLES there are; when all, the script is not run, it needs rights. NULL: run it */
    const upgrade_t *upgrades; /* NULL: none */
    const char *has_ext;       /* one row when broker_group.ext exists */
    const char *now;           /* O1 */
    /* What tells whether a table has changed. Columns: now and the latest update_time in seconds since the epoch, rows, sum of versions. */
    const char *routes_state;
    const char *subjects_state;

    /* Columns: group_name, role, hostname, ip, serve_port, sync_port. */
    const char *brokers;         /* B4 */
    const char *broker_by_host;  /* B1: hostname, serve_port */
    const char *broker_by_role;  /* B2: group_name, role */
    const char *broker_by_group; /* B3: group_name */
    const char *broker_machine;  /* rows with this hostname or this ip, a few: hostname, ip */
    const char *broker_insert;   /* B5: group_name, role, hostname, ip, serve_port, sync_port */
    const char *broker_move;     /* hostname, ip, serve_port, sync_port; where group_name, role */
    const char *broker_replace;  /* B6: hostname, ip, serve_port, sync_port; where group_name, role, hostname, serve_port */

    /* Columns: group_name, kind, master_address, broker_state, tag, update_time, ext. */
    const char *groups;        /* G1 */
    const char *groups_no_ext; /* G1 for tables without the column: ext reads as NULL */
    const char *group_by_name; /* G2, ext reads as NULL: group_name */
    const char *group_state;   /* G3: broker_state; where group_name */
    const char *group_silent;  /* G3 unless the row was touched lately: broker_state; where group_name, seconds */
    const char *group_tag;     /* tag; where group_name */
    const char *group_ext;     /* ext; where group_name */
    const char *group_put;     /* G4: group_name, kind, master_address, broker_state */

    /* Columns: subject_info, version, broker_group_json, update_time. */
    const char *routes;           /* R1 */
    const char *routes_since;     /* R1 of rows touched since: seconds since the epoch, LIMIT */
    const char *route_by_subject; /* R2: subject_info */
    const char *route_insert;     /* R3: subject_info, version, broker_group_json */
    const char *route_update;     /* R4: broker_group_json; where subject_info, version */

    const char *subjects;        /* I1: name, tag */
    const char *subject_by_name; /* I2, columns name, tag, update_time: name */
    const char *subject_insert;  /* I3: name, tag */

    const char *client_insert;  /* C1: subject_info, client_type, consumer_group, client_id, app_code, room */
    const char *client_touch;   /* seen again, unless that was noted lately: subject_info, client_type, consumer_group, client_id */
    const char *client_forget;  /* rows not seen for so many days: days, LIMIT */
    const char *consumers;      /* C2, columns consumer_group, client_id, app_code, room: subject_info */
    const char *offline_states; /* O2: client_id, subject_info, consumer_group, state */
    const char *offline_state;  /* O3, column state: client_id, subject_info, consumer_group */
    const char *offline_put;    /* O4: client_id, subject_info, consumer_group, state */
    const char *offline_clear;  /* O5: subject_info, consumer_group */
    const char *offline_delete; /* O6: client_id, subject_info, consumer_group */
    const char *marks;          /* P3: subject, broker_group */
    const char *mark_insert;    /* P1: subject, broker_group */
    const char *mark_delete;    /* P2: subject, broker_group */
    const char *source_insert;  /* D1: url, user_name, password, room */
} statements_t;

const statements_t *statements_of(db_dialect_t dialect);

extern const statements_t statements_sqlite;
extern const statements_t statements_mysql;
/* Made of the files in sql/ by the build. */
extern const char schema_sqlite[];
extern const char schema_mysql[];

#endif
