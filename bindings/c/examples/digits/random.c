#include "random.h"

uint64_t random_next(struct random_state *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct random_state random_seeded(uint64_t seed, enum random_stream stream)
{
    /* Neighbouring states give overlapping streams; one output of the mixer places them far apart. */
    struct random_state random = {16 * seed + (uint64_t)stream};
    random.state = random_next(&random);
    return random;
}

double random_unit(struct random_state *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

size_t random_below(struct random_state *random, size_t count)
{
    /* The bias of a plain remainder is count / 2^64: nothing for the counts of this program. */
    return (size_t)(random_next(random) % count);
}

void random_shuffle(struct random_state *random, size_t *entries, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = random_below(random, i);
        size_t entry = entries[i - 1];
        entries[i - 1] = entries[j];
        entries[j] = entry;
    }
}
