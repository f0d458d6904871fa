#include "base/id.h"
#include "base/nearest.h"
#include "tools/tools.h"

#include <string.h>

static size_t find(const tool_command_t *command, const char *name, size_t size) {
    size_t i = 0;
    const tool_option_t *o;
    while ((o = tool_option_at(command, i)) != NULL && (strlen(o->name) != size || strncmp(o->name, name, size) != 0)) i++;
    return i;
}

static bool is_option(const char *argument) {
    return strncmp(argument, "--", 2) == 0;
}

static bool unknown_option(const tool_command_t *command, const char *argument, FILE *err) {
    nearest_t near = {.name = NULL};
    view_t word = view_make(argument + 2, strcspn(argument + 2, "="));
    const tool_option_t *o;
    for (size_t i = 0; (o = tool_option_at(command, i)) != NULL; i++) nearest_offer(&near, word, o->name);
    (void)fprintf(err, "Unknown option: %s. The nearest of %s is --%s, all are listed by tools %s --help\n", argument, command->name,
                  near.name, command->name);
    return false;
}

/* One option with its value at arguments[*at], which is moved to the last used. */
static bool read_option(tool_values_t *v, const tool_command_t *command, int count, const char *const *arguments, int *at, FILE *err) {
    const char *argument = arguments[*at];
    const char *equals = strchr(argument, '=');
    size_t size = equals == NULL ? strlen(argument + 2) : (size_t)(equals - argument) - 2;
    size_t i = find(command, argument + 2, size);
    const tool_option_t *o = tool_option_at(command, i);
    if (o == NULL) return unknown_option(command, argument, err);
    if (v->values[i] != NULL) {
        (void)fprintf(err, "option '--%s' (<%s>) should be specified only once\n", o->name, o->name);
        return false;
    }
    const char *value = equals == NULL ? NULL : equals + 1;
    if (value == NULL && *at + 1 < count && !is_option(arguments[*at + 1])) value = arguments[++*at];
    if (value == NULL) {
        (void)fprintf(err, "Missing required parameter for option '--%s' (<%s>)\n", o->name, o->name);
        return false;
    }
    int32_t number;
    if (o->integer && !id_parse_i32(view_of(value), &number)) {
        (void)fprintf(err, "Invalid value for option '--%s': '%s' is not an int\n", o->name, value);
        return false;
    }
    v->values[i] = value;
    return true;
}

static bool check_required(const tool_values_t *v, const tool_command_t *command, FILE *err) {
    const tool_option_t *o;
    size_t missing = 0;
    for (size_t i = 0; (o = tool_option_at(command, i)) != NULL; i++) missing += o->use == OPTION_REQUIRED && v->values[i] == NULL;
    if (missing == 0) return true;
    (void)fprintf(err, missing == 1 ? "Missing required option '" : "Missing required options [");
    size_t told = 0;
    for (size_t i = 0; (o = tool_option_at(command, i)) != NULL; i++) {
        if (o->use != OPTION_REQUIRED || v->values[i] != NULL) continue;
        (void)fprintf(err, "%s--%s=<%s>", told++ == 0 ? "" : ", ", o->name, o->name);
    }
    (void)fprintf(err, "%s of %s, see tools %s --help\n", missing == 1 ? "'" : "]", command->name, command->name);
    return false;
}

bool tool_values_read(tool_values_t *v, const tool_command_t *command, int count, const char *const *arguments, FILE *err) {
    *v = (tool_values_t){.help = false};
    for (int at = 0; at < count; at++) {
        const char *argument = arguments[at];
        if (strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0) {
            v->help = true;
        } else if (strcmp(argument, "-V") == 0 || strcmp(argument, "--version") == 0) {
            v->version = true;
        } else if (strcmp(argument, "--raw") == 0) {
            v->raw = true;
        } else if (!is_option(argument)) {
            (void)fprintf(err, "%s: %s. Options are written --name=value, see tools %s --help\n",
                          *argument == '-' ? "Unknown option" : "Unmatched argument", argument, command->name);
            return false;
        } else if (!read_option(v, command, count, arguments, &at, err)) {
            return false;
        }
    }
    return true;
}

bool tool_values_complete(tool_values_t *v, const tool_command_t *command, const char *metaserver, FILE *err) {
    size_t i = find(command, tool_option_metaserver.name, strlen(tool_option_metaserver.name));
    if (v->values[i] == NULL) v->values[i] = metaserver;
    return check_required(v, command, err);
}

const char *tool_values_of(const tool_values_t *v, const tool_command_t *command, const char *name) {
    size_t i = find(command, name, strlen(name));
    return tool_option_at(command, i) == NULL ? NULL : v->values[i];
}
