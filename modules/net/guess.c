#include "net/guess.h"

#include "base/view.h"

typedef struct speech {
    const char *start;
    const char *name;
} speech_t;

#define HTTP_REQUEST "an HTTP request; HTTP has its own port"
#define TLS_HELLO "a TLS hello; this port speaks plain TCP"

static const speech_t speeches[] = {
    {"\x16\x03", TLS_HELLO},
    {"GET ", HTTP_REQUEST},
    {"POST ", HTTP_REQUEST},
    {"PUT ", HTTP_REQUEST},
    {"HEAD ", HTTP_REQUEST},
    {"DELETE ", HTTP_REQUEST},
    {"OPTIONS ", HTTP_REQUEST},
    {"CONNECT ", HTTP_REQUEST},
    {"PRI * HTTP/2", HTTP_REQUEST},
    {"HTTP/", "an HTTP answer"},
    {"SSH-", "an SSH client"},
    {"PROXY ", "a proxy protocol header; switch it off at the load balancer"},
    {"\r\n\r\n", "a proxy protocol header; switch it off at the load balancer"},
};

const char *guess_speech(const uint8_t *data, size_t size) {
    view_t bytes = view_make(data, size);
    for (size_t i = 0; i < sizeof speeches / sizeof *speeches; i++) {
        if (view_starts(bytes, view_of(speeches[i].start))) return speeches[i].name;
    }
    return NULL;
}
