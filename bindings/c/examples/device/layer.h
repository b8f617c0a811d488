/* A linear layer that tells digits apart, and its training: single precision, static memory, no mathematics but sums and
 * products. The loss of an image is half the squared distance of the ten scores to those wished for, one for the digit and
 * zero for the others. */
#ifndef LAYER_H
#define LAYER_H

#include <hr_weights.h>

#include <stddef.h>
#include <stdint.h>

enum { PIXELS = 64, CLASSES = 10, MOST_IMAGES = 256 };

typedef struct {
    uint8_t label;
    uint8_t pixels[PIXELS]; /* from 0 to 16 */
} digit;

typedef struct {
    float weights[CLASSES][PIXELS + 1]; /* the last one is the bias */
} layer;

/* Steps of gradient descent on all of at most MOST_IMAGES images, each weighted as the options say. Returns an hrw_status;
 * the layer is as good as the steps before a failure have made it. */
int32_t layer_train(layer *layer, const digit *images, size_t n, const hrw_options *options, int steps, float rate);

/* How many images of the digits from `first` on the layer recognises, and how many there are. */
size_t layer_recognises(const layer *layer, const digit *images, size_t n, uint8_t first, size_t *of);

#endif
