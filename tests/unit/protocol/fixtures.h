/* The frames recorded between Java processes (fixtures/wire). */
#ifndef QMQ_TESTS_UNIT_PROTOCOL_FIXTURES_H
#define QMQ_TESTS_UNIT_PROTOCOL_FIXTURES_H

#include "net/frame.h"

typedef struct fixture {
    char *peer; /* "client->broker" */
    int connection;
    bool is_request;
    uint8_t *bytes;
    frame_t frame;
    const struct fixture *partner; /* answer of a request, request of an answer; NULL when there is none */
} fixture_t;

typedef struct fixture_file {
    fixture_t *rows;
    size_t count;
} fixture_file_t;

/* Base names, ends with NULL. */
extern const char *const fixture_names[];

/* Reads <folder>/wire/<name>.jsonl; false (and says why on standard output) when it cannot be read. */
bool fixture_load(const char *folder, const char *name, fixture_file_t *file);
void fixture_free(fixture_file_t *file);
/* The sync port of a delay server: the other layout of code 20. */
bool fixture_is_delay_sync(const fixture_t *row);

#endif
