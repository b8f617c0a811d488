/* The smallest program that does something: its size is that of the library as most programs take it. */
#include <hr_weights.h>

#include "platform.h"

enum { SAMPLES = 64 };
static float losses[SAMPLES], weights[SAMPLES];

int program(void)
{
    hrw_options options;
    for (int i = 0; i < SAMPLES; i++)
        losses[i] = (float)i;
    return hrw_options_init(&options, sizeof options) | hrw_weights_f32(&options, losses, NULL, SAMPLES, weights, NULL);
}
