#include "base/config_internal.h"

#include "base/id.h"
#include "base/status.h"
#include "base/writer.h"
#include "portability/file.h"

#include <math.h>
#include <stdlib.h>

const char *config_shown(const config_key_t *key, const char *text) {
    if (text == NULL) return "(nothing)";
    bool secret = strstr(key->name, "password") != NULL || strstr(key->name, "token") != NULL;
    return secret ? "***" : text;
}

char *config_place_text(const config_place_t *p) {
    const char *shown = config_shown(p->key, p->text);
    if (p->path == NULL) return memory_printf("--set %s=%s", p->key->name, shown);
    return memory_printf("%s:%d: %s=%s", p->path, p->line, p->key->name, shown);
}

void config_value_copy(config_value_t *to, const config_value_t *from) {
    *to = *from;
    to->text = from->text == NULL ? NULL : memory_strdup(from->text);
    to->origin = memory_strdup(from->origin);
}

void config_value_clear(config_value_t *v) {
    memory_free(v->text);
    memory_free(v->origin);
    memset(v, 0, sizeof *v);
}

static bool has_range(const config_key_t *k) {
    return k->min != 0 || k->max != 0;
}

/* "a whole number from 0 to 65535" */
static char *wanted_number(const config_key_t *k) {
    const char *what = k->type == CONFIG_INT ? "a whole number" : "a decimal number";
    if (!has_range(k)) return memory_strdup(what);
    return memory_printf("%s from %lld to %lld", what, (long long)k->min, (long long)k->max);
}

static qmq_error_t *bad_number(const config_place_t *p, bool is_number) {
    char *place = config_place_text(p);
    char *wanted = wanted_number(p->key);
    qmq_error_t *e =
        error_create(QMQ_E_INVALID, NULL, "%s is %s, it must be %s", place, is_number ? "out of range" : "no valid number", wanted);
    const char *leave = p->path == NULL ? "leave the option out" : "remove the line";
    if (p->key->fallback == NULL) {
        error_set_remedy(e, "Give %s, or %s", wanted, leave);
    } else {
        error_set_remedy(e, "Give %s, or %s to get the default %s", wanted, leave, p->key->fallback);
    }
    memory_free(place);
    memory_free(wanted);
    return e;
}

static qmq_error_t *read_int(const config_place_t *p, config_value_t *v) {
    const config_key_t *k = p->key;
    if (!id_parse_i64(view_of(p->text), &v->number)) return bad_number(p, false);
    if (has_range(k) && (v->number < k->min || v->number > k->max)) return bad_number(p, true);
    v->real = (double)v->number;
    return NULL;
}

/* Sign, digits with at most one point, exponent: what Java takes too, without hexadecimal, suffixes and NaN. */
static bool parse_double(const char *text, double *value) {
    if (text[strspn(text, "+-.0123456789eE")] != 0) return false;
    char *end = NULL;
    *value = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*value);
}

static qmq_error_t *read_double(const config_place_t *p, config_value_t *v) {
    const config_key_t *k = p->key;
    if (!parse_double(p->text, &v->real)) return bad_number(p, false);
    if (has_range(k) && (v->real < (double)k->min || v->real > (double)k->max)) return bad_number(p, true);
    v->number = v->real > -9e18 && v->real < 9e18 ? (int64_t)v->real : 0;
    return NULL;
}

static bool same_letters(const char *text, const char *word) {
    for (; *text != 0 && *word != 0; text++, word++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (c != *word) return false;
    }
    return *text == *word;
}

/* Backslash and one of these are what a person or a program escapes on purpose. */
static bool is_meant(char escaped) {
    return escaped != 0 && strchr("\\:=#! ", escaped) != NULL;
}

static bool is_drive(const char *raw) {
    bool letter = (raw[0] >= 'A' && raw[0] <= 'Z') || (raw[0] >= 'a' && raw[0] <= 'z');
    return letter && (raw[1] == ':' || (raw[1] == '\\' && raw[2] == ':'));
}

