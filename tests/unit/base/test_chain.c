#include "base/block.h"
#include "base/chain.h"
#include "base/memory.h"
#include "suites.h"

static int freed;

typedef struct owner {
    shared_t shared;
    uint8_t data[4096];
} owner_t;

static void owner_destroy(shared_t *s) {
    freed++;
    memory_free(s);
}

static owner_t *owner_create(char fill) {
    owner_t *o = memory_alloc(sizeof *o);
    shared_init(&o->shared, owner_destroy);
    memset(o->data, fill, sizeof o->data);
    return o;
}

static slice_t part(owner_t *o, size_t at, size_t size) {
    return (slice_t){o->data + at, size, &o->shared};
}

static bool chain_is(const chain_t *c, const char *text) {
    uint8_t *all = chain_flatten(c);
    bool same = c->bytes == strlen(text) && memcmp(all, text, c->bytes) == 0;
    memory_free(all);
    return same;
}

static void chain_small_pieces_are_one_slice(void) {
    chain_t c;
    chain_init(&c);
    chain_append_copy(&c, "abc", 3);
    memcpy(chain_append_room(&c, 3), "def", 3);
    chain_append_copy(&c, "", 0);
    CU_ASSERT_EQUAL(c.count, 1);
    CU_ASSERT_TRUE(chain_is(&c, "abcdef"));
    chain_clear(&c);
    CU_ASSERT_EQUAL(c.bytes, 0);
    chain_append_copy(&c, "again", 5);
    CU_ASSERT_TRUE(chain_is(&c, "again"));
    chain_clear(&c);
}

static void chain_big_slices_are_referred_to(void) {
    freed = 0;
    chain_t c;
    chain_init(&c);
    owner_t *o = owner_create('x');
    chain_append_slice(&c, part(o, 0, CHAIN_COPY_BELOW - 1));
    CU_ASSERT_TRUE(shared_is_sole(&o->shared));
    chain_append_slice(&c, part(o, 1000, CHAIN_COPY_BELOW));
    CU_ASSERT_FALSE(shared_is_sole(&o->shared));
    CU_ASSERT_PTR_EQUAL(c.slices[1].data, o->data + 1000);
    shared_release(&o->shared);
    CU_ASSERT_EQUAL(freed, 0);
    chain_clear(&c);
    CU_ASSERT_EQUAL(freed, 1);
}

static void chain_neighbours_of_one_owner_become_one_slice(void) {
    freed = 0;
    chain_t c;
    chain_init(&c);
    owner_t *o = owner_create('x');
    chain_append_slice(&c, part(o, 0, 1000));
    chain_append_slice(&c, part(o, 1000, 10)); /* small, but already there */
    chain_append_slice(&c, part(o, 1010, 1000));
    CU_ASSERT_EQUAL(c.count, 1);
    CU_ASSERT_EQUAL(c.bytes, 2010);
    shared_release(&o->shared);
    chain_clear(&c);
    CU_ASSERT_EQUAL(freed, 1);
}

static void chain_consume_crosses_slices_and_releases_owners(void) {
    freed = 0;
    chain_t c;
    chain_init(&c);
    owner_t *a = owner_create('a');
    owner_t *b = owner_create('b');
    chain_append_copy(&c, "head", 4);
    chain_append_slice(&c, part(a, 0, 1000));
    chain_append_slice(&c, part(b, 0, 1000));
    chain_append_copy(&c, "tail", 4);
    shared_release(&a->shared);
    shared_release(&b->shared);
    CU_ASSERT_EQUAL(c.count, 4);

    chain_consume(&c, 0);
    CU_ASSERT_EQUAL(c.bytes, 2008);
    chain_consume(&c, 3);
    CU_ASSERT_EQUAL(c.slices[0].data[0], 'd');
    chain_consume(&c, 1 + 999);
    CU_ASSERT_EQUAL(freed, 0);
    CU_ASSERT_EQUAL(c.slices[0].size, 1);
    chain_consume(&c, 1); /* exactly to the border */
    CU_ASSERT_EQUAL(freed, 1);
    CU_ASSERT_EQUAL(c.slices[0].data[0], 'b');
    chain_consume(&c, 1002);
    CU_ASSERT_EQUAL(freed, 2);
    CU_ASSERT_TRUE(chain_is(&c, "il"));
    chain_consume(&c, 100); /* more than there is */
    CU_ASSERT_EQUAL(c.bytes, 0);
    CU_ASSERT_EQUAL(c.count, 0);
    CU_ASSERT_PTR_NULL(c.memory);
}

