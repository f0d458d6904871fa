/* Which groups a subject gets (metaserver.md 7): decisions over one look at the catalog, no SQL, any thread. */
#ifndef QMQ_METASERVER_ROUTING_H
#define QMQ_METASERVER_ROUTING_H

#include "metaserver/catalog.h"

#define SUBJECT_CHARACTERS 100 /* VARCHAR(100) of the tables */
#define ROUTING_DELAY_GROUPS 2
#define ROUTING_MAX_GROUPS 256 /* a route's JSON has room for less than a hundred */

/* The real subject of metaserver.md 7.1; false when it must get the failure answer: empty, illegal character, longer than its column. */
bool routing_real_subject(view_t raw, view_t *real);

typedef enum routing_need {
    ROUTING_READY,  /* the catalog's route stands */
    ROUTING_ASSIGN, /* no route is known and there are groups for one */
    ROUTING_TOP_UP  /* the route has fewer groups than wanted and there are more */
} routing_need_t;

/* real must be the subject the look was for. */
routing_need_t routing_need(const catalog_view_t *look, view_t real, size_t wanted);

/* Groups of the subject's route that exist and are normal, in route order; at most ROUTING_MAX_GROUPS. The pointers are valid with the
 * look. */
size_t routing_assigned(const catalog_view_t *look, const live_group_t **to);
/* For delay producers: at most two delay groups that are not NRW; a client gets the same ones again as long as they are there, one without
 * a name any. */
size_t routing_delay(const catalog_view_t *look, view_t client, const live_group_t **to);

/* Up to `wanted` names, chosen at random, of groups that the subject may be assigned and that are not in `taken` (NULL: none). *to is
 * malloc'ed, its views are valid with the look. */
size_t routing_choose(const catalog_view_t *look, view_t real, const group_names_t *taken, size_t wanted, view_t **to);

#endif
