/* Power loss for tests: remembers what was written, created, renamed and removed below a directory since it was last made durable, and
 * writes down what a disk may hold when the power fails at a certain operation. Release builds have nothing of it. One directory at a
 * time; any thread. */
#ifndef QMQ_PORTABILITY_POSIX_POWER_H
#define QMQ_PORTABILITY_POSIX_POWER_H

#include "portability/file.h"

/* What became of operations that no sync covers. */
typedef enum power_loss {
    POWER_KEEPS_ALL,   /* only the process died: everything that returned is there, and a part of the operation under way */
    POWER_KEEPS_NONE,  /* the disk wrote nothing that it was not told to */
    POWER_KEEPS_FIRST, /* it wrote in order and stopped somewhere */
    POWER_KEEPS_SOME   /* it wrote in any order, some sectors and not others */
} power_loss_t;

#ifdef QMQ_TEST_HOOKS
/* What is in the directory now counts as durable. */
void power_watch(const char *root);
/* At the nth operation from now on (1 is the next) the state is written into the directory `to`, which is created. */
void power_cut_at(int64_t nth, power_loss_t loss, uint64_t seed, const char *to);
/* Operations since power_watch. */
int64_t power_operations(void);
/* The moment of power_cut_at has come; when it has not, now is that moment. */
bool power_was_cut(void);
void power_cut_now(void);
/* Forgets everything. */
void power_end(void);

/* For file.c and path.c: after the call succeeded, with what was done. */
void power_note_open(const char *path, int fd);
void power_note_close(int fd);
/* Before a write: the operation counts here, a cut tears it. */
void power_note_write(int fd, const io_slice_t *slices, size_t count, int64_t offset, size_t size);
void power_note_size(int fd, int64_t size, bool grows);
/* Around a sync: it covers what was written before it began. */
size_t power_sync_begins(int fd);
void power_note_sync(int fd, size_t begun);
void power_note_rename(const char *from, const char *to);
void power_note_remove(const char *path);
void power_note_directory(const char *path);
void power_note_directory_sync(const char *path);
void power_note_whole_sync(void);
#else
static inline void power_note_open(const char *path, int fd) {
    (void)path, (void)fd;
}
static inline void power_note_close(int fd) {
    (void)fd;
}
static inline void power_note_write(int fd, const io_slice_t *slices, size_t count, int64_t offset, size_t size) {
    (void)fd, (void)slices, (void)count, (void)offset, (void)size;
}
static inline void power_note_size(int fd, int64_t size, bool grows) {
    (void)fd, (void)size, (void)grows;
}
static inline size_t power_sync_begins(int fd) {
    (void)fd;
    return 0;
}
static inline void power_note_sync(int fd, size_t begun) {
    (void)fd, (void)begun;
}
static inline void power_note_rename(const char *from, const char *to) {
    (void)from, (void)to;
}
static inline void power_note_remove(const char *path) {
    (void)path;
}
static inline void power_note_directory(const char *path) {
    (void)path;
}
static inline void power_note_directory_sync(const char *path) {
    (void)path;
}
static inline void power_note_whole_sync(void) {}
#endif

#endif
