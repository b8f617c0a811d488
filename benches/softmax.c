/* The softmax of n numbers: what every trainer pays anyway, and so the unit in which the solver's price is told. */

#include <math.h>
#include <stddef.h>

void bench_softmax_f32(const float *restrict in, size_t n, float *restrict out) {
    float max = in[0];
    for (size_t i = 1; i < n; i++) max = in[i] > max ? in[i] : max;
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = expf(in[i] - max);
        sum += out[i];
    }
    const float scale = 1 / sum;
    for (size_t i = 0; i < n; i++) out[i] *= scale;
}
