/* The images, their split into training and test, and the wrong labels. */
#ifndef DIGITS_DATA_H
#define DIGITS_DATA_H

#include "mlp.h"

#include <stddef.h>
#include <stdint.h>

/* count images of PIXELS values in [0, 1], one after the other, and their labels in {0, ..., CLASSES - 1}. */
struct dataset {
    size_t count;
    float *images;
    int *labels;
};

/* Reads lines of PIXELS integers from 0 to 16 and a label, separated by commas. On failure prints what is wrong with
 * which line, leaves nothing allocated and returns -1. */
int dataset_read(struct dataset *data, const char *path);
void dataset_free(struct dataset *data);

/* The images as one seed sees them: order[0 .. train) trains, the rest tests. given[i] is the label that training is
 * told for image i; it differs from the true one for wrong images, all of them in training. */
struct split {
    const struct dataset *data;
    size_t train, wrong;
    size_t *order;
    int *given;
};

/* A random split with `train` training images, `wrong` of which get a uniformly drawn other label. Returns -1, with
 * nothing allocated, when memory is short. */
int split_draw(struct split *split, const struct dataset *data, size_t train, size_t wrong, uint64_t seed);
void split_free(struct split *split);

#endif