/* Did property syntax eat a backslash of the path: D:\data, or C:\ at the end of a line? */
static bool is_swallowed(const char *raw) {
    for (const char *c = raw; *c != 0; c++) {
        if (*c != '\\') continue;
        c++;
        /* a continuation is surely a mistake only in a path that took the next setting along */
        bool wrong = *c == '\n' ? is_drive(raw) || strchr(c, '=') != NULL : !is_meant(*c) && *c != 'u';
        if (wrong || *c == 0) return true;
    }
    return false;
}

/* The raw path as it should have been written, with the given text for each separator. */
static char *spelling(const char *raw, const char *separator) {
    writer_t to;
    size_t size = 2 * strlen(raw) + 1;
    char *text = memory_alloc(size);
    writer_init_fixed(&to, text, size);
    for (const char *c = raw; *c != 0; c++) {
        if (*c != '\\') {
            writer_u8(&to, (uint8_t)*c);
        } else if (c[1] == '\n' || c[1] == 0) {
            writer_bytes(&to, separator, strlen(separator));
            break;
        } else if (is_meant(c[1]) && c[1] != '\\') {
            writer_u8(&to, (uint8_t) * ++c);
        } else {
            writer_bytes(&to, separator, strlen(separator));
            if (c[1] == '\\') c++;
        }
    }
    writer_u8(&to, 0);
    return text;
}

/* The value as read, with its tabs and line feeds to be seen. */
static char *visible(const char *text) {
    char *all = memory_strdup("");
    for (const char *c = text; *c != 0; c++) {
        char *longer = (unsigned char)*c < ' ' ? memory_printf("%s<0x%02x>", all, (unsigned)*c) : memory_printf("%s%c", all, *c);
        memory_free(all);
        all = longer;
    }
    return all;
}

static qmq_error_t *swallowed(const config_place_t *p) {
    char *read = visible(p->text);
    char *slashes = spelling(p->raw, "/");
    char *doubled = spelling(p->raw, "\\\\");
    qmq_error_t *e =
        error_create(QMQ_E_INVALID, NULL, "%s:%d: the path %s is read as %s, because a single backslash is an escape in a property file",
                     p->path, p->line, p->key->name, read);
    error_set_remedy(e, "Write %s=%s or %s=%s", p->key->name, slashes, p->key->name, doubled);
    memory_free(read);
    memory_free(slashes);
    memory_free(doubled);
    return e;
}

static qmq_error_t *read_path(const config_place_t *p, const char *path_base, config_value_t *v) {
    if (p->raw != NULL && is_swallowed(p->raw)) return swallowed(p);
    if (path_base == NULL) {
        v->text = memory_strdup(p->text);
        return NULL;
    }
    char *absolute = NULL;
    apr_status_t status = path_absolute(p->text, path_base, &absolute);
    if (status != APR_SUCCESS) {
        char why[120];
        char *place = config_place_text(p);
        qmq_error_t *e = error_create(status, "Give a path that exists on this system or is relative to the home directory",
                                      "%s cannot be resolved below %s: %s", place, path_base, status_text(status, why, sizeof why));
        memory_free(place);
        return e;
    }
    v->text = memory_strdup(absolute);
    free(absolute);
    return NULL;
}

qmq_error_t *config_value_read(const config_place_t *p, const char *path_base, config_value_t *v, bool *odd_flag) {
    qmq_error_t *e = NULL;
    *odd_flag = false;
    switch (p->key->type) {
    case CONFIG_INT:
        e = read_int(p, v);
        break;
    case CONFIG_DOUBLE:
        e = read_double(p, v);
        break;
    case CONFIG_BOOL:
        v->flag = same_letters(p->text, "true");
        *odd_flag = !v->flag && !same_letters(p->text, "false");
        break;
    case CONFIG_PATH:
        return read_path(p, path_base, v);
    case CONFIG_STRING:
        break;
    }
    if (e == NULL) v->text = memory_strdup(p->text);
    return e;
}
