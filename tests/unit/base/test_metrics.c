#include "base/java_double.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "portability/thread.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>

static metric_labels_t subject(const char *s) {
    return (metric_labels_t){"subject", view_of(s), NULL, {NULL, 0}};
}

static metric_labels_t subject_group(const char *s, const char *g) {
    return (metric_labels_t){"subject", view_of(s), "group", view_of(g)};
}

static double twelve(void *arg) {
    (void)arg;
    return 12;
}

static double number_of(void *arg) {
    return *(const double *)arg;
}

static bool exports(metrics_t *m, const char *expected) {
    char *text = metrics_export(m, NULL, NULL);
    bool same = text != NULL && strcmp(text, expected) == 0;
    if (!same) printf("--- expected\n%s--- got\n%s---\n", expected, text == NULL ? "nothing" : text);
    memory_free(text);
    return same;
}

/* The example of broker.md 18, byte for byte. */
static void metrics_export_as_the_original(void) {
    metrics_t *m = metrics_create();
    metric_add(metrics_counter(m, "receivedMessagesCount", subject("t.a")), 3);
    metric_t *timer = metrics_timer(m, "putMessageTime", subject("t.a"));
    metric_time_us(timer, 0);
    metric_time_us(timer, 0);
    metric_time_us(timer, 2000);
    metrics_gauge(m, "logSegmentTotalRefCount", METRIC_NO_LABELS, twelve, NULL);
    CU_ASSERT_TRUE(exports(m, "# HELP receivedMessagesCount receivedMessagesCount\n"
                              "# TYPE receivedMessagesCount gauge\n"
                              "receivedMessagesCount{subject=\"t.a\",} 3.0\n"
                              "# HELP putMessageTime putMessageTime\n"
                              "# TYPE putMessageTime summary\n"
                              "putMessageTime{subject=\"t.a\",quantile=\"0.5\",} 0.0\n"
                              "putMessageTime{subject=\"t.a\",quantile=\"0.75\",} 0.0\n"
                              "putMessageTime{subject=\"t.a\",quantile=\"0.99\",} 2.0\n"
                              "putMessageTime_count{subject=\"t.a\",} 3.0\n"
                              "putMessageTime_sum{subject=\"t.a\",} 2.0\n"
                              "# HELP logSegmentTotalRefCount logSegmentTotalRefCount\n"
                              "# TYPE logSegmentTotalRefCount gauge\n"
                              "logSegmentTotalRefCount 12.0\n"));
    CU_ASSERT_EQUAL(metric_value(timer), 3);
    metrics_destroy(m);
}

static void metrics_meter_is_calls_and_sum(void) {
    metrics_t *m = metrics_create();
    metric_t *meter = metrics_meter(m, "pulledMessagesEx", subject_group("t.a", "g"));
    metric_add(meter, 10);
    metric_add(meter, 5);
    CU_ASSERT_EQUAL(metric_value(meter), 15);
    CU_ASSERT_TRUE(exports(m, "# HELP pulledMessagesEx pulledMessagesEx\n"
                              "# TYPE pulledMessagesEx summary\n"
                              "pulledMessagesEx_count{subject=\"t.a\",group=\"g\",} 2.0\n"
                              "pulledMessagesEx_sum{subject=\"t.a\",group=\"g\",} 15.0\n"));
    metrics_destroy(m);
}

static void metrics_timer_without_samples_is_nan(void) {
    metrics_t *m = metrics_create();
    (void)metrics_timer(m, "t", METRIC_NO_LABELS);
    CU_ASSERT_TRUE(exports(m,
                           "# HELP t t\n# TYPE t summary\nt{quantile=\"0.5\",} NaN\nt{quantile=\"0.75\",} NaN\nt{quantile=\"0.99\",} NaN\n"
                           "t_count 0.0\nt_sum 0.0\n"));
    metrics_destroy(m);
}

static void metrics_same_name_and_labels_are_one_series(void) {
    metrics_t *m = metrics_create();
    metric_t *a = metrics_counter(m, "c", subject_group("s", "g"));
    CU_ASSERT_PTR_EQUAL(metrics_counter(m, "c", subject_group("s", "g")), a);
    CU_ASSERT_PTR_NOT_EQUAL(metrics_counter(m, "c", subject_group("sg", "")), a);
    CU_ASSERT_PTR_NOT_EQUAL(metrics_counter(m, "c", subject_group("", "sg")), a);
    /* another kind or other labels under the name: the dummy, which counts nothing */
    metric_t *dummy = metrics_counter(NULL, "c", METRIC_NO_LABELS);
    CU_ASSERT_PTR_EQUAL(metrics_timer(m, "c", subject_group("s", "g")), dummy);
    CU_ASSERT_PTR_EQUAL(metrics_counter(m, "c", subject("s")), dummy);
    metric_add(dummy, 7);
    metric_time_us(dummy, 7);
    CU_ASSERT_EQUAL(metric_value(dummy), 0);
    metrics_gauge(NULL, "g", METRIC_NO_LABELS, twelve, NULL);
    metrics_remove_gauges(NULL, NULL);
    metrics_destroy(m);
    metrics_destroy(NULL);
}

