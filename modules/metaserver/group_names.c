#include "metaserver/group_names.h"

#include "base/memory.h"
#include "metaserver/broker_rows.h"

#include <jansson.h>
#include <stdlib.h>

group_names_t *group_names_make(const view_t *names, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += names[i].size;
    group_names_t *made = memory_alloc(sizeof *made + count * sizeof made->items[0] + bytes);
    char *at = (char *)&made->items[count];
    made->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (group_names_have(made, names[i])) continue;
        if (names[i].size > 0) memcpy(at, names[i].data, names[i].size);
        made->items[made->count++] = view_make(at, names[i].size);
        at += names[i].size;
    }
    return made;
}

group_names_t *group_names_copy(const group_names_t *names) {
    return group_names_make(names->items, names->count);
}

static json_t *load_array(view_t text) {
    if (text.data == NULL) return NULL;
    json_t *array = json_loadb(text.data, text.size, 0, NULL);
    if (array != NULL || !view_has(text, '\'')) return array;
    char *quoted = memory_strndup(text.data, text.size);
    for (char *p = quoted; *p != 0; p++) {
        if (*p == '\'') *p = '"';
    }
    array = json_loads(quoted, 0, NULL);
    memory_free(quoted);
    return array;
}

group_names_t *group_names_parse(view_t json) {
    json_t *array = load_array(json);
    size_t count = json_array_size(array); /* 0 when it is no array */
    view_t *views = memory_alloc((count + 1) * sizeof *views);
    bool good = json_is_array(array);
    for (size_t i = 0; i < count && good; i++) {
        const json_t *item = json_array_get(array, i);
        good = json_is_string(item);
        if (good) views[i] = view_make(json_string_value(item), json_string_length(item));
    }
    group_names_t *names = good ? group_names_make(views, count) : NULL;
    memory_free(views);
    json_decref(array);
    return names;
}

group_names_t *group_names_extend(const group_names_t *names, const view_t *more, size_t count) {
    view_t *all = memory_alloc((names->count + count + 1) * sizeof *all);
    if (names->count > 0) memcpy(all, names->items, names->count * sizeof *all);
    if (count > 0) memcpy(all + names->count, more, count * sizeof *all);
    group_names_t *made = group_names_make(all, names->count + count);
    memory_free(all);
    return made;
}

bool group_names_equal(const group_names_t *a, const group_names_t *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!view_equal(a->items[i], b->items[i])) return false;
    }
    return true;
}

bool group_names_have(const group_names_t *names, view_t name) {
    for (size_t i = 0; i < names->count; i++) {
        if (view_equal(names->items[i], name)) return true;
    }
    return false;
}

char *group_names_json(const group_names_t *names) {
    json_t *array = json_array();
    for (size_t i = 0; i < names->count; i++) (void)json_array_append_new(array, json_stringn(names->items[i].data, names->items[i].size));
    char *dumped = array == NULL || json_array_size(array) != names->count ? NULL : json_dumps(array, JSON_COMPACT);
    json_decref(array);
    char *text = dumped == NULL || text_characters(view_of(dumped)) > ROUTE_JSON_CHARACTERS ? NULL : memory_strdup(dumped);
    free(dumped);
    return text;
}
