/* A metaserver and up to three brokers inside the test: enough of them to see what a client sends, and to answer as a test wants. */
#ifndef QMQ_TESTS_UNIT_CLIENT_FAKE_H
#define QMQ_TESTS_UNIT_CLIENT_FAKE_H

#include "base/writer.h"
#include "http/server.h"
#include "net/server.h"
#include "portability/thread.h"
#include "qmq/qmq.h"
#include "test.h"

#define FAKE_BROKERS 3
#define FAKE_DELAY 2 /* index of the one that is listed as delay server, where the test wants one */
#define FAKE_PATIENCE 20.0

/* A request as it came, in order. broker is -1 for the metaserver. */
typedef struct fake_request {
    int16_t code;
    int16_t version;
    int broker;
    int64_t at_us;
    char peer[24]; /* the connection it came by */
    uint8_t *body;
    size_t size;
} fake_request_t;

typedef struct fake_subject fake_subject_t;
typedef struct fake_parked fake_parked_t;

typedef struct fake {
    loops_t *loops;
    log_t log;
    http_server_t *http;
    int http_port;
    net_server_t *meta;
    net_server_t *brokers[FAKE_BROKERS];
    struct fake_port {
        struct fake *fake;
        int broker;
    } ports[FAKE_BROKERS];
    char metaserver[32]; /* host:port of its HTTP port */
    mutex_t lock;
    fake_request_t *requests;
    size_t request_count;
    size_t request_capacity;
    fake_subject_t *subjects;
    fake_parked_t *parked;
    /* What the test decides; set before or under fake_lock. */
    int http_status; /* 200 */
    int broker_count;
    bool has_delay;
    int8_t state[FAKE_BROKERS];
    int8_t on_offline;
    int64_t timestamp;
    int64_t first_offset; /* of every group */
    int refuse_request;   /* the next refuse_times requests of this code are answered refuse_code */
    int refuse_code;      /* -1: not at all */
    int refuse_times;
    int refuse_broker; /* only this one refuses or speaks nonsense; -2: all, what fake_start sets */
    int result_code;   /* the next result_times messages of SEND get this result */
    int result_times;
    int stray_times;    /* the next so many SENDs get an answer to a question nobody asked before their own */
    int nonsense_times; /* the next so many SENDs get bytes that are no frame and nothing else */
} fake_t;

void fake_start(fake_t *f, int brokers);
void fake_stop(fake_t *f);
/* Nobody listens on the port of discovery any more, and again. */
void fake_close_http(fake_t *f);
void fake_open_http(fake_t *f);
void fake_lock(fake_t *f);
void fake_unlock(fake_t *f);
qmq_client_t *fake_client(fake_t *f);

/* Puts a message into a broker's subject, as if it had been sent there: the payload's subject may differ from the one it lies in. */
void fake_put(fake_t *f, int broker, const char *subject, const char *id, const char *const *attributes);
/* Puts bytes as the attributes of a message. */
void fake_put_raw(fake_t *f, int broker, const char *subject, const char *id, view_t attributes);
/* Puts a message with one tag, which may be empty, and no attributes. */
void fake_put_tagged(fake_t *f, int broker, const char *subject, const char *id, const char *tag);
/* Answers every pull that is held and waits, with no message. */
void fake_release_pulls(fake_t *f);

/* How many requests of a code came; to one broker, or to all (-2). */
size_t fake_count(fake_t *f, int code, int broker);
bool fake_wait_count(fake_t *f, int code, size_t at_least);
/* The n-th request of a code (from 0); false when there is none. The bytes live until fake_stop. */
bool fake_request_at(fake_t *f, int code, size_t n, fake_request_t *out);
/* The value of an attribute of a message with this id sent to a subject; "" when there is none. */
void fake_sent_attribute(fake_t *f, const char *subject, const char *id, const char *key, char *to, size_t size);
/* How many messages a subject has at all brokers. */
size_t fake_stored(fake_t *f, const char *subject);
bool fake_wait_stored(fake_t *f, const char *subject, size_t at_least);
/* Highest number of pulls of one (broker, subject, group) held at once so far. */
size_t fake_most_pulls(fake_t *f);

#endif