static void metrics_names_and_labels_are_made_fit(void) {
    metrics_t *m = metrics_create();
    metric_add(metrics_counter(m, "9a-b.c\xc3\xa9", subject("q\"b\\n\nend")), 1);
    metric_add(metrics_counter(m, "utf", subject("\xe4\xb8\xad\xff\xc0\x80\xed\xa0\x80\xf0\x9f\x98\x80\xe4\xb8")), -2);
    CU_ASSERT_TRUE(exports(m, "# HELP _a_b_c__ _a_b_c__\n# TYPE _a_b_c__ gauge\n"
                              "_a_b_c__{subject=\"q\\\"b\\\\n\\nend\",} 1.0\n"
                              "# HELP utf utf\n# TYPE utf gauge\n"
                              "utf{subject=\"\xe4\xb8\xad??????\xf0\x9f\x98\x80??\",} -2.0\n"));
    metrics_destroy(m);
}

static void metrics_series_limit(void) {
    metrics_t *m = metrics_create();
    metric_t *other = NULL;
    for (int i = 0; i < 10005; i++) {
        char name[20];
        (void)snprintf(name, sizeof name, "s%d", i);
        metric_t *c = metrics_counter(m, "c", subject_group(name, "g"));
        metric_add(c, 1);
        if (i >= 10000) other = c;
    }
    CU_ASSERT_EQUAL(metric_value(other), 5);
    CU_ASSERT_PTR_EQUAL(metrics_counter(m, "c", subject_group("never", "seen")), other);
    CU_ASSERT_EQUAL(metric_value(metrics_counter(m, "c", subject_group("s9999", "g"))), 1);
    CU_ASSERT_PTR_NOT_EQUAL(metrics_counter(m, "d", subject_group("s1", "g")), other);
    char *text = metrics_export(m, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nc{subject=\"_other\",group=\"_other\",} 5.0\n"));
    memory_free(text);
    metrics_destroy(m);
}

static void metrics_gauges_come_and_go(void) {
    metrics_t *m = metrics_create();
    double a = 1.5;
    double b = 15000000;
    metrics_gauge(m, "lag", subject("a"), number_of, &a);
    metrics_gauge(m, "lag", subject("b"), number_of, &b);
    metrics_gauge(m, "lag", subject("c"), number_of, &a);
    metrics_gauge(m, "alone", METRIC_NO_LABELS, number_of, &a);
    CU_ASSERT_TRUE(exports(m,
                           "# HELP lag lag\n# TYPE lag gauge\nlag{subject=\"a\",} 1.5\nlag{subject=\"b\",} 1.5E7\nlag{subject=\"c\",} 1.5\n"
                           "# HELP alone alone\n# TYPE alone gauge\nalone 1.5\n"));
    metrics_remove_gauges(m, &a);
    CU_ASSERT_TRUE(exports(m, "# HELP lag lag\n# TYPE lag gauge\nlag{subject=\"b\",} 1.5E7\n"));
    metrics_gauge(m, "lag", subject("b"), number_of, &a); /* replaced */
    metrics_remove_gauges(m, &b);
    CU_ASSERT_TRUE(exports(m, "# HELP lag lag\n# TYPE lag gauge\nlag{subject=\"b\",} 1.5\n"));
    metrics_gauge(m, "lag", subject("c"), number_of, &a);
    metrics_gauge(m, "lag", subject("d"), number_of, &a);
    metrics_gauge(m, "lag", subject("c"), number_of, &b); /* out of the middle of a's gauges */
    metrics_gauge(m, "lag", subject("d"), number_of, &b);
    CU_ASSERT_TRUE(exports(m, "# HELP lag lag\n# TYPE lag gauge\nlag{subject=\"b\",} 1.5\nlag{subject=\"c\",} 1.5E7\n"
                              "lag{subject=\"d\",} 1.5E7\n"));
    metrics_remove_gauges(m, &a);
    metrics_remove_gauges(m, &b);
    metrics_remove_gauges(m, &b);
    CU_ASSERT_TRUE(exports(m, ""));
    metrics_gauge(m, "lag", subject("x"), number_of, &a);
    CU_ASSERT_TRUE(exports(m, "# HELP lag lag\n# TYPE lag gauge\nlag{subject=\"x\",} 1.5\n"));
    metrics_destroy(m);
}

