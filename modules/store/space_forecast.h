/* When the disk will be full if it goes on filling as it did lately. One writer, any reader. */
#ifndef QMQ_STORE_SPACE_FORECAST_H
#define QMQ_STORE_SPACE_FORECAST_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct space_forecast {
    int64_t available;
    int64_t taken_us; /* 0: nothing was noted yet */
    double bytes_per_second;
    _Atomic int64_t seconds; /* -1: not in sight */
} space_forecast_t;

void space_forecast_init(space_forecast_t *f);
/* So many bytes are available now, and `limit` of them are too few. */
void space_forecast_note(space_forecast_t *f, int64_t now_us, int64_t available, int64_t limit);

#endif
