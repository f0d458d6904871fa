#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void) {
    (void)fputs("bench_load bare|bare-pull|bare-latency|produce|many|consume|latency [--address A] [--subject S] [--group G] [--file F] "
                "[--size N] [--batch N] "
                "[--window N] [--consumers N] [--count N]\n",
                stderr);
    return 2;
}

int main(int argc, char **argv) {
    load_options_t o = {.address = "127.0.0.1:20881",
                        .subject = "bench",
                        .group = "bench",
                        .consumer = "bench@@1",
                        .file = "bare.log",
                        .size = 1024,
                        .batch = 50,
                        .window = 8,
                        .count = 200000};
    if (argc < 2) return usage();
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--address") == 0)
            o.address = value;
        else if (strcmp(name, "--subject") == 0)
            o.subject = value;
        else if (strcmp(name, "--group") == 0)
            o.group = value;
        else if (strcmp(name, "--file") == 0)
            o.file = value;
        else if (strcmp(name, "--size") == 0)
            o.size = atoi(value);
        else if (strcmp(name, "--batch") == 0)
            o.batch = atoi(value);
        else if (strcmp(name, "--window") == 0)
            o.window = atoi(value);
        else if (strcmp(name, "--consumers") == 0)
            o.consumers = atoi(value);
        else if (strcmp(name, "--count") == 0)
            o.count = atoi(value);
        else
            return usage();
    }
    if (strcmp(argv[1], "bare") == 0) return load_bare(&o, load_serve_sends);
    if (strcmp(argv[1], "bare-pull") == 0) return load_bare(&o, load_serve_pulls);
    if (strcmp(argv[1], "bare-latency") == 0) return load_bare(&o, load_serve_latency);
    if (strcmp(argv[1], "produce") == 0) return load_produce(&o);
    if (strcmp(argv[1], "many") == 0) return load_many(&o);
    if (strcmp(argv[1], "consume") == 0) return load_consume(&o);
    if (strcmp(argv[1], "latency") == 0) return load_latency(&o);
    return usage();
}
