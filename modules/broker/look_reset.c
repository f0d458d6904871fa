/* Moving the position of a group to a place somebody names, or telling what it would do. */
#include "broker/look_internal.h"

#include "base/memory.h"
#include "portability/clock.h"
#include "protocol/message.h"

#include <stdlib.h>
#include <string.h>

/* A message id is looked for among the newest messages, so many at a time, for so long. */
#define SEARCH_STEP 1000
#define SEARCH_US ((int64_t)20 * 1000000)
#define READ_BYTES ((size_t)16 * 1024 * 1024)

typedef struct search {
    broker_t *broker;
    store_subject_t *subject;
    int64_t min;
    int64_t next;
    poll_result_t result;
} search_t;

/* Reads up to max messages from a sequence on; false when there is nothing readable behind it. */
static bool read_at(search_t *s, int64_t from, int max) {
    poll_options_t o = {from, max, READ_BYTES, false, INT64_MAX, true};
    return store_poll(s->broker->store, s->subject, &o, &s->result) == APR_SUCCESS && s->result.count > 0;
}

/* First message stored at or after a time, by halves. */
static int64_t sequence_of_time(search_t *s, int64_t time_ms) {
    int64_t low = s->min, high = s->next;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (read_at(s, middle, 1) && s->result.messages[0].entry_time_ms < time_ms)
            low = s->result.messages[0].sequence + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t find_in_result(const search_t *s, view_t id) {
    for (size_t i = 0; i < s->result.count; i++) {
        message_t m;
        cursor_t c = cursor_make(s->result.messages[i].payload.data, s->result.messages[i].payload.size);
        if (message_parse(&c, &m) && view_equal(m.id, id)) return s->result.messages[i].sequence;
    }
    return -1;
}

/* -1: not found. */
static int64_t sequence_of_message(search_t *s, view_t id) {
    int64_t deadline = clock_mono_us() + SEARCH_US;
    for (int64_t end = s->next; end > s->min && clock_mono_us() < deadline;) {
        int64_t from = end - SEARCH_STEP > s->min ? end - SEARCH_STEP : s->min;
        for (int64_t at = from; at < end && read_at(s, at, (int)(end - at)); at = s->result.next_begin) {
            int64_t found = find_in_result(s, id);
            if (found >= 0) return found;
            if (s->result.next_begin <= at) break;
        }
        end = from;
    }
    return -1;
}

static bool number_after(const char *text, const char *prefix, int64_t *number) {
    size_t size = strlen(prefix);
    if (strncmp(text, prefix, size) != 0) return false;
    char *end = NULL;
    *number = strtoll(text + size, &end, 10);
    return text[size] != 0 && *end == 0 && *number >= 0;
}

/* Where `to` is; false (and refused) when it is nowhere. */
static bool find_target(search_t *s, const char *to, int64_t *target, look_answer_t *a) {
    int64_t number;
    if (strcmp(to, "earliest") == 0) {
        *target = s->min;
    } else if (strcmp(to, "latest") == 0) {
        *target = s->next;
    } else if (number_after(to, "time:", &number)) {
        *target = sequence_of_time(s, number);
    } else if (number_after(to, "sequence:", &number)) {
        *target = number < s->min ? s->min : number > s->next ? s->next : number;
    } else if (strncmp(to, "message:", 8) == 0) {
        *target = sequence_of_message(s, view_of(to + 8));
        if (*target < 0) look_refuse(a, 404, "no message of that id is among those that could be searched");
    } else {
        look_refuse(a, 400, "to is none of earliest, latest, time:MILLISECONDS, message:ID, sequence:NUMBER");
    }
    return a->status == 200;
}

/* What this thread waits for. */
typedef struct ending {
    mutex_t lock;
    condition_t reached;
    bool ended;
} ending_t;

static void ending_init(ending_t *e) {
    mutex_init(&e->lock);
    condition_init(&e->reached);
    e->ended = false;
}

/* The last that is done to it by who is waited for. */
static void ending_reach(ending_t *e) {
    mutex_lock(&e->lock);
    e->ended = true;
    condition_signal(&e->reached);
    mutex_unlock(&e->lock);
}

/* Once; it is gone then. */
static void ending_await(ending_t *e) {
    mutex_lock(&e->lock);
    while (!e->ended) condition_wait(&e->reached, &e->lock);
    mutex_unlock(&e->lock);
    condition_destroy(&e->reached);
    mutex_destroy(&e->lock);
}

/* The move itself, in the group's turn, so that no pull under way can overwrite it. */
typedef struct move {
    operation_t op; /* first */
    int64_t target;
    bool only_tells;
    int64_t position; /* before */
    ending_t ending;
} move_t;

static step_t move_run(operation_t *op) {
    move_t *m = (move_t *)op;
    group_t *g = op->group;
    (void)group_position(g, false, &m->position);
    if (!m->only_tells) group_move_to(g, m->target);
    ending_reach(&m->ending);
    return STEP_DONE;
}

static void move_group(group_t *g, move_t *m) {
    m->op.run = move_run;
    m->op.knows = -1;
    ending_init(&m->ending);
    group_submit(g, &m->op, NULL);
    ending_await(&m->ending);
}

typedef struct saving {
    store_sync_waiter_t waiter; /* first */
    ending_t ending;
} saving_t;

static void saving_ended(store_sync_waiter_t *w) {
    ending_reach(&((saving_t *)w)->ending);
}

static apr_status_t save_positions(store_t *store) {
    saving_t s = {.waiter.done = saving_ended};
    ending_init(&s.ending);
    store_await_positions(store, &s.waiter);
    ending_await(&s.ending);
    return s.waiter.status;
}

static void tell(look_answer_t *a, const search_t *s, const move_t *m) {
    int64_t repeated = m->position - m->target, skipped = m->target - m->position;
    (void)json_object_set_new(a->body, "first", json_integer(s->min));
    (void)json_object_set_new(a->body, "next", json_integer(s->next));
    (void)json_object_set_new(a->body, "position", json_integer(m->position));
    (void)json_object_set_new(a->body, "target", json_integer(m->target));
    (void)json_object_set_new(a->body, "repeated", json_integer(repeated > 0 ? repeated : 0));
    (void)json_object_set_new(a->body, "skipped", json_integer(skipped > 0 ? skipped : 0));
    (void)json_object_set_new(a->body, "moved", json_boolean(!m->only_tells));
}

void look_reset(broker_t *b, http_request_t *r, look_answer_t *a) {
    store_group_t *progress = look_group(b, r, a);
    const char *to = http_request_parameter(r, "to"), *dry = http_request_parameter(r, "dry-run");
    if (progress == NULL) return;
    if (to == NULL) {
        look_refuse(a, 400, "say to what the group is to be moved: to=earliest, latest, time:, message: or sequence:");
        return;
    }
    search_t s = {.broker = b, .subject = store_subject_find(b->store, store_group_subject(progress))};
    (void)store_subject_bounds(s.subject, &s.min, &s.next);
    poll_result_init(&s.result);
    move_t m = {.only_tells = dry != NULL && strcmp(dry, "false") != 0};
    bool found = find_target(&s, to, &m.target, a);
    poll_result_free(&s.result);
    if (!found) return;
    group_t *g = group_get(b, store_group_subject(progress), store_group_name(progress));
    if (g == NULL || group_is_crowded(g)) {
        look_refuse(a, 503, "the group has too many requests waiting; try again");
        return;
    }
    move_group(g, &m);
    if (!m.only_tells && save_positions(b->store) != APR_SUCCESS) {
        look_refuse(a, 500, "the group is moved, but that could not be written to the disk (the log says why): a restart may take it back");
        return;
    }
    tell(a, &s, &m);
}