static void metrics_page_of_two_servers_has_each_name_once(void) {
    metrics_t *broker = metrics_create();
    metrics_t *meta = metrics_create();
    double four = 4;
    metric_add(metrics_counter(broker, "a", subject("s")), 1);
    metric_add(metrics_counter(meta, "a", subject("s")), 2);
    metrics_gauge(broker, "g", METRIC_NO_LABELS, number_of, &four);
    metrics_gauge(meta, "g", METRIC_NO_LABELS, twelve, NULL);
    metric_add(metrics_counter(meta, "only", METRIC_NO_LABELS), 3);
    metrics_part_t parts[] = {
        {broker, {"server", view_of("broker"), "instance", view_of("0")}},
        {meta, {"server", view_of("metaserver"), NULL, {NULL, 0}}},
    };
    char *text = metrics_export_parts(parts, 2, NULL);
    CU_ASSERT_STRING_EQUAL(text, "# HELP a a\n# TYPE a gauge\n"
                                 "a{subject=\"s\",server=\"broker\",instance=\"0\",} 1.0\n"
                                 "a{subject=\"s\",server=\"metaserver\",} 2.0\n"
                                 "# HELP g g\n# TYPE g gauge\n"
                                 "g{server=\"broker\",instance=\"0\",} 4.0\n"
                                 "g{server=\"metaserver\",} 12.0\n"
                                 "# HELP only only\n# TYPE only gauge\n"
                                 "only{server=\"metaserver\",} 3.0\n");
    memory_free(text);
    text = metrics_export(meta, "server", "m");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\na{subject=\"s\",server=\"m\",} 2.0\n"));
    memory_free(text);
    metrics_destroy(broker);
    metrics_destroy(meta);
}

static void metrics_export_of_chosen_samples(void) {
    metrics_t *m = metrics_create();
    metric_add(metrics_counter(m, "a", METRIC_NO_LABELS), 1);
    metric_add(metrics_counter(m, "ab", METRIC_NO_LABELS), 1);
    metric_add(metrics_meter(m, "b", METRIC_NO_LABELS), 1);
    metric_time_us(metrics_timer(m, "t", METRIC_NO_LABELS), 1500);
    metrics_part_t part = {m, METRIC_NO_LABELS};
    static const char *const names[] = {"a", "b_sum", "t", "unknown", NULL};
    char *text = metrics_export_parts(&part, 1, names);
    CU_ASSERT_STRING_EQUAL(
        text, "# HELP a a\n# TYPE a gauge\na 1.0\n# HELP b b\n# TYPE b summary\nb_sum 1.0\n"
              "# HELP t t\n# TYPE t summary\nt{quantile=\"0.5\",} 1.5\nt{quantile=\"0.75\",} 1.5\nt{quantile=\"0.99\",} 1.5\n");
    memory_free(text);
    metrics_destroy(m);
}

static bool prints(double value, const char *expected) {
    char text[JAVA_DOUBLE_SIZE];
    bool same = strcmp(java_double_text(value, text), expected) == 0;
    if (!same) printf("%s instead of %s\n", text, expected);
    return same;
}

static void java_double_as_java_prints_it(void) {
    CU_ASSERT_TRUE(prints(0, "0.0"));
    CU_ASSERT_TRUE(prints(-0.0, "-0.0"));
    CU_ASSERT_TRUE(prints(3, "3.0"));
    CU_ASSERT_TRUE(prints(-12, "-12.0"));
    CU_ASSERT_TRUE(prints(0.1, "0.1"));
    CU_ASSERT_TRUE(prints(0.001, "0.001"));
    CU_ASSERT_TRUE(prints(0.00123, "0.00123"));
    CU_ASSERT_TRUE(prints(0.000999, "9.99E-4"));
    CU_ASSERT_TRUE(prints(1234.5678, "1234.5678"));
    CU_ASSERT_TRUE(prints(9999999, "9999999.0"));
    CU_ASSERT_TRUE(prints(9999999.5, "9999999.5"));
    CU_ASSERT_TRUE(prints(1e7, "1.0E7"));
    CU_ASSERT_TRUE(prints(1.5e7, "1.5E7"));
    CU_ASSERT_TRUE(prints(-12345678, "-1.2345678E7"));
    CU_ASSERT_TRUE(prints(1.0 / 3, "0.3333333333333333"));
    CU_ASSERT_TRUE(prints(100.0 / 3, "33.333333333333336"));
    CU_ASSERT_TRUE(prints(1.7976931348623157e308, "1.7976931348623157E308"));
    CU_ASSERT_TRUE(prints(-1.7976931348623157e308, "-1.7976931348623157E308"));
    CU_ASSERT_TRUE(prints(2.2250738585072014e-308, "2.2250738585072014E-308"));
    CU_ASSERT_TRUE(prints(9.223372036854775807e18, "9.223372036854776E18"));
    CU_ASSERT_TRUE(prints((double)NAN, "NaN"));
    CU_ASSERT_TRUE(prints((double)INFINITY, "+Inf"));
    CU_ASSERT_TRUE(prints(-(double)INFINITY, "-Inf"));
}

