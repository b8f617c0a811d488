/* A small deterministic random number generator (SplitMix64: Steele, Lea, Flood 2014). */
#ifndef DIGITS_RANDOM_H
#define DIGITS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_state {
    uint64_t state;
};

/* Independent streams for one seed: each purpose draws from its own, so changing one leaves the others as they were. */
enum random_stream { STREAM_SPLIT, STREAM_NETWORK, STREAM_ORDER };

struct random_state random_seeded(uint64_t seed, enum random_stream stream);
uint64_t random_next(struct random_state *random);

/* Uniform in [0, 1), and uniform in {0, ..., count - 1} (count > 0). */
double random_unit(struct random_state *random);
size_t random_below(struct random_state *random, size_t count);

/* A uniformly drawn order of the n entries, in place. */
void random_shuffle(struct random_state *random, size_t *entries, size_t n);

#endif
