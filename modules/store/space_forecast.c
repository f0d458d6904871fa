#include "store/space_forecast.h"

/* How far back the rate looks, about. */
#define WINDOW_US INT64_C(300000000)
/* Slower than this is standing still; later than that nobody asks. */
#define LEAST_RATE 1.0
#define FAR_SECONDS INT64_C(31536000)

void space_forecast_init(space_forecast_t *f) {
    f->taken_us = 0;
    f->available = 0;
    f->bytes_per_second = 0;
    atomic_init(&f->seconds, -1);
}

void space_forecast_note(space_forecast_t *f, int64_t now_us, int64_t available, int64_t limit) {
    int64_t passed = now_us - f->taken_us;
    if (f->taken_us != 0 && passed > 0) {
        double rate = (double)(f->available - available) * 1e6 / (double)passed;
        double weight = passed >= WINDOW_US ? 1 : (double)passed / (double)WINDOW_US;
        f->bytes_per_second += (rate - f->bytes_per_second) * weight;
    }
    if (f->taken_us == 0 || passed > 0) {
        f->taken_us = now_us;
        f->available = available;
    }
    int64_t left = available > limit ? available - limit : 0;
    double seconds = f->bytes_per_second < LEAST_RATE ? -1 : (double)left / f->bytes_per_second;
    atomic_store(&f->seconds, seconds < 0 || seconds > (double)FAR_SECONDS ? -1 : (int64_t)seconds);
}
