#include "db/mysql_url.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"

#include <apr_lib.h>
#include <apr_strings.h>

#define DEFAULT_PORT 3306
#define DEFAULT_CONNECT_S 2
#define DEFAULT_SOCKET_S 5
#define MOST_SECONDS 3600

#define FORM "Write jdbc:mysql://<host>[:<port>][,<host>[:<port>]...]/<database>[?<name>=<value>&...]"

static view_t cut(view_t *rest, char at) {
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, at, rest->size);
    view_t head = view_make(rest->data, end == NULL ? rest->size : (size_t)(end - rest->data));
    size_t used = head.size + (end == NULL ? 0 : 1);
    *rest = view_make(rest->data + used, rest->size - used);
    return head;
}

static bool is(view_t v, const char *word) {
    size_t size = strlen(word);
    return v.size == size && strncasecmp(v.data, word, size) == 0;
}

/* "host", "host:port", "[::1]:port" */
static bool read_host(view_t text, mysql_host_t *to) {
    view_t name, port;
    int32_t number = DEFAULT_PORT;
    if (text.size > 0 && text.data[0] == '[') {
        const char *end = memchr(text.data, ']', text.size);
        if (end == NULL) return false;
        name = view_make(text.data + 1, (size_t)(end - text.data) - 1);
        port = view_make(end + 1, text.size - name.size - 2);
        if (port.size > 0 && port.data[0] != ':') return false;
        if (port.size > 0) port = view_make(port.data + 1, port.size - 1);
    } else {
        port = text;
        name = cut(&port, ':');
    }
    if (name.size == 0) return false;
    if (port.size > 0 && (!id_parse_i32(port, &number) || number < 1 || number > 65535)) return false;
    to->name = memory_strndup(name.data, name.size);
    to->port = (unsigned)number;
    return true;
}

/* Milliseconds to whole seconds, upwards; 0 is "no limit" there, which a server that must answer cannot use. */
static bool read_seconds(view_t text, unsigned *to) {
    int64_t ms = 0;
    if (!id_parse_i64(text, &ms) || ms < 0) return false;
    if (ms == 0) return true;
    *to = ms > MOST_SECONDS * 1000LL ? MOST_SECONDS : (unsigned)((ms + 999) / 1000);
    return true;
}

static bool read_bool(view_t text, bool *to) {
    *to = is(text, "true");
    return *to || is(text, "false");
}

static bool read_ssl(view_t text, mysql_tls_t *to) {
    bool on;
    if (!read_bool(text, &on)) return false;
    if (!on) *to = MYSQL_TLS_OFF;
    if (on && *to != MYSQL_TLS_VERIFY) *to = MYSQL_TLS_ON;
    return true;
}

static bool read_ssl_mode(view_t text, mysql_tls_t *to) {
    static const struct {
        const char *name;
        mysql_tls_t tls;
    } modes[] = {{"DISABLED", MYSQL_TLS_OFF},
                 {"PREFERRED", MYSQL_TLS_PREFERRED},
                 {"REQUIRED", MYSQL_TLS_ON},
                 {"VERIFY_CA", MYSQL_TLS_VERIFY},
                 {"VERIFY_IDENTITY", MYSQL_TLS_VERIFY}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (!is(text, modes[i].name)) continue;
        *to = modes[i].tls;
        return true;
    }
    return false;
}

/* Of the JDBC driver; what they ask for is so here in any case. */
static bool is_met_anyway(view_t name) {
    return is(name, "characterEncoding") || is(name, "useUnicode") || is(name, "connectionCollation") || is(name, "autoReconnect");
}

static qmq_error_t *read_parameter(mysql_url_t *to, view_t name, view_t value, const log_t *log) {
    bool good = true;
    if (is(name, "connectTimeout")) {
        good = read_seconds(value, &to->connect_timeout_s);
    } else if (is(name, "socketTimeout")) {
        good = read_seconds(value, &to->socket_timeout_s);
    } else if (is(name, "useAffectedRows")) {
        good = read_bool(value, &to->counts_real_changes);
    } else if (is(name, "useSSL")) {
        good = read_ssl(value, &to->tls);
    } else if (is(name, "sslMode")) {
        good = read_ssl_mode(value, &to->tls);
    } else if (is(name, "serverSslCert")) {
        memory_free(to->certificate);
        to->certificate = memory_strndup(value.data, value.size);
    } else if (is(name, "serverRSAPublicKeyFile")) {
        memory_free(to->public_key);
        to->public_key = memory_strndup(value.data, value.size);
    } else if (is(name, "allowPublicKeyRetrieval")) {
        good = read_bool(value, &to->may_ask_key);
    } else if (!is_met_anyway(name) && log != NULL) {
        log_warn(log, "jdbc.url: the parameter %.*s is not known here and has no effect", VIEW_ARG(name));
    }
    if (good) return NULL;
    return error_create(QMQ_E_INVALID, "Correct the parameter in jdbc.url, or leave it out",
                        "jdbc.url: %.*s=%.*s is no value of this parameter", VIEW_ARG(name), VIEW_ARG(value));
}

/* The client library asks a server for its key whenever it has none, and so tells the password to whoever sits in between. */
static void warn_of_key(const mysql_url_t *u, const log_t *log) {
    if (log == NULL || u->may_ask_key || u->public_key != NULL || u->tls >= MYSQL_TLS_ON) return;
    log_warn(log, "jdbc.url: allowPublicKeyRetrieval=false has no effect without encryption: set sslMode=VERIFY_CA, or name the server's "
                  "key with serverRSAPublicKeyFile");
}

static qmq_error_t *read_parameters(mysql_url_t *to, view_t rest, const log_t *log) {
    qmq_error_t *e = NULL;
    while (e == NULL && rest.size > 0) {
        view_t value = cut(&rest, '&');
        view_t name = cut(&value, '=');
        if (name.size > 0) e = read_parameter(to, name, value, log);
    }
    if (e == NULL) warn_of_key(to, log);
    return e;
}

qmq_error_t *mysql_url_read(mysql_url_t *to, const char *url, const log_t *log) {
    *to = (mysql_url_t){.connect_timeout_s = DEFAULT_CONNECT_S, .socket_timeout_s = DEFAULT_SOCKET_S, .may_ask_key = true};
    view_t parameters = view_of(url);
    view_t place = cut(&parameters, '?');
    view_t all = place;
    view_t start = view_of(MYSQL_URL_PREFIX "//");
    bool good = view_starts(place, start);
    if (good) {
        view_t database = view_make(place.data + start.size, place.size - start.size);
        view_t hosts = cut(&database, '/');
        good = hosts.size > 0 && database.size > 0 && !view_has(database, '/');
        to->database = memory_strndup(database.data, database.size);
        while (good && hosts.size > 0) {
            good = to->host_count < MYSQL_MOST_HOSTS && read_host(cut(&hosts, ','), &to->hosts[to->host_count]);
            if (good) to->host_count++;
        }
    }
    if (!good) return error_create(QMQ_E_INVALID, FORM, "jdbc.url=%.*s is no address of a MySQL database", VIEW_ARG(all));
    return read_parameters(to, parameters, log);
}

void mysql_url_free(mysql_url_t *u) {
    for (size_t i = 0; i < u->host_count; i++) memory_free(u->hosts[i].name);
    memory_free(u->database);
    memory_free(u->certificate);
    memory_free(u->public_key);
    *u = (mysql_url_t){0};
}
