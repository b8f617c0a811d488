/* Losses with the same bits on every machine: Exp(1) by von Neumann's method, which only compares uniform numbers. */
#ifndef EXPONENTIAL_H
#define EXPONENTIAL_H

#include <stddef.h>
#include <stdint.h>

static double exponential_uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / 16777216.0;
}

/* The length of a falling run of uniform numbers is odd with probability exp(-first). */
static double exponential_next(uint32_t *state)
{
    for (double whole = 0.0;; whole += 1.0) {
        const double first = exponential_uniform(state);
        double last = first;
        for (int length = 1;; length++) {
            const double next = exponential_uniform(state);
            if (next >= last) {
                if (length % 2 == 1)
                    return whole + first;
                break;
            }
            last = next;
        }
    }
}

static void exponential_fill(float *floats, double *doubles, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        floats[i] = (float)exponential_next(&seed);
        doubles[i] = floats[i];
    }
}

#endif