static void chain_same_owner_twice_is_counted_twice(void) {
    freed = 0;
    chain_t c;
    chain_init(&c);
    owner_t *o = owner_create('x');
    chain_append_slice(&c, part(o, 2000, 1000));
    chain_append_slice(&c, part(o, 0, 1000));
    shared_release(&o->shared);
    chain_consume(&c, 1000);
    CU_ASSERT_EQUAL(freed, 0);
    chain_consume(&c, 1000);
    CU_ASSERT_EQUAL(freed, 1);
}

static void chain_without_owner_is_left_alone(void) {
    static const uint8_t constant[2000] = {7};
    chain_t c;
    chain_init(&c);
    chain_append_slice(&c, (slice_t){constant, 1000, NULL});
    chain_append_slice(&c, (slice_t){constant + 1000, 1000, NULL});
    CU_ASSERT_EQUAL(c.count, 2); /* may be two objects for all the chain knows */
    chain_clear(&c);
}

static void chain_moves_into_another(void) {
    freed = 0;
    chain_t c;
    chain_t from;
    chain_init(&c);
    chain_init(&from);
    owner_t *o = owner_create('x');
    chain_append_copy(&from, "one", 3);
    chain_append_chain(&c, &from); /* into an empty one */
    CU_ASSERT_EQUAL(from.count, 0);
    chain_append_copy(&from, "two", 3);
    chain_append_slice(&from, part(o, 0, 600));
    char *taken = memory_strdup("three");
    chain_append_memory(&from, taken, 5);
    shared_release(&o->shared);
    chain_append_chain(&c, &from);
    chain_append_chain(&c, &from); /* nothing */
    CU_ASSERT_EQUAL(from.bytes, 0);
    CU_ASSERT_EQUAL(c.bytes, 3 + 3 + 600 + 5);
    chain_append_copy(&c, "end", 3);
    chain_append_copy(&from, "other", 5);
    chain_clear(&from);
    chain_consume(&c, 606);
    CU_ASSERT_EQUAL(freed, 1);
    CU_ASSERT_TRUE(chain_is(&c, "threeend"));
    chain_append_memory(&c, memory_alloc(1), 0);
    CU_ASSERT_TRUE(chain_is(&c, "threeend"));
    chain_clear(&c);
}

/* A connection that never gets empty: appended at the end, consumed at the front. */
static void chain_long_life_keeps_little_memory(void) {
    chain_t c;
    chain_init(&c);
    uint8_t in = 0;
    uint8_t out = 0;
    bool same = true;
    size_t most = 0;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[50];
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = in++;
        chain_append_copy(&c, bytes, sizeof bytes);
        while (c.bytes > 1000) {
            same = same && c.slices[0].data[0] == out;
            out++;
            chain_consume(&c, 1);
        }
        size_t whole = c.capacity + (size_t)(c.slices - c.memory);
        if (whole > most) most = whole;
    }
    CU_ASSERT_TRUE(same);
    CU_ASSERT_TRUE(most <= 64);
    chain_clear(&c);
}

static void chain_of_many_slices_is_consumed_from_the_front(void) {
    freed = 0;
    chain_t c;
    chain_init(&c);
    enum { OWNERS = 300 };
    for (int i = 0; i < OWNERS; i++) {
        owner_t *o = owner_create('x');
        chain_append_slice(&c, part(o, 0, 512));
        shared_release(&o->shared);
        if (i % 3 == 2) chain_consume(&c, 512);
    }
    CU_ASSERT_EQUAL(freed, OWNERS / 3);
    CU_ASSERT_EQUAL(c.count, OWNERS - OWNERS / 3);
    CU_ASSERT_EQUAL(c.bytes, c.count * 512);
    chain_clear(&c);
    CU_ASSERT_EQUAL(freed, OWNERS);
}

const test_case_t chain_cases[] = {
    TEST(chain_small_pieces_are_one_slice),
    TEST(chain_big_slices_are_referred_to),
    TEST(chain_neighbours_of_one_owner_become_one_slice),
    TEST(chain_consume_crosses_slices_and_releases_owners),
    TEST(chain_same_owner_twice_is_counted_twice),
    TEST(chain_without_owner_is_left_alone),
    TEST(chain_moves_into_another),
    TEST(chain_long_life_keeps_little_memory),
    TEST(chain_of_many_slices_is_consumed_from_the_front),
    TEST_END,
};
