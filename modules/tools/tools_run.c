#include "base/nearest.h"
#include "portability/host.h"
#include "tools/tools.h"

#include <string.h>

static const tool_command_t *find_command(const char *name) {
    for (const tool_command_t *c = tool_commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) return c;
    }
    return NULL;
}

void tools_help(FILE *out) {
    (void)fprintf(out, "QMQ tools, version %s: administration of a metaserver.\n\ntools COMMAND --option=value...\n\n", QMQ_VERSION);
    for (const tool_command_t *c = tool_commands; c->name != NULL; c++) (void)fprintf(out, "  %-26s %s\n", c->name, c->text);
    (void)fprintf(out, "\ntools COMMAND --help lists the options of a command, tools --words [COMMAND] the words a shell may complete.\n"
                       "On a terminal answers are shown as tables; piped, or with --raw, they are the metaserver's own JSON.\n"
                       "Exit codes: 0 done, 1 the metaserver refused, 2 wrong usage, 3 the metaserver cannot be reached.\n");
}

void tool_command_help(const tool_command_t *command, FILE *out) {
    const tool_option_t *o;
    (void)fprintf(out, "tools %s --option=value...\n%s\n\n", command->name, command->text);
    for (size_t i = 0; (o = tool_option_at(command, i)) != NULL; i++) {
        (void)fprintf(out, "  --%-20s %s", o->name, o->text);
        if (o->use == OPTION_REQUIRED)
            (void)fprintf(out, " (required%s)", o->integer ? ", whole number" : "");
        else if (o->fallback != NULL && *o->fallback != 0)
            (void)fprintf(out, " (default %s)", o->fallback);
        (void)fprintf(out, "\n");
    }
    if (command->run == NULL)
        (void)fprintf(out, "  --%-20s %s\n", "raw",
                      "the metaserver's answer as it came, also on a terminal, where it is shown as a table else");
}

/* For completion in shells: commands, or the options of one. */
static int print_words(const char *name, FILE *out) {
    const tool_command_t *command = name == NULL ? NULL : find_command(name);
    const tool_option_t *o;
    for (const tool_command_t *c = tool_commands; name == NULL && c->name != NULL; c++) (void)fprintf(out, "%s\n", c->name);
    for (size_t i = 0; command != NULL && (o = tool_option_at(command, i)) != NULL; i++) (void)fprintf(out, "--%s=\n", o->name);
    if (command != NULL && command->run == NULL) (void)fprintf(out, "--raw\n");
    (void)fprintf(out, "--help\n--version\n");
    return TOOLS_DONE;
}

static int unknown_command(const char *name, FILE *err) {
    nearest_t nearest = {.name = NULL};
    for (const tool_command_t *c = tool_commands; c->name != NULL; c++) nearest_offer(&nearest, view_of(name), c->name);
    (void)fprintf(err, "%s: %s. The nearest command is %s, all are listed by tools --help\n",
                  *name == '-' ? "Unknown option" : "Unmatched argument", name, nearest.name);
    return TOOLS_USAGE;
}

static int run_command(const tool_command_t *command, int count, const char *const *arguments, tool_output_t *to) {
    tool_values_t v;
    if (!tool_values_read(&v, command, count, arguments, to->err)) return TOOLS_USAGE;
    if (v.help) {
        tool_command_help(command, to->out);
        return TOOLS_DONE;
    }
    if (v.version) {
        (void)fprintf(to->out, "%s\n", QMQ_VERSION);
        return TOOLS_DONE;
    }
    if (!tool_values_complete(&v, command, process_environment("QMQ_METASERVER"), to->err)) return TOOLS_USAGE;
    return command->run != NULL ? command->run(command, &v, to) : tool_call(command, &v, to);
}

int tools_run(int count, const char *const *arguments, tool_output_t *to) {
    const char *first = count == 0 ? "--help" : arguments[0];
    if (strcmp(first, "-h") == 0 || strcmp(first, "--help") == 0) {
        tools_help(to->out);
        return TOOLS_DONE;
    }
    if (strcmp(first, "-V") == 0 || strcmp(first, "--version") == 0) {
        (void)fprintf(to->out, "%s\n", QMQ_VERSION);
        return TOOLS_DONE;
    }
    if (strcmp(first, "--words") == 0) return print_words(count > 1 ? arguments[1] : NULL, to->out);
    const tool_command_t *command = find_command(first);
    if (command == NULL) return unknown_command(first, to->err);
    return run_command(command, count - 1, arguments + 1, to);
}