enum { WORKERS = 4, ROUNDS = 20000 };

typedef struct worker {
    metrics_t *metrics;
    int number;
} worker_t;

static void update(void *arg) {
    worker_t *w = arg;
    double mine = w->number;
    for (int i = 0; i < ROUNDS; i++) {
        char name[20];
        (void)snprintf(name, sizeof name, "s%d", i % 50);
        metric_add(metrics_counter(w->metrics, "c", subject(name)), 1);
        metric_time_us(metrics_timer(w->metrics, "t", METRIC_NO_LABELS), i);
        metric_add(metrics_meter(w->metrics, "m", METRIC_NO_LABELS), 2);
        if (i % 100 == 0) metrics_gauge(w->metrics, "g", subject(name), number_of, &mine);
        if (i % 100 == 50) metrics_remove_gauges(w->metrics, &mine);
    }
    metrics_remove_gauges(w->metrics, &mine);
}

static void metrics_concurrent_updates_and_exports(void) {
    metrics_t *m = metrics_create();
    worker_t workers[WORKERS];
    thread_t *threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (worker_t){m, i};
        CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], "worker", update, &workers[i]), APR_SUCCESS);
    }
    for (int i = 0; i < 20; i++) {
        char *text = metrics_export(m, NULL, NULL);
        CU_ASSERT_PTR_NOT_NULL(text);
        memory_free(text);
    }
    for (int i = 0; i < WORKERS; i++) thread_join(threads[i]);
    int64_t sum = 0;
    for (int i = 0; i < 50; i++) {
        char name[20];
        (void)snprintf(name, sizeof name, "s%d", i);
        sum += metric_value(metrics_counter(m, "c", subject(name)));
    }
    CU_ASSERT_EQUAL(sum, WORKERS * ROUNDS);
    CU_ASSERT_EQUAL(metric_value(metrics_timer(m, "t", METRIC_NO_LABELS)), WORKERS * ROUNDS);
    CU_ASSERT_EQUAL(metric_value(metrics_meter(m, "m", METRIC_NO_LABELS)), 2 * WORKERS * ROUNDS);
    metrics_destroy(m);
}

static void metrics_100000_series_are_small(void) {
    metrics_t *m = metrics_create();
    metrics_t *timers = metrics_create();
    for (int i = 0; i < 100000; i++) {
        char family[20];
        char name[60];
        (void)snprintf(family, sizeof family, "metric%d", i / 10000);
        (void)snprintf(name, sizeof name, "flight.order.changed.%d", i);
        metric_add(metrics_counter(m, family, subject_group(name, "some-consumer-group")), 1);
        metric_time_us(metrics_timer(timers, family, subject_group(name, "some-consumer-group")), i);
    }
    CU_ASSERT_TRUE(metrics_memory(m) < 20 * 1024 * 1024);
    CU_ASSERT_TRUE(metrics_memory(m) > 100000 * 40);
    CU_ASSERT_TRUE(metrics_memory(timers) < 40 * 1024 * 1024); /* timers that took once */
    metrics_destroy(m);
    metrics_destroy(timers);
}

const test_case_t metrics_cases[] = {
    TEST(metrics_export_as_the_original),
    TEST(metrics_meter_is_calls_and_sum),
    TEST(metrics_timer_without_samples_is_nan),
    TEST(metrics_same_name_and_labels_are_one_series),
    TEST(metrics_names_and_labels_are_made_fit),
    TEST(metrics_series_limit),
    TEST(metrics_gauges_come_and_go),
    TEST(metrics_page_of_two_servers_has_each_name_once),
    TEST(metrics_export_of_chosen_samples),
    TEST(java_double_as_java_prints_it),
    TEST(metrics_concurrent_updates_and_exports),
    TEST(metrics_100000_series_are_small),
    TEST_END,
};
