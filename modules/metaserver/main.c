#include "metaserver/metaserver.h"

int main(int argc, char **argv) {
    return host_main(argc, argv, &metaserver_kind);
}
