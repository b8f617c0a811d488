#include "layer.h"

/* All the memory that training takes: a fixed amount, known when the program is linked. */
static float residuals[MOST_IMAGES][CLASSES];
static float losses[MOST_IMAGES], weights[MOST_IMAGES];

static float pixel_of(const digit *image, size_t pixel)
{
    return (float)image->pixels[pixel] / 16.0f;
}

static void scores_of(const layer *layer, const digit *image, float *scores)
{
    for (size_t class = 0; class < CLASSES; class++) {
        float score = layer->weights[class][PIXELS];
        for (size_t pixel = 0; pixel < PIXELS; pixel++)
            score += layer->weights[class][pixel] * pixel_of(image, pixel);
        scores[class] = score;
    }
}

static void forward(const layer *layer, const digit *images, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float sum = 0.0f;
        scores_of(layer, &images[i], residuals[i]);
        residuals[i][images[i].label] -= 1.0f;
        for (size_t class = 0; class < CLASSES; class++)
            sum += residuals[i][class] * residuals[i][class];
        losses[i] = 0.5f * sum;
    }
}

/* Down the gradient of the weighted sum of the losses. */
static void backward(layer *layer, const digit *images, size_t n, float rate)
{
    for (size_t i = 0; i < n; i++)
        for (size_t class = 0; class < CLASSES; class++) {
            const float step = rate * weights[i] * residuals[i][class];
            for (size_t pixel = 0; pixel < PIXELS; pixel++)
                layer->weights[class][pixel] -= step * pixel_of(&images[i], pixel);
            layer->weights[class][PIXELS] -= step;
        }
}

int32_t layer_train(layer *layer, const digit *images, size_t n, const hrw_options *options, int steps, float rate)
{
    if (n > MOST_IMAGES)
        n = MOST_IMAGES;
    for (int step = 0; step < steps; step++) {
        forward(layer, images, n);
        /* The only line in which a robust training differs; with alpha = r = 0 every weight is 1/n. */
        const int32_t status = hrw_weights_f32(options, losses, NULL, n, weights, NULL);
        if (status != HRW_OK)
            return status;
        backward(layer, images, n, rate);
    }
    return HRW_OK;
}

size_t layer_recognises(const layer *layer, const digit *images, size_t n, uint8_t first, size_t *of)
{
    size_t right = 0;
    *of = 0;
    for (size_t i = 0; i < n; i++) {
        float scores[CLASSES];
        size_t best = 0;
        if (images[i].label < first)
            continue;
        scores_of(layer, &images[i], scores);
        for (size_t class = 1; class < CLASSES; class++)
            if (scores[class] > scores[best])
                best = class;
        right += best == images[i].label;
        ++*of;
    }
    return right;
}
