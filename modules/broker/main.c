#include "broker/broker.h"

int main(int argc, char **argv) {
    return host_main(argc, argv, &broker_kind);
}
