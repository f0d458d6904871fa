/* The client's side of the commands. */
#include "site.h"

#include "base/cursor.h"

#include <stdlib.h>

bool frame_send(client_t *c, int16_t code, int16_t version, int32_t flag, int32_t opaque, const void *body, size_t size) {
    uint8_t head[FRAME_HEAD];
    frame_write_head(head, code, version, opaque, flag, code, size);
    return client_write(c, head, sizeof head) && client_write(c, body, size);
}

static bool writer_send(client_t *c, int16_t code, int16_t version, int32_t opaque, writer_t *w) {
    bool sent = !w->failed && frame_send(c, code, version, 0, opaque, w->data, w->used);
    writer_free(w);
    return sent;
}

static int16_t version_of(const asked_t *a) {
    return a->version == 0 ? VERSION_9 : a->version;
}

bool pull_send(client_t *c, int32_t opaque, const asked_t *a) {
    pull_request_t r = {.subject = view_of(a->subject),
                        .group = view_of(a->group),
                        .consumer_id = view_of(a->consumer),
                        .request_num = a->num,
                        .offset = -1,
                        .pull_offset_begin = -1,
                        .pull_offset_last = a->last,
                        .timeout_ms = a->timeout_ms,
                        .broadcast = a->broadcast};
    writer_t tags, w;
    writer_init(&tags, 64);
    writer_init(&w, 256);
    view_t views[4];
    int count = 0;
    for (; count < 4 && a->tags[count] != NULL; count++) views[count] = view_of(a->tags[count]);
    if (a->tag_type != 0) {
        tag_filter_write_tags(&tags, views, count);
        r.has_tag_filter = true;
        r.tag_filter = (tag_filter_t){a->tag_type, count, view_make(tags.data, tags.used)};
    }
    pull_request_write(&w, version_of(a), &r);
    writer_free(&tags);
    return writer_send(c, REQUEST_PULL_MESSAGE, version_of(a), opaque, &w);
}

bool ack_send(client_t *c, int32_t opaque, const asked_t *a, int64_t first, int64_t last) {
    ack_request_t r = {view_of(a->subject), view_of(a->group), view_of(a->consumer), first, last, a->broadcast};
    writer_t w;
    writer_init(&w, 256);
    ack_request_write(&w, version_of(a), &r);
    return writer_send(c, REQUEST_ACK, version_of(a), opaque, &w);
}

bool reset_send(client_t *c, int32_t opaque, const char *subject, const char *group, int32_t where) {
    consume_manage_request_t r = {view_of(subject), view_of(group), where};
    writer_t w;
    writer_init(&w, 256);
    consume_manage_request_write(&w, &r);
    return writer_send(c, REQUEST_CONSUME_MANAGE, VERSION_8, opaque, &w);
}

void batch_init(batch_t *b) {
    writer_init(&b->w, 4096);
    b->count = 0;
}

void batch_add(batch_t *b, const char *subject, const char *id, const char *tag, size_t size) {
    view_t tags[] = {view_of(tag == NULL ? "" : tag)};
    char *value = memory_alloc(size + 1);
    memset(value, 'v', size);
    view_t attributes[] = {view_of("k"), view_make(value, size)};
    message_content_t m = {.create_time = 1700000000000,
                           .expire_time = 1800000000000,
                           .subject = view_of(subject),
                           .id = view_of(id),
                           .tags = tags,
                           .tag_count = tag == NULL ? 0 : 1,
                           .attributes = attributes,
                           .attribute_count = 1};
    message_write_wire(&b->w, &m);
    memory_free(value);
    b->count++;
}

void batch_spoil(batch_t *b, size_t at) {
    b->w.data[at + 7] ^= 1;
}

bool batch_send(batch_t *b, client_t *c, int32_t opaque) {
    return writer_send(c, REQUEST_SEND_MESSAGE, VERSION_9, opaque, &b->w);
}

