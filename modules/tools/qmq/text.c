/* Durations, times, lines on standard error. */
#include "base/error.h"
#include "base/id.h"
#include "base/view.h"
#include "cli.h"
#include "portability/host.h"

#include <apr_time.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void cli_say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *line = memory_vprintf(format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "qmq: %s\n", line);
    memory_free(line);
}

void cli_progress_begin(cli_progress_t *p, bool uses_output) {
    p->shows = process_has_terminal(true) && !(uses_output && process_has_terminal(false));
    p->shown = false;
}

void cli_progress(cli_progress_t *p, const char *what, long long count) {
    if (!p->shows) return;
    (void)fprintf(stderr, "\r%lld %s ", count, what);
    p->shown = true;
}

void cli_progress_end(cli_progress_t *p) {
    if (p->shown) (void)fputc('\n', stderr);
    p->shown = false;
}

static int exit_code_of(int status) {
    switch (status) {
    case QMQ_OK:
        return EXIT_DONE;
    case QMQ_INVALID:
        return EXIT_USAGE;
    case QMQ_UNREACHABLE:
    case QMQ_TIMED_OUT:
        return EXIT_UNREACHABLE;
    default:
        return EXIT_REFUSED;
    }
}

int cli_fail(qmq_error_t *error) {
    int code = exit_code_of(qmq_error_status(error));
    if (code == EXIT_DONE) return code;
    char *line = error_line(error);
    cli_say("%s", line);
    memory_free(line);
    qmq_error_free(error);
    return code;
}

int64_t cli_duration_ms(const char *text) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = strspn(text, "0123456789");
    int64_t number = 0;
    if (digits == 0 || digits > 12 || !id_parse_i64(view_make(text, digits), &number)) return -1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text + digits, units[i].unit) == 0) return number * units[i].ms;
    }
    return -1;
}

int64_t cli_time_ms(const char *text) {
    int64_t number = 0;
    int year, month, day, hour = 0, minute = 0, second = 0, used = 0;
    if (id_parse_i64(view_of(text), &number)) return number < 0 ? -1 : number;
    int fields = sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d%n:%2d%n", &year, &month, &day, &hour, &minute, &used, &second, &used);
    if (fields == 3 && strlen(text) != strlen("2026-12-31")) return -1;
    if (fields != 3 && (fields < 5 || (size_t)used != strlen(text))) return -1;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return -1;
    apr_time_exp_t local = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_sec = second};
    apr_time_t utc = 0;
    apr_time_exp_t there;
    /* The offset of that very moment: summer time may differ from now. */
    if (apr_time_exp_get(&utc, &local) != APR_SUCCESS || apr_time_exp_lt(&there, utc) != APR_SUCCESS) return -1;
    utc -= apr_time_from_sec(there.tm_gmtoff);
    return apr_time_as_msec(utc);
}
