#include "db/mysql_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "db/mysql_url.h"
#include "portability/clock.h"

#include <errmsg.h>
#include <string.h>

/* A connection is replaced after this long, as the original's pool does it; addresses behind names move. */
#define LIFE_US (30 * 60 * 1000000LL)
/* One that nobody used for this long is asked whether it still is. */
#define ASK_AFTER_US (10 * 1000000LL)

static void set_options(MYSQL *c, const mysql_url_t *url, mysql_tls_t tls) {
    unsigned protocol = MYSQL_PROTOCOL_TCP;
    my_bool on = 1, off = 0;
    (void)mysql_options(c, MYSQL_OPT_PROTOCOL, &protocol); /* "localhost" is an address, not a socket file */
    (void)mysql_options(c, MYSQL_OPT_CONNECT_TIMEOUT, &url->connect_timeout_s);
    (void)mysql_options(c, MYSQL_OPT_READ_TIMEOUT, &url->socket_timeout_s);
    (void)mysql_options(c, MYSQL_OPT_WRITE_TIMEOUT, &url->socket_timeout_s);
    (void)mysql_options(c, MYSQL_OPT_RECONNECT, &off);
    (void)mysql_options(c, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    (void)mysql_options(c, MYSQL_OPT_LOCAL_INFILE, &off);
    if (url->public_key != NULL) (void)mysql_options(c, MYSQL_SERVER_PUBLIC_KEY, url->public_key);
    if (tls == MYSQL_TLS_OFF) return;
    (void)mysql_options(c, MYSQL_OPT_SSL_ENFORCE, &on);
    if (url->certificate != NULL) (void)mysql_options(c, MYSQL_OPT_SSL_CA, url->certificate);
    (void)mysql_options(c, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, tls == MYSQL_TLS_VERIFY ? &on : &off);
}

static qmq_error_t *cannot_connect(const mysql_session_t *s, const char *user) {
    char text[DB_ERROR_SIZE];
    unsigned code = mysql_errno(s->connection);
    /* The library's own error is overwritten when it goes on without the plugin. */
    if (strstr(mysql_error(s->connection), "could not be loaded") != NULL) code = CR_AUTH_PLUGIN_CANNOT_LOAD;
    mysql_describe(text, sizeof text, s->where, code, mysql_error(s->connection));
    return error_create(mysql_status(code), mysql_remedy(code), "cannot open the database %s as user %s", text, user);
}

static qmq_error_t *prepare(mysql_session_t *s, const mysql_url_t *url, mysql_tls_t tls) {
    s->connection = mysql_init(NULL);
    if (s->connection == NULL) return error_create(APR_ENOMEM, NULL, "no memory for a connection to the database");
    set_options(s->connection, url, tls);
    return NULL;
}

static void drop(mysql_session_t *s) {
    mysql_close(s->connection);
    s->connection = NULL;
}

static qmq_error_t *no_encryption(const mysql_session_t *s) {
    return error_create(QMQ_E_UNREACHABLE, "Set up TLS at the database, or correct useSSL and sslMode in jdbc.url",
                        "the database %s offers no encrypted connection, and jdbc.url demands one", s->where);
}

/* Looks whether the server offers encryption, before anything is told to it: the library, when it was told to encrypt, goes on without, and
 * then sends the password of caching_sha2_password as it is. */
static qmq_error_t *look_for_encryption(mysql_session_t *s, const mysql_url_t *url, const mysql_host_t *host, const char *user,
                                        bool *offered) {
    qmq_error_t *e = prepare(s, url, MYSQL_TLS_OFF);
    if (e != NULL) return e;
    (void)mysql_options(s->connection, MARIADB_OPT_RESTRICTED_AUTH, "none"); /* it goes away after the greeting */
    if (mysql_real_connect(s->connection, host->name, user, "", url->database, host->port, NULL, 0) == NULL &&
        s->connection->server_capabilities == 0)
        e = cannot_connect(s, user);
    *offered = (s->connection->server_capabilities & CLIENT_SSL) != 0;
    drop(s);
    return e;
}

static qmq_error_t *choose_encryption(mysql_session_t *s, const mysql_url_t *url, const mysql_host_t *host, const char *user,
                                      mysql_tls_t *tls) {
    bool offered = false;
    *tls = url->tls;
    if (*tls != MYSQL_TLS_PREFERRED && *tls != MYSQL_TLS_ON) return NULL;
    qmq_error_t *e = look_for_encryption(s, url, host, user, &offered);
    if (e == NULL && !offered && *tls == MYSQL_TLS_ON) e = no_encryption(s);
    if (!offered) *tls = MYSQL_TLS_OFF;
    return e;
}

static qmq_error_t *connect_to(mysql_session_t *s, const mysql_url_t *url, const mysql_host_t *host, const db_options_t *o) {
    memory_free(s->where);
    s->where = memory_printf("%s:%u/%s", host->name, host->port, url->database);
    mysql_tls_t tls;
    qmq_error_t *e = choose_encryption(s, url, host, o->user, &tls);
    if (e == NULL) e = prepare(s, url, tls);
    if (e != NULL) return e;
    unsigned long flags = url->counts_real_changes ? 0 : CLIENT_FOUND_ROWS;
    const char *password = o->password == NULL ? "" : o->password;
    if (mysql_real_connect(s->connection, host->name, o->user, password, url->database, host->port, NULL, flags) == NULL ||
        mysql_autocommit(s->connection, 1) != 0)
        e = cannot_connect(s, o->user);
    else if (tls >= MYSQL_TLS_ON && mysql_get_ssl_cipher(s->connection) == NULL)
        e = no_encryption(s);
    if (e != NULL) drop(s);
    return e;
}

/* The hosts in their order; the reason of the last one stands for all. */
static qmq_error_t *connect_to_any(mysql_session_t *s, const mysql_url_t *url, const db_options_t *o) {
    qmq_error_t *e = NULL;
    for (size_t i = 0; i < url->host_count; i++) {
        qmq_error_free(e);
        e = connect_to(s, url, &url->hosts[i], o);
        if (e == NULL) break;
    }
    return e;
}

apr_status_t mysql_session_open(db_session_t **out, const db_options_t *options, bool writes, bool create, qmq_error_t **error) {
    (void)writes;
    mysql_url_t url;
    mysql_session_t *s = memory_zalloc(sizeof *s);
    s->session.driver = &db_mysql_driver;
    s->session.begin = "START TRANSACTION";
    s->opened_us = s->used_us = clock_mono_us();
    *error = mysql_url_read(&url, options->url, create ? options->log : NULL);
    if (*error == NULL && (options->user == NULL || *options->user == 0))
        *error = error_create(QMQ_E_INVALID, "Set jdbc.username and jdbc.password in datasource.properties", "jdbc.username is not set");
    if (*error == NULL) *error = connect_to_any(s, &url, options);
    mysql_url_free(&url);
    if (*error != NULL) {
        apr_status_t status = (apr_status_t)qmq_error_status(*error);
        mysql_session_close(&s->session);
        return status;
    }
    *out = &s->session;
    return APR_SUCCESS;
}

void mysql_session_close(db_session_t *session) {
    mysql_session_t *s = (mysql_session_t *)session;
    for (size_t i = 0; i < MYSQL_CACHED_STATEMENTS; i++) {
        if (s->cache[i].statement != NULL) (void)mysql_stmt_close(s->cache[i].statement); /* the connection goes with it */
        memory_free(s->cache[i].sql);
    }
    if (s->connection != NULL) mysql_close(s->connection);
    memory_free(s->where);
    memory_free(s);
}

bool mysql_session_is_alive(db_session_t *session) {
    mysql_session_t *s = (mysql_session_t *)session;
    int64_t now_us = clock_mono_us();
    if (now_us - s->opened_us >= LIFE_US) return false;
    if (now_us - s->used_us < ASK_AFTER_US) return true;
    s->used_us = now_us;
    return mysql_ping(s->connection) == 0;
}
