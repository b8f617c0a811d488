/* The second file of the program in include_twice.c. */
#include <math.h>

#include "hr_weights.h"

#ifdef __cplusplus
extern "C" {
#endif
double robust_mean(const double *losses, size_t n);
#ifdef __cplusplus
}
#endif

double robust_mean(const double *losses, size_t n)
{
    hrw_options options;
    hrw_report report;
    double weights[16];

    if (n > sizeof weights / sizeof weights[0] || hrw_options_init(&options, sizeof options) != HRW_OK ||
        hrw_report_init(&report, sizeof report) != HRW_OK)
        return (double)NAN;
    options.alpha = 0.125;
    options.ordering = HRW_HR;
    if (hrw_weights_f64(&options, losses, NULL, n, weights, &report) != HRW_OK)
        return (double)NAN;
    return report.robust_loss;
}
