/* qmq-store: looks into a store that no server has open, or into a copy of one that has, and changes nothing unless it is told to
 * (repair --write). The one program outside of modules/store that reads its files, with its readers. One thread. */
#ifndef QMQ_TOOLS_STORE_INSPECT_H
#define QMQ_TOOLS_STORE_INSPECT_H

#include "store/action_replay.h"
#include "store/log_check.h"
#include "store/message_replay.h"

#include <jansson.h>
#include <stdio.h>

enum store_exit { STORE_SOUND = 0, STORE_DAMAGED = 1, STORE_USAGE = 2, STORE_UNREADABLE = 3 };

typedef struct inspector {
    const char *command;
    char *root;           /* of the store; dump: unused */
    const char *argument; /* subject of messages, file of dump */
    const char *subject;  /* groups: only of this one */
    int64_t from;
    int64_t count;    /* -1: all */
    const char *what; /* repair */
    bool write;
    bool json;
    int64_t message_segment;
    int64_t action_segment;
    FILE *out;
    FILE *err;
    bool terminal; /* err is one: long work shows how far it is */
    log_t log;
    segmented_log_t messages;
    segmented_log_t actions;
    int64_t message_sound; /* where the last segment's sound front ends */
    int64_t action_sound;
} inspector_t;

/* Opens both logs for reading and finds their ends; false after a line on err. */
bool inspector_open(inspector_t *i);
void inspector_close(inspector_t *i);
/* Prints an object as a line; takes the reference over. */
void inspector_print(inspector_t *i, json_t *line);
/* Said on a terminal while long work goes on, and taken away with what NULL. */
void inspector_progress(inspector_t *i, const char *what, int64_t done, int64_t all);
/* The text as JSON; what is no UTF-8 as hexadecimal digits. */
json_t *text_json(view_t text);

/* Payload of a record; malloc'ed, NULL when it cannot be read. */
uint8_t *inspector_payload(inspector_t *i, int64_t offset, const message_record_t *record);

/* Something that is not as it must be. */
typedef struct finding {
    bool damage;        /* false: worth knowing, mends itself at the next start */
    const char *repair; /* what repairs it, NULL: nothing does */
    char *file;
    int64_t position; /* in the file; -1: the whole file */
    int64_t size;     /* bytes concerned */
    char *text;
} finding_t;

typedef struct findings {
    finding_t *items;
    size_t count;
    int64_t records;
    int64_t subjects;
    int64_t actions;
    int64_t entries;
} findings_t;

/* Looks at every file. False when the store cannot be read at all. */
bool findings_make(inspector_t *i, findings_t *f);
void findings_add(findings_t *f, finding_t one);
void findings_print(inspector_t *i, const finding_t *one);
void findings_free(findings_t *f);
/* Parts of it. */
void verify_index(inspector_t *i, findings_t *f);
void verify_small_files(inspector_t *i, findings_t *f);

/* Commands; exit codes. */
int command_verify(inspector_t *i);
int command_repair(inspector_t *i);
int command_subjects(inspector_t *i);
int command_messages(inspector_t *i);
int command_groups(inspector_t *i);
int command_dump(inspector_t *i);

/* Everything main does. */
int store_run(int count, const char *const *arguments, FILE *out, FILE *err);

#endif
