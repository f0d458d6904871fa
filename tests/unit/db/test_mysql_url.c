#include "db/mysql_url.h"
#include "suites.h"

#include <stdio.h>

static mysql_url_t read_good(const char *url) {
    mysql_url_t u;
    qmq_error_t *e = mysql_url_read(&u, url, NULL);
    if (e != NULL) printf("%s: %s\n", url, qmq_error_message(e));
    CU_ASSERT_PTR_NULL_FATAL(e);
    return u;
}

static void defaults(void) {
    mysql_url_t u = read_good("jdbc:mysql://db/qmq");
    CU_ASSERT_EQUAL_FATAL(u.host_count, 1);
    CU_ASSERT_STRING_EQUAL(u.hosts[0].name, "db");
    CU_ASSERT_EQUAL(u.hosts[0].port, 3306);
    CU_ASSERT_STRING_EQUAL(u.database, "qmq");
    CU_ASSERT(u.connect_timeout_s > 0 && u.socket_timeout_s > 0);
    CU_ASSERT_EQUAL(u.tls, MYSQL_TLS_OFF);
    CU_ASSERT(!u.counts_real_changes);
    CU_ASSERT_PTR_NULL(u.certificate);
    mysql_url_free(&u);
}

static void several_hosts(void) {
    mysql_url_t u = read_good("jdbc:mysql://a:1,b,[::1]:65535,[fe80::2]/q-m_q?");
    CU_ASSERT_EQUAL_FATAL(u.host_count, 4);
    CU_ASSERT_EQUAL(u.hosts[0].port, 1);
    CU_ASSERT_EQUAL(u.hosts[1].port, 3306);
    CU_ASSERT_STRING_EQUAL(u.hosts[2].name, "::1");
    CU_ASSERT_EQUAL(u.hosts[2].port, 65535);
    CU_ASSERT_STRING_EQUAL(u.hosts[3].name, "fe80::2");
    CU_ASSERT_EQUAL(u.hosts[3].port, 3306);
    CU_ASSERT_STRING_EQUAL(u.database, "q-m_q");
    mysql_url_free(&u);
}

static void parameters(void) {
    mysql_url_t u = read_good("jdbc:mysql://a/q?connectTimeout=1500&&socketTimeout=1&useAffectedRows=true&characterEncoding=UTF-8&other=1&"
                              "serverSslCert=/etc/ca.pem&sslMode=verify_ca");
    CU_ASSERT_EQUAL(u.connect_timeout_s, 2);
    CU_ASSERT_EQUAL(u.socket_timeout_s, 1);
    CU_ASSERT(u.counts_real_changes && u.may_ask_key);
    CU_ASSERT_PTR_NULL(u.public_key);
    CU_ASSERT_STRING_EQUAL(u.certificate, "/etc/ca.pem");
    CU_ASSERT_EQUAL(u.tls, MYSQL_TLS_VERIFY);
    mysql_url_free(&u);
    u = read_good("jdbc:mysql://a/q?allowPublicKeyRetrieval=false&serverRSAPublicKeyFile=/etc/key.pem");
    CU_ASSERT_STRING_EQUAL(u.public_key, "/etc/key.pem");
    CU_ASSERT_FALSE(u.may_ask_key);
    mysql_url_free(&u);
    u = read_good("jdbc:mysql://a/q?useSSL=true");
    CU_ASSERT_EQUAL(u.tls, MYSQL_TLS_ON);
    mysql_url_free(&u);
    u = read_good("jdbc:mysql://a/q?sslMode=preferred");
    CU_ASSERT_EQUAL(u.tls, MYSQL_TLS_PREFERRED);
    mysql_url_free(&u);
    u = read_good("jdbc:mysql://a/q?sslMode=REQUIRED&useSSL=false&connectTimeout=0");
    CU_ASSERT_EQUAL(u.tls, MYSQL_TLS_OFF);
    CU_ASSERT(u.connect_timeout_s > 0);
    mysql_url_free(&u);
}

static void bad_urls(void) {
    static const char *const bad[] = {"jdbc:mysql:",
                                      "jdbc:mysql://",
                                      "jdbc:mysql:///q",
                                      "jdbc:mysql://a",
                                      "jdbc:mysql://a/",
                                      "jdbc:mysql://a/q/r",
                                      "jdbc:mysql://a:0/q",
                                      "jdbc:mysql://a:65536/q",
                                      "jdbc:mysql://a:x/q",
                                      "jdbc:mysql://[::1/q",
                                      "jdbc:mysql://[::1]2/q",
                                      "jdbc:mysql://a,,b/q",
                                      "jdbc:mysql://a/q?useSSL=perhaps",
                                      "jdbc:mysql://a/q?sslMode=MAYBE",
                                      "jdbc:mysql://a/q?allowPublicKeyRetrieval=yes",
                                      "jdbc:mysql://a/q?connectTimeout=-1",
                                      "jdbc:mysql://a/q?socketTimeout=1s"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mysql_url_t u;
        qmq_error_t *e = mysql_url_read(&u, bad[i], NULL);
        if (e == NULL) printf("%s was taken\n", bad[i]);
        CU_ASSERT_PTR_NOT_NULL(e);
        CU_ASSERT(e == NULL || strstr(qmq_error_message(e), "jdbc.url") != NULL);
        qmq_error_free(e);
        mysql_url_free(&u);
    }
}

static void a_password_is_not_told(void) {
    mysql_url_t u;
    qmq_error_t *e = mysql_url_read(&u, "jdbc:mysql://a:x/q?password=secret", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    CU_ASSERT_PTR_NULL(strstr(qmq_error_message(e), "secret"));
    qmq_error_free(e);
    mysql_url_free(&u);
}

const test_case_t mysql_url_cases[] = {TEST(defaults), TEST(several_hosts),          TEST(parameters),
                                       TEST(bad_urls), TEST(a_password_is_not_told), TEST_END};
