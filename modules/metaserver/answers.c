#include "metaserver/answers.h"

#include "base/memory.h"
#include "portability/loop.h"
#include "protocol/codes.h"

/* The answers of a connection that are not sent yet, in request order. Exists while there are any. */
typedef struct answer_line {
    connection_t *connection; /* NULL: gone */
    answer_t *first;
    answer_t **last;
} answer_line_t;

struct answer {
    task_t task;
    loop_timer_t deadline;
    answer_line_t *line; /* NULL: it was sent */
    answer_t *next;
    loop_t *loop;
    reply_to_t reply;
    bool decided; /* code and body are what is sent */
    bool given;
    int16_t code;
    chain_t body;
    int16_t given_code; /* written by the giver until the task runs */
    chain_t given_body;
};

static answer_t *of_timer(loop_timer_t *t) {
    return (answer_t *)((char *)t - offsetof(answer_t, deadline));
}

static void send_out(answer_t *a) {
    /* An error is told to one-way requests too. */
    if (a->code != RESPONSE_SUCCESS) a->reply.oneway = false;
    reply_send(&a->reply, a->code, &a->body);
}

/* Sends what is decided, as far as the order allows. */
static void line_advance(answer_line_t *line) {
    while (line->first != NULL && line->first->decided) {
        answer_t *a = line->first;
        line->first = a->next;
        a->line = NULL;
        send_out(a);
        if (!a->given) continue; /* freed when it is */
        memory_free(a);
    }
    if (line->first != NULL) return;
    if (line->connection != NULL) connection_set_user(line->connection, NULL);
    memory_free(line);
}

static void decide(answer_t *a, int16_t code) {
    a->decided = true;
    a->code = code;
    loop_timer_stop(a->loop, &a->deadline);
    line_advance(a->line);
}

static void deadline_passed(loop_timer_t *t) {
    decide(of_timer(t), RESPONSE_BROKER_ERROR);
}

static void take_given(task_t *task) {
    answer_t *a = (answer_t *)((char *)task - offsetof(answer_t, task));
    a->given = true;
    if (!a->decided) {
        chain_append_chain(&a->body, &a->given_body);
        decide(a, a->given_code);
        return;
    }
    chain_clear(&a->given_body); /* came too late */
    if (a->line == NULL) memory_free(a);
}

static answer_t *append(connection_t *c, const frame_t *request) {
    answer_line_t *line = connection_user(c);
    if (line == NULL) {
        line = memory_zalloc(sizeof *line);
        line->connection = c;
        line->last = &line->first;
        connection_set_user(c, line);
    }
    answer_t *a = memory_zalloc(sizeof *a);
    a->line = line;
    a->loop = connection_loop(c);
    chain_init(&a->body);
    chain_init(&a->given_body);
    reply_to_init(&a->reply, c, request);
    *line->last = a;
    line->last = &a->next;
    return a;
}

void answers_closed(void *arg, connection_t *c) {
    (void)arg;
    answer_line_t *line = connection_user(c);
    if (line == NULL) return;
    line->connection = NULL;
    connection_set_user(c, NULL);
}

void answer_now(connection_t *c, const frame_t *request, int16_t code) {
    if (connection_user(c) == NULL) {
        frame_t answered = *request;
        if (code != RESPONSE_SUCCESS) answered.flag &= ~FRAME_FLAG_ONEWAY;
        connection_reply(c, &answered, code, NULL);
        return;
    }
    answer_t *a = append(c, request);
    a->given = true;
    a->decided = true;
    a->code = code;
}

answer_t *answer_expect(connection_t *c, const frame_t *request) {
    answer_t *a = append(c, request);
    a->deadline.fire = deadline_passed;
    loop_timer_start(a->loop, &a->deadline, ANSWER_DEADLINE_US);
    return a;
}

void answer_give(answer_t *a, int16_t code, chain_t *body) {
    a->given_code = code;
    if (body != NULL) chain_append_chain(&a->given_body, body);
    a->task.run = take_given;
    loop_post(a->loop, &a->task);
}
