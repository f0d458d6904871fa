/* A broker without host and metaserver: a real store in a scratch directory, real loops, the commands on a loopback port; and a blocking
 * client that speaks the commands. */
#ifndef QMQ_TESTS_BROKER_SITE_H
#define QMQ_TESTS_BROKER_SITE_H

#include "../net/client.h"
#include "base/memory.h"
#include "base/status.h"
#include "broker/broker_internal.h"
#include "broker/traffic.h"
#include "protocol/ack.h"
#include "protocol/codes.h"
#include "protocol/consume_manage.h"
#include "protocol/pull.h"
#include "protocol/send.h"
#include "test.h"

#include <string.h>

typedef struct site {
    broker_t broker;
    broker_settings_t settings; /* may be changed before site_start, and while nothing is asked */
    store_options_t store;      /* likewise, before */
    int loops;
    log_t log;
    metrics_t *metrics; /* likewise; NULL: none, else site_free destroys it */
    char *root;
    int port;
} site_t;

void site_init(site_t *s);
void site_start(site_t *s);
/* The ports and threads first, then the store, as the broker does. */
void site_stop(site_t *s);
/* Stops and starts over the same directory. */
void site_restart(site_t *s);
void site_free(site_t *s);

/* Repetitions of a race: fewer where a sanitizer makes them slow. */
int site_repetitions(int plain);
/* Position of a consumer; both -1 when unknown. */
void site_position(site_t *s, const char *subject, const char *group, const char *consumer, int64_t *pull, int64_t *ack);
/* Last pulled message of the group; -2 when no action named it. */
int64_t site_pulled(site_t *s, const char *subject, const char *group);
int64_t site_messages(site_t *s, const char *subject); /* next sequence */
/* Makes a stored message unreadable. Its id must be unlike all other bytes of the log. */
void site_spoil(site_t *s, const char *subject, const char *id);
/* Waits until the broker holds this many pulls. */
bool site_holds(site_t *s, int pulls);

/* A counter of (subject, group), or of the subject when group is NULL, or without labels when both are; of site.metrics. */
int64_t site_counter(site_t *s, const char *name, const char *subject, const char *group);

/* Requests; false when the connection is gone. Connections are dealt to the loops in turn. */
typedef struct asked {
    const char *subject;
    const char *group;
    const char *consumer;
    int32_t num;
    int64_t last;
    int64_t timeout_ms;
    bool broadcast;
    int16_t tag_type;
    const char *tags[4];
    int16_t version; /* 0: 9 */
} asked_t;

#define PULL(...)                                                                                                                          \
    &(asked_t) {                                                                                                                           \
        .subject = "s", .group = "g", .consumer = "c", .num = 100, .last = -1, __VA_ARGS__                                                 \
    }

bool frame_send(client_t *c, int16_t code, int16_t version, int32_t flag, int32_t opaque, const void *body, size_t size);
bool pull_send(client_t *c, int32_t opaque, const asked_t *a);
bool ack_send(client_t *c, int32_t opaque, const asked_t *a, int64_t first, int64_t last);
bool reset_send(client_t *c, int32_t opaque, const char *subject, const char *group, int32_t where);

/* A SEND body being made: messages are numbered by their id. */
typedef struct batch {
    writer_t w;
    int count;
} batch_t;
void batch_init(batch_t *b);
void batch_add(batch_t *b, const char *subject, const char *id, const char *tag, size_t size);
/* Makes the CRC of the message that starts at offset `at` wrong. */
void batch_spoil(batch_t *b, size_t at);
/* Sends it and frees it. */
bool batch_send(batch_t *b, client_t *c, int32_t opaque);

/* Answers. */
typedef struct pulled {
    int16_t code;
    int32_t opaque;
    int64_t first; /* pull sequence */
    size_t count;
    char **ids;
    char **subjects;
    answer_t raw;
} pulled_t;
/* The next answer, taken apart as one of a pull when it is code 0 and has a body. pulled_free also after false. */
bool pulled_read(client_t *c, pulled_t *p);
void pulled_free(pulled_t *p);
/* pull_send and pulled_read. */
bool pull(client_t *c, const asked_t *a, pulled_t *p);
/* Pulls and compares: first pull sequence and ids joined by blanks; "" stands for an answer NO_MESSAGE, first then ignored. */
bool pull_gives(client_t *c, const asked_t *a, int64_t first, const char *ids);
/* The answer that comes next, likewise. */
bool answer_gives(client_t *c, int64_t first, const char *ids);
/* Acks and gives the code; -1 when the connection is gone. */
int ack(client_t *c, const asked_t *a, int64_t first, int64_t last);
int reset(client_t *c, const char *subject, const char *group, int32_t where);
/* Sends the ids (joined by blanks; "id:tag" has a tag) as one batch to a subject, all accepted. */
bool put(client_t *c, const char *subject, const char *ids);

/* CU assertions with the line of the caller. */
#define SENDS(client, subject, ids) CU_ASSERT_TRUE(put(client, subject, ids))
#define GIVES(client, asked, first, ids) CU_ASSERT_TRUE(pull_gives(client, asked, first, ids))

#endif
