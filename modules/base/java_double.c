#include "base/java_double.h"

#include "base/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Java prints plainly from 10^-3 up to, not including, 10^7. */
#define PLAIN_LEAST (-3)
#define PLAIN_END 7

/* Significant digits without trailing zeros, and the power of ten of the first one. */
typedef struct decimal {
    char digits[24];
    int count;
    int exponent;
} decimal_t;

static void take_scientific(decimal_t *d, const char *text) {
    d->count = 0;
    d->exponent = 0;
    for (const char *c = text; *c != 0; c++) {
        if (*c == 'e') {
            d->exponent = atoi(c + 1);
            break;
        }
        if (*c >= '0' && *c <= '9') d->digits[d->count++] = *c; /* whatever the locale's point is, it is no digit */
    }
    while (d->count > 1 && d->digits[d->count - 1] == '0') d->count--;
}

/* A number of up to 15 digits comes back from its 15 digits, every number from 17. */
static void to_decimal(double value, decimal_t *d) {
    for (int digits = 15;; digits++) {
        char text[40];
        (void)snprintf(text, sizeof text, "%.*e", digits - 1, value);
        if (digits == 17 || strtod(text, NULL) == value) {
            take_scientific(d, text);
            return;
        }
    }
}

static char *put_plain(char *to, const decimal_t *d) {
    if (d->exponent < 0) {
        *to++ = '0';
        *to++ = '.';
        for (int i = -1; i > d->exponent; i--) *to++ = '0';
        for (int i = 0; i < d->count; i++) *to++ = d->digits[i];
        return to;
    }
    for (int i = 0; i <= d->exponent; i++) *to++ = i < d->count ? d->digits[i] : '0';
    *to++ = '.';
    if (d->count <= d->exponent + 1) *to++ = '0';
    for (int i = d->exponent + 1; i < d->count; i++) *to++ = d->digits[i];
    return to;
}

static char *put_scientific(char *to, const decimal_t *d) {
    *to++ = d->digits[0];
    *to++ = '.';
    if (d->count == 1) *to++ = '0';
    for (int i = 1; i < d->count; i++) *to++ = d->digits[i];
    return to + snprintf(to, 8, "E%d", d->exponent);
}

char *java_double_text(double value, char to[JAVA_DOUBLE_SIZE]) {
    char *at = to;
    if (isnan(value)) {
        memcpy(to, "NaN", 4);
        return to;
    }
    if (isinf(value)) {
        memcpy(to, value < 0 ? "-Inf" : "+Inf", 5);
        return to;
    }
    if (signbit(value)) *at++ = '-';
    value = fabs(value);
    if (value < 1e7 && value == floor(value)) { /* most values of metrics; quick */
        (void)snprintf(at, JAVA_DOUBLE_SIZE - 1, "%d.0", (int)value);
        return to;
    }
    decimal_t d = {0};
    to_decimal(value, &d);
    at = d.exponent >= PLAIN_LEAST && d.exponent < PLAIN_END ? put_plain(at, &d) : put_scientific(at, &d);
    *at = 0;
    return to;
}
