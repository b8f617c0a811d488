#include "statistics.h"

#include <math.h>

void estimate_add(struct estimate *estimate, double value)
{
    estimate->count++;
    double deviation = value - estimate->mean;
    estimate->mean += deviation / (double)estimate->count;
    estimate->squares += deviation * (value - estimate->mean);
}

double estimate_error(const struct estimate *estimate)
{
    if (estimate->count < 2)
        return NAN;
    double count = (double)estimate->count;
    return sqrt(estimate->squares / (count - 1.0) / count);
}

/* The 97.5% quantile of Student's t. A few seeds need much more than the two standard errors of a large sample. */
static double t_quantile(size_t degrees)
{
    static const double table[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
    static const size_t rows = sizeof table / sizeof *table;
    /* Beyond the table its last row errs on the careful side. */
    return table[degrees <= rows ? degrees - 1 : rows - 1];
}

int estimate_sign(const struct estimate *estimate)
{
    if (estimate->count < 2 || !(fabs(estimate->mean) > t_quantile(estimate->count - 1) * estimate_error(estimate)))
        return 0;
    return estimate->mean > 0.0 ? 1 : -1;
}
