/* What all rules share, whatever the element type. */
#ifndef HRW_TEST_SUPPORT_H
#define HRW_TEST_SUPPORT_H

#include "hr_weights.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* The byte that fills memory the library must leave alone, and the value of errno it must preserve. */
#define POISON 0xA5
#define ERRNO_MARK EDOM

/* Longer than any block or chunk a thread is likely to own, and no multiple of a vector width. An emulator may want less. */
#ifndef LARGE
#define LARGE 100003
#endif

static const double not_a_number = NAN;
static const double infinite = INFINITY;
static const uint64_t no_index = UINT64_MAX;

/* The field boundaries of today's structures; the last one before sizeof leaves out trailing padding. */
static const size_t options_ends[] = {
    END_OF(hrw_options, r),
    END_OF(hrw_options, worst_loss),
    END_OF(hrw_options, ordering),
    END_OF(hrw_options, threads),
};
static const size_t report_ends[] = {
    END_OF(hrw_report, struct_size),  END_OF(hrw_report, robust_loss),       END_OF(hrw_report, dual_bound),
    END_OF(hrw_report, worst_loss),   END_OF(hrw_report, worst_weight),      END_OF(hrw_report, eta),
    END_OF(hrw_report, trim_loss),    END_OF(hrw_report, d_alpha),           END_OF(hrw_report, d_r),
    END_OF(hrw_report, kl),           END_OF(hrw_report, tv),                END_OF(hrw_report, effective_samples),
    END_OF(hrw_report, trimmed),      END_OF(hrw_report, bad_index),         END_OF(hrw_report, iterations),
};

/* Everything of a report that has a meaning: all of it but the padding after the last field. */
#define REPORT_BYTES END_OF(hrw_report, iterations)

/* A structure with room behind it, to see who writes or reads past struct_size. */
#define SPARE 16
typedef union {
    hrw_options options;
    unsigned char bytes[sizeof(hrw_options) + SPARE];
} roomy_options;
typedef union {
    hrw_report report;
    unsigned char bytes[sizeof(hrw_report) + SPARE];
} roomy_report;

static int is_options_size(size_t size)
{
    size_t i;
    for (i = 0; i < COUNT(options_ends); i++)
        if (size == options_ends[i])
            return 1;
    return size == sizeof(hrw_options);
}

static int is_report_size(size_t size)
{
    size_t i;
    for (i = 0; i < COUNT(report_ends); i++)
        if (size == report_ends[i])
            return 1;
    return size == sizeof(hrw_report);
}

static int all_bytes(const void *memory, size_t size, unsigned char value)
{
    const unsigned char *bytes = (const unsigned char *)memory;
    size_t i;
    for (i = 0; i < size; i++)
        if (bytes[i] != value)
            return 0;
    return 1;
}

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return memory;
}

static hrw_options options_of(double alpha, double r, int32_t ordering)
{
    hrw_options options;
    CHECK(hrw_options_init(&options, sizeof options) == HRW_OK);
    options.alpha = alpha;
    options.r = r;
    options.ordering = ordering;
    return options;
}

static hrw_report poisoned_report(size_t struct_size)
{
    hrw_report report;
    memset(&report, POISON, sizeof report);
    report.struct_size = struct_size;
    return report;
}

/* Equal, or within an absolute tolerance; equal infinities are equal, a NaN never is. */
static int near(double got, double want, double tolerance)
{
    return got == want || fabs(got - want) <= tolerance;
}

/* The largest p with KL((1-q, q) || (1-p, p)) <= r: the weight of the upper of two losses, by bisection on t = p - q.
 * Both terms are of order t and cancel to order t^2, where the slope is of order t: t is right to a few ulp of one. */
static double two_point(double q, double r)
{
    double low = 0.0, high = 1.0 - q;
    int step;
    if (q >= 1.0 || isinf(r))
        return 1.0;
    if (q == 0.0)
        return -expm1(-r);
    for (step = 0; step < 200; step++) {
        const double t = 0.5 * (low + high);
        const double kl = -(1.0 - q) * log1p(-t / (1.0 - q)) - q * log1p(t / q);
        if (kl <= r)
            low = t;
        else
            high = t;
    }
    return q + low;
}

static double certified_r(uint64_t n, double delta)
{
    return (log(1.0 / delta) + log(2.0 * sqrt((double)n + 1.0))) / (double)n;
}

/* Deterministic uniform numbers in (0, 1), the same on every machine. */
static double next_uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(*state >> 11) + 0.5) / 9007199254740992.0;
}

#endif
