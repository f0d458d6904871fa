#include "base/nearest.h"

#define LONGEST 100

static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t nearest_distance(view_t a, view_t b) {
    /* rows of the table of distances between the first i bytes of a and the first j of b: i - 2, i - 1, i */
    size_t rows[3][LONGEST + 1];
    size_t size_a = least(a.size, LONGEST);
    size_t size_b = least(b.size, LONGEST);
    for (size_t j = 0; j <= size_b; j++) rows[0][j] = j;
    for (size_t i = 1; i <= size_a; i++) {
        size_t *now = rows[i % 3];
        const size_t *last = rows[(i - 1) % 3];
        const size_t *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= size_b; j++) {
            bool same = lower(a.data[i - 1]) == lower(b.data[j - 1]);
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same);
            bool swapped = i > 1 && j > 1 && lower(a.data[i - 1]) == lower(b.data[j - 2]) && lower(a.data[i - 2]) == lower(b.data[j - 1]);
            if (swapped) now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return rows[size_a % 3][size_b];
}

void nearest_offer(nearest_t *n, view_t word, const char *candidate) {
    size_t distance = nearest_distance(word, view_of(candidate));
    if (n->name != NULL && distance >= n->distance) return;
    n->name = candidate;
    n->distance = distance;
}
