/* The serial path never allocates: the allocator of this program counts what the library asks for. It replaces the C
 * library's, which is where Rust's default allocator gets its memory, so it needs glibc's names for the real one, and a
 * memory checker that replaces malloc itself would see nothing. */
#include "hr_weights.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "check.h"

#ifndef __GLIBC__
#error "this program needs the names that glibc gives to its allocator"
#endif

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static unsigned long allocations;

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
    allocations++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    allocations++;
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}

void free(void *memory)
{
    __libc_free(memory);
}

enum { LARGEST = 70001 };
static float losses_f32[LARGEST], base_f32[LARGEST], weights_f32[LARGEST];
static double losses_f64[LARGEST], base_f64[LARGEST], weights_f64[LARGEST];

#define FREE_OF_ALLOCATION(call, want)         \
    do {                                       \
        const unsigned long before = allocations; \
        const int32_t code = (call);           \
        CHECK(allocations == before);          \
        CHECK(code == (want));                 \
    } while (0)

static void solve(const hrw_options *options, size_t n, int32_t want)
{
    hrw_report report;
    FREE_OF_ALLOCATION(hrw_report_init(&report, sizeof report), HRW_OK);
    FREE_OF_ALLOCATION(hrw_weights_f32(options, losses_f32, NULL, n, weights_f32, &report), want);
    FREE_OF_ALLOCATION(hrw_weights_f32(options, losses_f32, base_f32, n, weights_f32, &report), want);
    FREE_OF_ALLOCATION(hrw_weights_f64(options, losses_f64, NULL, n, weights_f64, &report), want);
    FREE_OF_ALLOCATION(hrw_weights_f64(options, losses_f64, base_f64, n, weights_f64, &report), want);
}

int main(void)
{
    static const size_t sizes[] = {1, 2, 7, 100, 4099, LARGEST};
    static const double budgets[][2] = {{0.0, 0.0}, {0.05, 0.0}, {0.0, 0.1}, {0.05, 0.1}, {1.0, 0.1}};
    hrw_options options;
    FILE *stream;
    double bound;
    size_t i, s, b;

    /* A scrambled ramp: no ties, no order. */
    for (i = 0; i < LARGEST; i++) {
        losses_f64[i] = (double)(i * 40503u % LARGEST) / 1024.0;
        base_f64[i] = 1.0 + (double)(i % 5);
        losses_f32[i] = (float)losses_f64[i];
        base_f32[i] = (float)base_f64[i];
    }

    check_begin("noalloc");

    /* The count works: a stream needs memory. */
    stream = fopen("/dev/null", "r");
    CHECK(stream != NULL && allocations > 0);
    if (stream != NULL)
        fclose(stream);

    /* The very first call counts as well. */
    FREE_OF_ALLOCATION(hrw_options_init(&options, sizeof options), HRW_OK);
    for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (b = 0; b < sizeof budgets / sizeof budgets[0]; b++) {
            options.alpha = budgets[b][0];
            options.r = budgets[b][1];
            for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
                check_about("n %lu, ordering %d, alpha %g, r %g",
                            (unsigned long)sizes[s], (int)options.ordering, options.alpha, options.r);
                solve(&options, sizes[s], HRW_OK);
            }
        }
    }

    options.ordering = HRW_HD;
    options.alpha = 2.0;
    solve(&options, 7, HRW_ALPHA);
    options.alpha = 0.05;
    losses_f32[3] = (float)NAN;
    losses_f64[3] = (double)NAN;
    solve(&options, 7, HRW_NON_FINITE_LOSS);
    losses_f32[3] = 0;
    losses_f64[3] = 0;

    for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        check_about("certify, n %lu", (unsigned long)sizes[s]);
        FREE_OF_ALLOCATION(hrw_certified_r(sizes[s], 0.1, &bound), HRW_OK);
        FREE_OF_ALLOCATION(hrw_certify_f32(losses_f32, sizes[s], 0.05, 0.1, 70.0, &bound), HRW_OK);
        FREE_OF_ALLOCATION(hrw_certify_f64(losses_f64, sizes[s], 0.05, 0.1, 70.0, &bound), HRW_OK);
    }
    options.alpha = 0.05;
    options.r = 0.1;
    for (s = 2; s < sizeof sizes / sizeof sizes[0]; s++) {
        static const double alphas[] = {0.0, 0.1}, rs[] = {0.01, 0.1};
        static uint32_t groups[LARGEST];
        static double table[3 * 10];
        const size_t n = sizes[s];
        hrw_report reports[4];
        hrw_running_worst worst;
        double budget;
        size_t indices[10];
        check_about("calibration, path, groups, diagnostics, running worst loss, n %lu", (unsigned long)n);
        for (i = 0; i < n; i++)
            groups[i] = (uint32_t)(i % 10);
        for (i = 0; i < 4; i++)
            CHECK(hrw_report_init(&reports[i], sizeof reports[i]) == HRW_OK);
        FREE_OF_ALLOCATION(hrw_calibrate_r_f64(&options, losses_f64, base_f64, n, HRW_ROBUST_LOSS, -1.0, weights_f64, NULL,
                                               &budget, NULL), HRW_TARGET);
        FREE_OF_ALLOCATION(hrw_calibrate_r_f32(&options, losses_f32, NULL, n, HRW_EFFECTIVE_SAMPLES, 2.5, weights_f32, NULL,
                                               &budget, NULL), HRW_OK);
        FREE_OF_ALLOCATION(hrw_calibrate_alpha_f64(&options, losses_f64, NULL, n, HRW_LARGEST_WEIGHT, 0.5, weights_f64, reports,
                                                   &budget, NULL), HRW_OK);
        FREE_OF_ALLOCATION(hrw_path_f32(&options, losses_f32, NULL, n, alphas, 2, rs, 2, weights_f32, reports),
                           HRW_OK);
        FREE_OF_ALLOCATION(hrw_path_f64(&options, losses_f64, base_f64, n, alphas, 2, rs, 2, weights_f64, reports),
                           HRW_OK);
        FREE_OF_ALLOCATION(hrw_weights_groups_f32(&options, losses_f32, groups, n, NULL, 10, weights_f32, table,
                                                  reports), HRW_OK);
        FREE_OF_ALLOCATION(hrw_weights_groups_f64(&options, losses_f64, groups, n, NULL, 10, weights_f64, table,
                                                  reports), HRW_OK);
        FREE_OF_ALLOCATION(hrw_top_samples_f32(weights_f32, n, 10, indices, &bound), HRW_OK);
        FREE_OF_ALLOCATION(hrw_top_samples_f64(weights_f64, n, 10, indices, &bound), HRW_OK);
        FREE_OF_ALLOCATION(hrw_group_shares_f32(weights_f32, groups, n, 10, table), HRW_OK);
        FREE_OF_ALLOCATION(hrw_group_shares_f64(weights_f64, groups, n, 10, table), HRW_OK);
        FREE_OF_ALLOCATION(hrw_running_worst_init(&worst, sizeof worst, 3), HRW_OK);
        FREE_OF_ALLOCATION(hrw_running_worst_update_f32(&worst, losses_f32, NULL, n, &bound), HRW_OK);
        FREE_OF_ALLOCATION(hrw_running_worst_update_f64(&worst, losses_f64, base_f64, n, &bound), HRW_OK);
    }
    return check_summary();
}
