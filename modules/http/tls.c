/* What a port that speaks TLS needs of its files. */
#include "http/server_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/file.h"

#define FILE_MOST ((size_t)1024 * 1024)

static qmq_error_t *read_pem(const char *name, const char *what, const char *path, char **to) {
    size_t size = 0;
    char text[160];
    apr_status_t status = path == NULL ? QMQ_E_INVALID : file_read_all(path, FILE_MOST, to, &size);
    if (path == NULL)
        return error_create(status, "Name a certificate and its private key, both PEM files, or neither", "%s: no file is named for the %s",
                            name, what);
    if (status != APR_SUCCESS)
        return error_create(status, "Name a PEM file that this user may read", "%s: the %s %s cannot be read: %s", name, what, path,
                            status_text(status, text, sizeof text));
    if (strstr(*to, "-----BEGIN ") != NULL) return NULL;
    return error_create(QMQ_E_INVALID, "Name a PEM file; openssl x509 and openssl pkey convert other forms", "%s: the %s %s is no PEM file",
                        name, what, path);
}

apr_status_t tls_read(http_server_t *s, const http_server_options_t *o, qmq_error_t **error) {
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        *error = error_create(QMQ_E_INVALID, "Leave the port out, and let a proxy in front of this server speak TLS",
                              "%s: the HTTP library of this build has no TLS", o->name);
    else
        *error = read_pem(o->name, "certificate", o->tls->certificate, &s->certificate);
    if (*error == NULL) *error = read_pem(o->name, "private key", o->tls->key, &s->key);
    return *error == NULL ? APR_SUCCESS : (apr_status_t)qmq_error_status(*error);
}

qmq_error_t *tls_refused(const http_server_t *s, const http_server_options_t *o) {
    return error_create(QMQ_E_INVALID,
                        "See that the key belongs to the certificate: openssl x509 -noout -pubkey and openssl pkey -pubout tell",
                        "%s: TLS with the certificate %s and the private key %s cannot be used: %s", o->name, o->tls->certificate,
                        o->tls->key, s->why == NULL ? "no reason is given" : s->why);
}
