#include "seeds.h"

#include "base/memory.h"

#define TEXT(s) view_make(s, sizeof(s) - 1)

#define RECORD                                                                                                                             \
    "\xa1\xb2\xc3\x02\x00\x00\x00\x01\x8b\xcf\xe5\x68\x64\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0d"                                         \
    "order.changed"                                                                                                                        \
    "\x00\x00\x00\x00\x91\x46\x69\x08\x00\x00\x00\x2f\x00\x00\x00\x01\x8b\xcf\xe5\x68\x00\x00\x00\x01\x8b\xcf\xe5\x68\x01\x00\x0d"         \
    "order.changed"                                                                                                                        \
    "\x00\x02m0\x00\x00\x00\x07\x00\x01k\x00\x02v0"
#define PULL                                                                                                                               \
    "\xc3\xb2\xa1\x00\x00\x00\x00\x00\x00\x40\x00\x0dorder.changed\x00\x02g1\x00\x02"                                                      \
    "c1\x00\x00\x01\x8b\xcf\xe5\x68\x64\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"   \
    "\x00"                                                                                                                                 \
    "\x00\x00\x00\x00\x00\x00\x00\x01"
#define ACK                                                                                                                                \
    "\xc3\xb2\xa1\x00\x00\x01\x00\x00\x00\x2f\x00\x0dorder.changed\x00\x02g1\x00\x02"                                                      \
    "c1\x00\x00\x01\x8b\xcf\xe5\x68\x65\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define TABLET                                                                                                                             \
    "\x00\xa2\xb1\x00\x00\x00\x00\x3d\x00\x00\x00\x28\x00\x00\x00\x00\x00\x00\x00\x4a\x00\x00\x00\x00\x00\x00\x00\xcd\x00\x00\x00\x00"     \
    "\x00\x00\x00\x01\x00\x00\x00\x06\xc1\xb2\xa3\x00\x00\x13"                                                                             \
    "c1@g1@order.changed\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00"  \
    "\x71\x4c\x88\xd0"
#define ENTRY_V1 "\x00\x00\x01\x8b\xcf\xe5\x68\x65\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x5f\x00\x30"
#define ENTRY_V2                                                                                                                           \
    "\xa3\xb2\xc1\x01\x00\x00\x01\x8b\xcf\xe5\x68\x65\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00\x23\x00\x00\x00\x00"

void seeds_of_store(void) {
    const struct seed {
        const char *target;
        view_t input;
    } seeds[] = {
        {"store_text", TEXT("\0"
                            "2\n354\norder.changed/2\nb/0\n")},
        {"store_text", TEXT("\0"
                            "3\n262\norder.changed/1\ng1/0/8/1\nc1/4/1\n")},
        {"store_text", TEXT("\1qmq-store 1\nstate dirty\nmessages 95 12345\nactions 131 678\nown 0\n")},
        {"store_text", TEXT("\2qmq-positions 1\n131\norder.changed/g1/7\n")},
        {"store_tablet", TEXT(TABLET)},
        {"store_entry", TEXT(ENTRY_V1 "0123456789")},
        {"store_entry", TEXT(ENTRY_V2)},
        {"store_open", TEXT("\0" RECORD RECORD)},
        {"store_open", TEXT("\1" RECORD)},
        {"store_open", TEXT("\2" PULL ACK)},
        {"store_open", TEXT("\3" ENTRY_V1 ENTRY_V1)},
        {"store_open", TEXT("\4"
                            "2\n120\ns/2\n")},
        {"store_open", TEXT("\5"
                            "3\n74\ns/1\ng/0/8/1\nc/4/1\n")},
        {"store_open", TEXT("\6" TABLET)},
        {"store_open", TEXT("\7qmq-store 1\nstate clean\nmessages 0 0\nactions 0 0\nown 0\ncrc 1\n")},
        {"store_open", TEXT("\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\7")},
        {"store_open", TEXT("\11\x00\xa2\xb1\x00\x00\x00\x00\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x5f\0\0\0\0\0\0\0\0xy\0\0\0\0\0\0\0\0")},
    };
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) seed_put(seeds[i].target, seeds[i].input);
}
