#include "adam.h"

#include <math.h>
#include <string.h>

static const double MEAN_DECAY = 0.9, SQUARE_DECAY = 0.999, FLOOR = 1e-8;

/* The mean of a unit that died decays to a denormal number and stays there; many processors take a hundred times longer
 * over those. Far below anything that could move a parameter it is zero. */
static const float NOTHING = 1e-30f;

void adam_init(struct adam *adam)
{
    memset(adam, 0, sizeof *adam);
    adam->mean_decayed = adam->square_decayed = 1.0;
}

void adam_step(struct adam *adam, double rate, const float *restrict gradient, float *restrict parameters)
{
    adam->mean_decayed *= MEAN_DECAY;
    adam->square_decayed *= SQUARE_DECAY;
    /* Both bias corrections are the same for all parameters: one goes into the rate, one into the scale of the root. */
    const float step = (float)(rate / (1.0 - adam->mean_decayed));
    const float scale = (float)(1.0 / sqrt(1.0 - adam->square_decayed));
    const float keep1 = (float)MEAN_DECAY, new1 = (float)(1.0 - MEAN_DECAY);
    const float keep2 = (float)SQUARE_DECAY, new2 = (float)(1.0 - SQUARE_DECAY);
    const float floor = (float)FLOOR;
    float *restrict mean = adam->mean;
    float *restrict square = adam->square;
    for (size_t i = 0; i < PARAMETERS; i++) {
        float average = keep1 * mean[i] + new1 * gradient[i];
        mean[i] = fabsf(average) < NOTHING ? 0.0f : average;
        square[i] = keep2 * square[i] + new2 * gradient[i] * gradient[i];
        parameters[i] -= step * mean[i] / (scale * sqrtf(square[i]) + floor);
    }
}
