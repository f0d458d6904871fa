/* What jdbc:mysql://<host>[:<port>][,<host>[:<port>]...]/<database>[?<name>=<value>&...] says (metaserver.md 2.3). */
#ifndef QMQ_DB_MYSQL_URL_H
#define QMQ_DB_MYSQL_URL_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>

#define MYSQL_URL_PREFIX "jdbc:mysql:"
#define MYSQL_MOST_HOSTS 16

/* PREFERRED: encrypted when the server offers it. */
typedef enum mysql_tls { MYSQL_TLS_OFF, MYSQL_TLS_PREFERRED, MYSQL_TLS_ON, MYSQL_TLS_VERIFY } mysql_tls_t;

typedef struct mysql_host {
    char *name;
    unsigned port;
} mysql_host_t;

typedef struct mysql_url {
    mysql_host_t hosts[MYSQL_MOST_HOSTS]; /* tried in this order */
    size_t host_count;
    char *database;
    unsigned connect_timeout_s;
    unsigned socket_timeout_s;
    mysql_tls_t tls;
    char *certificate; /* PEM file of those who may have signed the server's; NULL: the system's */
    char *public_key;  /* PEM file of the server's key that passwords are encrypted with where TLS is not used; NULL: it is asked for */
    bool may_ask_key;  /* allowPublicKeyRetrieval */
    bool counts_real_changes; /* useAffectedRows */
} mysql_url_t;

/* Parameters this server does not know are left out with a line in the log (NULL: without). On failure NULL is not to be freed and the
 * error names what is wrong, without the parameters, which may hold a password. mysql_url_free in both cases. */
qmq_error_t *mysql_url_read(mysql_url_t *to, const char *url, const log_t *log);
void mysql_url_free(mysql_url_t *u);

#endif
