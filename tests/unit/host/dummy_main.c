#include "dummy.h"

int main(int argc, char **argv) {
    return host_main(argc, argv, &dummy_kind);
}
