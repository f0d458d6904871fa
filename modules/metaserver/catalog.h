/* What requests are answered from: immutable snapshots of the database, replaced as one by each refresh, and beside them what this
 * metaserver itself has committed since the refresh began (write-through). Any thread; the lock inside is held for a few instructions only.
 */
#ifndef QMQ_METASERVER_CATALOG_H
#define QMQ_METASERVER_CATALOG_H

#include "metaserver/broker_groups.h"
#include "metaserver/marks.h"
#include "metaserver/routes.h"

typedef struct catalog catalog_t;

/* Empty: no group, no route, offline states never read (timestamp -1). */
catalog_t *catalog_create(void);
void catalog_destroy(catalog_t *c);

/* A consistent look, for one subject. Everything in it is valid until catalog_done. */
typedef struct catalog_view {
    broker_groups_t *groups;
    routes_t *routes;
    subject_tags_t *tags;
    marks_t *readonly;
    marks_t *offline;
    int64_t offline_time; /* database time in ms when `offline` was read; -1: never */
    struct own_route *own;
    const group_names_t *route; /* of the subject, all stored names; NULL: none is known */
} catalog_view_t;

void catalog_look(catalog_t *c, view_t subject, catalog_view_t *view);
void catalog_done(catalog_view_t *view);

/* A refresh: begin before the first statement, publish what was read. Takes the references over; NULL keeps the old part. What was put
 * since `since` stays in force. */
int64_t catalog_begin(catalog_t *c);
void catalog_publish(catalog_t *c, int64_t since, broker_groups_t *groups, routes_t *routes, subject_tags_t *tags, marks_t *readonly);
/* Routes that were read without the others; which of them are news is found out here. Does not take the reference. */
void catalog_publish_changes(catalog_t *c, int64_t since, const routes_t *changes);
void catalog_publish_offline(catalog_t *c, marks_t *offline, int64_t time);

/* Write-through, after the commit. */
void catalog_put_group(catalog_t *c, const live_group_t *group);
void catalog_put_mark(catalog_t *c, view_t subject, view_t group, bool readonly);
void catalog_put_route(catalog_t *c, view_t subject, const group_names_t *names);

/* State of a group in the snapshot, 0 when it is not there. */
int catalog_group_state(catalog_t *c, view_t group);

typedef struct catalog_figures {
    size_t groups;
    size_t routes;
    int64_t offline_time;
} catalog_figures_t;
void catalog_figures(catalog_t *c, catalog_figures_t *f);

#endif
