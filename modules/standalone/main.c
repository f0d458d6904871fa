#include "standalone/standalone.h"

int main(int argc, char **argv) {
    return host_main(argc, argv, &standalone_kind);
}
