/* Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) with its usual constants. */
#ifndef DIGITS_ADAM_H
#define DIGITS_ADAM_H

#include "mlp.h"

struct adam {
    _Alignas(CACHE_LINE) float mean[PARAMETERS];
    float square[PARAMETERS];
    double mean_decayed, square_decayed; /* the constants to the power of the steps taken */
};

void adam_init(struct adam *adam);
void adam_step(struct adam *adam, double rate, const float *restrict gradient, float *restrict parameters);

#endif
