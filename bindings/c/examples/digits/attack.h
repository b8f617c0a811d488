/* Evasion: projected gradient ascent on the loss within an l2 ball around each image (Madry et al., arXiv 1706.06083). */
#ifndef DIGITS_ATTACK_H
#define DIGITS_ATTACK_H

#include "mlp.h"

#include <stddef.h>

struct attack {
    double epsilon; /* radius of the ball; pixels are in [0, 1] */
    int steps;      /* gradient steps from the image itself, each 2.5 epsilon / steps long */
};

/* n <= BATCH attacked images, in [0, 1] and within epsilon of `images`. `pass` is scratch. */
void attack_l2(const struct attack *attack, const struct mlp *net, struct mlp_pass *pass, const float *images,
               const int *labels, size_t n, float *attacked);

#endif
