/* The loop's inside, for the files that fulfil portability/loop.h: descriptors under watch and their end. */
#ifndef QMQ_PORTABILITY_POSIX_LOOP_PRIVATE_H
#define QMQ_PORTABILITY_POSIX_LOOP_PRIVATE_H

#include "portability/common/loop_round.h"

#include <sys/epoll.h>

/* A descriptor the loop watches; the first member of the object that owns it. */
typedef struct watch {
    retiree_t retiree; /* released at the end of the round in which it was retired */
    void (*ready)(struct watch *self, uint32_t events);
    int fd;
    uint32_t armed; /* what epoll has been told */
    bool retired;   /* events of this round that still name it are not delivered */
} watch_t;

/* Told to epoll instead of "nothing", because an error or a hang-up is reported always, again and again when not by edge. */
#define WATCH_NOTHING ((uint32_t)EPOLLET)

apr_status_t watch_start(loop_t *l, watch_t *w, uint32_t events);
/* Changes what a started watch waits for; no system call when it is the same. */
void watch_arm(loop_t *l, watch_t *w, uint32_t events);
/* Takes it out of the loop; the descriptor stays open. */
void watch_stop(loop_t *l, watch_t *w);
/* Delivers nothing any more and calls release at the end of this round. The watch must be stopped. */
void watch_retire(loop_t *l, watch_t *w);

struct raw_socket {
    int fd;
};
/* Makes a raw socket of a connected, non-blocking descriptor and sets TCP_NODELAY. */
raw_socket_t *raw_socket_wrap(int fd);
/* Gives the descriptor out and frees s. */
int raw_socket_unwrap(raw_socket_t *s);

void descriptor_close(int fd);

#endif
