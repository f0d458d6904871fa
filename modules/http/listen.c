#include "http/server_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/host.h"

#include <stdio.h>

#define DEFAULT_CONNECTIONS 1000
#define CONNECTION_MEMORY (8 * 1024) /* larger ones make resuming dearer (spec/portability.md 8.5) */
#define IDLE_SECONDS 60
#define THREAD_STACK (256 * 1024)
#define COMPLAINT_US (10 * 1000000LL)

/* What libmicrohttpd says: the reason why it cannot start, later what strangers send. The server's own lock may be held. */
static void on_complaint(void *arg, const char *format, va_list arguments) {
    http_server_t *s = arg;
    apr_status_t status = apr_get_netos_error();
    char *text = memory_vprintf(format, arguments);
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '.')) text[--size] = 0;
    int64_t left_out = 0;
    mutex_lock(&s->why_lock);
    if (!s->started) {
        memory_free(s->why);
        s->why = memory_strdup(text);
        s->why_status = status;
    } else if (log_permit(&s->complaints, COMPLAINT_US, &left_out)) {
        log_info(&s->log, "%s: %s (%lld such lines left out)", s->name, text, (long long)left_out);
    }
    mutex_unlock(&s->why_lock);
    memory_free(text);
}

static bool read_address(const char *text, struct sockaddr_in *to) {
    unsigned part[4];
    char rest;
    if (sscanf(text, "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &part[3], &rest) != 4) return false;
    unsigned char ip[4];
    for (size_t i = 0; i < 4; i++) {
        if (part[i] > 255) return false;
        ip[i] = (unsigned char)part[i];
    }
    memset(to, 0, sizeof *to);
    to->sin_family = AF_INET;
    memcpy(&to->sin_addr, ip, sizeof ip);
    return true;
}

static qmq_error_t *cannot_listen(const http_server_t *s, const http_server_options_t *o) {
    char text[256];
    if (s->why_status == APR_FROM_OS_ERROR(EADDRINUSE)) {
        bool known = process_listening(o->port, text, sizeof text) == APR_SUCCESS;
        qmq_error_t *e = error_create(s->why_status, NULL, "%s: port %d of %s is in use by %s", o->name, o->port, o->address,
                                      known ? text : "another process that the system does not name");
        error_set_remedy(e, "Stop that process, or set %s to another port", o->name);
        return e;
    }
    apr_status_t status = s->why_status == APR_SUCCESS ? APR_EGENERAL : s->why_status;
    qmq_error_t *e = error_create(status, NULL, "%s: cannot listen on port %d of %s: %s", o->name, o->port, o->address,
                                  s->why == NULL ? status_text(status, text, sizeof text) : s->why);
    error_set_remedy(e, "Set %s to a port, and the address to one of this machine, that this user may listen on", o->name);
    return e;
}

apr_status_t listen_start(http_server_t *s, const http_server_options_t *o, MHD_AccessHandlerCallback access,
                          MHD_RequestCompletedCallback completed, qmq_error_t **error) {
    struct sockaddr_in address;
    if (!read_address(o->address, &address)) {
        *error = error_create(QMQ_E_INVALID, "Give one IPv4 address of this machine, or 0.0.0.0 for all", "%s: %s is no IPv4 address",
                              o->name, o->address);
        return QMQ_E_INVALID;
    }
    address.sin_port = htons((uint16_t)o->port);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, s->certificate}, {MHD_OPTION_HTTPS_MEM_KEY, 0, s->key}, {MHD_OPTION_END, 0, NULL}};
    if (o->tls == NULL) tls[0].option = MHD_OPTION_END;
    unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (o->tls != NULL) flags |= MHD_USE_TLS;
    unsigned limit = o->max_connections == 0 ? DEFAULT_CONNECTIONS : (unsigned)o->max_connections;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, (uint16_t)o->port, NULL, NULL, access, s, MHD_OPTION_EXTERNAL_LOGGER, on_complaint, s, MHD_OPTION_NOTIFY_COMPLETED,
        completed, s, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (daemon == NULL) {
        bool taken = s->why_status == APR_FROM_OS_ERROR(EADDRINUSE);
        *error = o->tls == NULL || taken ? cannot_listen(s, o) : tls_refused(s, o);
        return (apr_status_t)qmq_error_status(*error);
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    s->port = info == NULL ? o->port : info->port;
    s->daemon = daemon;
    mutex_lock(&s->why_lock);
    s->started = true;
    mutex_unlock(&s->why_lock);
    return APR_SUCCESS;
}
