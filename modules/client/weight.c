#include "client/weight.h"

#define LEAST 5
#define MOST 100
#define MOST_FULL 150
#define LOW 25

static int bounded(double weight, int most) {
    int w = (int)weight;
    return w < LEAST ? LEAST : w > most ? most : w;
}

int weight_after(int weight, int wanted, int got) {
    if (got < 0) return bounded(weight * 0.25, MOST);
    if (got == 0) return bounded(weight * 0.5, MOST);
    if (got < wanted) return bounded(weight > LOW ? weight * 0.75 : weight * 1.25, MOST);
    return bounded(weight * 1.5, MOST_FULL);
}

int64_t weight_sum(const int *weights, size_t count) {
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += weights[i];
    return sum;
}

size_t weight_choose(const int *weights, size_t count, int64_t r) {
    for (size_t i = 0; i + 1 < count; i++) {
        r -= weights[i];
        if (r < 0) return i;
    }
    return count - 1;
}
