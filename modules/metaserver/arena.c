#include "metaserver/arena.h"

#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>

static int no_memory(int status) {
    (void)status;
    (void)fputs("out of memory for the metaserver's snapshot\n", stderr);
    abort();
}

apr_pool_t *arena_create(void) {
    apr_pool_t *arena = NULL;
    if (apr_pool_create_unmanaged_ex(&arena, no_memory, NULL) != APR_SUCCESS) (void)no_memory(0);
    return arena;
}

view_t arena_keep(apr_pool_t *arena, view_t v) {
    return v.size == 0 ? view_make("", 0) : view_make(apr_pmemdup(arena, v.data, v.size), v.size);
}
