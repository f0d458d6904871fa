/* libcurl's process-wide start, made when the first call needs it: servers that call nobody do not pay for it. */
#ifndef QMQ_HTTP_CURL_ONCE_H
#define QMQ_HTTP_CURL_ONCE_H

#include <curl/curl.h>

/* Any thread, any number of times. */
CURLcode curl_once(void);

#endif
