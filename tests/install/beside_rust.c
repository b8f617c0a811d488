/* Two Rust libraries in one program. */
#include <hr_weights.h>

#include <stdint.h>

uint32_t other_sum(uint32_t n);

int main(void)
{
    const double losses[3] = {1.0, 2.0, 3.0};
    double weights[3];
    hrw_options options;
    int32_t status = hrw_options_init(&options, sizeof options);
    options.r = 0.1;
    if (status == HRW_OK)
        status = hrw_weights_f64(&options, losses, NULL, 3, weights, NULL);
    return status == HRW_OK && other_sum(10) == 55 && other_sum(1000) == 0 ? 0 : 1;
}
