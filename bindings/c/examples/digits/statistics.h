/* Means over seeds, and when a mean is clearly not zero. */
#ifndef DIGITS_STATISTICS_H
#define DIGITS_STATISTICS_H

#include <stddef.h>

/* Starts as {0}. */
struct estimate {
    size_t count;
    double mean, squares; /* squares: sum of squared deviations from the mean */
};

void estimate_add(struct estimate *estimate, double value);

/* The standard error of the mean; NAN for fewer than two values. */
double estimate_error(const struct estimate *estimate);

/* 1 or -1 when the mean is above or below zero by a two-sided t-test at the 95% level, otherwise 0. */
int estimate_sign(const struct estimate *estimate);

#endif