static char *copy_of(view_t v) {
    return memory_strndup(v.data, v.size);
}

static bool take_messages(pulled_t *p) {
    cursor_t c = cursor_make(p->raw.body, p->raw.body_size);
    if (!pull_response_read_head(&c, &p->first)) return false;
    message_t m;
    while (cursor_left(&c) > 0) {
        if (!message_parse(&c, &m)) return false;
        p->ids = memory_realloc(p->ids, (p->count + 1) * sizeof *p->ids);
        p->subjects = memory_realloc(p->subjects, (p->count + 1) * sizeof *p->subjects);
        p->ids[p->count] = copy_of(m.id);
        p->subjects[p->count++] = copy_of(m.subject);
    }
    return true;
}

bool pulled_read(client_t *c, pulled_t *p) {
    memset(p, 0, sizeof *p);
    if (!client_answer(c, &p->raw)) return false;
    p->code = p->raw.code;
    p->opaque = p->raw.opaque;
    return p->code != RESPONSE_SUCCESS || p->raw.body_size == 0 || take_messages(p);
}

void pulled_free(pulled_t *p) {
    for (size_t i = 0; i < p->count; i++) {
        memory_free(p->ids[i]);
        memory_free(p->subjects[i]);
    }
    memory_free(p->ids);
    memory_free(p->subjects);
    answer_free(&p->raw);
    memset(p, 0, sizeof *p);
}

bool pull(client_t *c, const asked_t *a, pulled_t *p) {
    memset(p, 0, sizeof *p);
    return pull_send(c, 77, a) && pulled_read(c, p);
}

static bool ids_are(const pulled_t *p, const char *ids) {
    size_t i = 0;
    while (*ids != 0) {
        size_t size = strcspn(ids, " ");
        if (i == p->count || strlen(p->ids[i]) != size || memcmp(p->ids[i], ids, size) != 0) return false;
        ids += size + (ids[size] == ' ');
        i++;
    }
    return i == p->count;
}

static void tell(const pulled_t *p) {
    printf("  got code %d, first %lld:", p->code, (long long)p->first);
    for (size_t i = 0; i < p->count && i < 20; i++) printf(" %s", p->ids[i]);
    printf("\n");
}

bool answer_gives(client_t *c, int64_t first, const char *ids) {
    pulled_t p;
    bool ok = pulled_read(c, &p);
    if (ok && *ids == 0)
        ok = p.code == RESPONSE_NO_MESSAGE && p.raw.body_size == 0;
    else
        ok = ok && p.code == RESPONSE_SUCCESS && p.first == first && ids_are(&p, ids);
    if (!ok) tell(&p);
    pulled_free(&p);
    return ok;
}

bool pull_gives(client_t *c, const asked_t *a, int64_t first, const char *ids) {
    return pull_send(c, 77, a) && answer_gives(c, first, ids);
}

static int code_of_answer(client_t *c) {
    answer_t a;
    int code = client_answer(c, &a) ? a.code : -1;
    answer_free(&a);
    return code;
}

int ack(client_t *c, const asked_t *a, int64_t first, int64_t last) {
    return ack_send(c, 78, a, first, last) ? code_of_answer(c) : -1;
}

int reset(client_t *c, const char *subject, const char *group, int32_t where) {
    return reset_send(c, 79, subject, group, where) ? code_of_answer(c) : -1;
}

bool put(client_t *c, const char *subject, const char *ids) {
    batch_t b;
    batch_init(&b);
    while (*ids != 0) {
        char id[64], *tag;
        size_t size = strcspn(ids, " ");
        (void)snprintf(id, sizeof id, "%.*s", (int)size, ids);
        tag = strchr(id, ':');
        if (tag != NULL) *tag++ = 0;
        batch_add(&b, subject, id, tag, 1);
        ids += size + (ids[size] == ' ');
    }
    return batch_send(&b, c, 80) && client_expect(c, RESPONSE_SUCCESS, 80, NULL, 0);
}
