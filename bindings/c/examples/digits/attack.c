#include "attack.h"

#include <math.h>
#include <string.h>

/* Partial sums side by side: one running sum would keep the compiler from vectorising. */
static float length(const float *vector)
{
    enum { LANES = 16 };
    float sums[LANES] = {0.0f}, sum = 0.0f;
    for (size_t i = 0; i < PIXELS; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            sums[j] += vector[i + j] * vector[i + j];
    for (size_t j = 0; j < LANES; j++)
        sum += sums[j];
    return sqrtf(sum);
}

static float clamp(float value)
{
    return value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
}

/* One step of length `step` up the gradient, back into the ball, back into the range of pixels. The image is in that
 * range itself, so clamping can only bring a pixel closer to it and never leaves the ball. */
static void climb(const float *image, const float *gradient, float step, float epsilon, float *attacked)
{
    float slope = length(gradient);
    if (!(slope > 0.0f))
        return;
    float offset[PIXELS];
    for (size_t i = 0; i < PIXELS; i++)
        offset[i] = attacked[i] + step / slope * gradient[i] - image[i];
    float distance = length(offset);
    float shrink = distance > epsilon ? epsilon / distance : 1.0f;
    for (size_t i = 0; i < PIXELS; i++)
        attacked[i] = clamp(image[i] + shrink * offset[i]);
}

void attack_l2(const struct attack *attack, const struct mlp *net, struct mlp_pass *pass, const float *images,
               const int *labels, size_t n, float *attacked)
{
    float gradient[BATCH * PIXELS], losses[BATCH];
    float epsilon = (float)attack->epsilon;
    float step = 2.5f * epsilon / (float)attack->steps;
    memcpy(attacked, images, n * PIXELS * sizeof *attacked);
    for (int k = 0; k < attack->steps; k++) {
        mlp_forward(net, pass, attacked, labels, n, losses);
        mlp_image_gradient(net, pass, n, gradient);
        for (size_t i = 0; i < n; i++)
            climb(images + i * PIXELS, gradient + i * PIXELS, step, epsilon, attacked + i * PIXELS);
    }
}
