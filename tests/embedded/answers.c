/* Prints every bit of every answer to a set of problems: all of tests/data/high_precision.txt in both
 * widths, longer vectors, and rows; and of problems over several participants whether they are those
 * of one vector. The same file is compiled for the host's library and for the embedded ones; their
 * outputs must be the same. */
#include <hr_weights.h>

#include "exponential.h"
#include "platform.h"
#include "print.h"

/* math.h is not for freestanding programs. */
#define NAN __builtin_nan("")
#define INFINITY __builtin_inf()

typedef struct {
    const char *name;
    int32_t ordering;
    double alpha, r, worst_loss;
    size_t n;
    int32_t first_loss, first_base; /* -1: no base weights */
} problem;

#include "table.h" /* made by table.awk */

enum { LONGEST = 20000, ROWS = 7, COLUMNS = 40 };

static double losses[LONGEST], bases[LONGEST], weights[LONGEST];
static float float_losses[LONGEST], float_bases[LONGEST], float_weights[LONGEST];
static hrw_report reports[ROWS];

static void print_double(double value)
{
    const union {
        double value;
        uint64_t bits;
    } both = {value};
    platform_put(" ");
    print_hex64(both.bits);
}

static void print_float(float value)
{
    const union {
        float value;
        uint32_t bits;
    } both = {value};
    platform_put(" ");
    print_hex32(both.bits);
}

static void print_report(const hrw_report *report)
{
    const double fields[] = {report->robust_loss, report->dual_bound, report->worst_loss, report->worst_weight,
                             report->eta,         report->trim_loss,  report->d_alpha,    report->d_r,
                             report->kl,          report->tv,         report->effective_samples};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        print_double(fields[i]);
    platform_put(" ");
    print_number((uint32_t)report->trimmed, 0);
    platform_put(" ");
    print_number(report->iterations, 0);
}

static void print_answer(const char *width, int32_t status, const hrw_report *report)
{
    platform_put(width);
    platform_put(" ");
    platform_put(status == HRW_OK ? "ok" : hrw_status_message(status));
    if (status == HRW_OK)
        print_report(report);
    platform_put("\n");
}

static void print_double_weights(size_t n)
{
    for (size_t i = 0; i < n; i++)
        print_double(weights[i]);
    platform_put("\n");
}

static void print_float_weights(size_t n)
{
    for (size_t i = 0; i < n; i++)
        print_float(float_weights[i]);
    platform_put("\n");
}

/* Both widths of a problem whose losses and base weights are in the arrays. */
static void solve(const hrw_options *options, size_t n, int has_base)
{
    hrw_report *const report = reports;
    hrw_report_init(report, sizeof *report);
    int32_t status = hrw_weights_f64(options, losses, has_base ? bases : NULL, n, weights, report);
    print_answer("f64", status, report);
    if (status == HRW_OK)
        print_double_weights(n);

    /* Narrowed to float the same problem may be another one, or none. */
    status = hrw_weights_f32(options, float_losses, has_base ? float_bases : NULL, n, float_weights, report);
    print_answer("f32", status, report);
    if (status == HRW_OK)
        print_float_weights(n);
}

static void solve_table(void)
{
    for (size_t p = 0; p < sizeof PROBLEMS / sizeof *PROBLEMS; p++) {
        const problem *const problem = &PROBLEMS[p];
        const int has_base = problem->first_base >= 0;
        for (size_t i = 0; i < problem->n; i++) {
            losses[i] = LOSSES[(size_t)problem->first_loss + i];
            float_losses[i] = (float)losses[i];
            bases[i] = has_base ? BASES[(size_t)problem->first_base + i] : 1.0;
            float_bases[i] = (float)bases[i];
        }
        hrw_options options;
        hrw_options_init(&options, sizeof options);
        options.ordering = problem->ordering;
        options.alpha = problem->alpha;
        options.r = problem->r;
        options.worst_loss = problem->worst_loss;
        platform_put(problem->name);
        platform_put("\n");
        solve(&options, problem->n, has_base);
    }
}

static void solve_exponential(void)
{
    static const size_t SIZES[] = {16, 64, 256, 4096, LONGEST};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        for (int32_t ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
            hrw_options options;
            hrw_options_init(&options, sizeof options);
            options.ordering = ordering;
            options.alpha = 0.05;
            options.r = 0.1;
            exponential_fill(float_losses, losses, SIZES[i], 1);
            platform_put("exponential ");
            print_number((uint32_t)SIZES[i], 0);
            platform_put("\n");
            solve(&options, SIZES[i], 0);
        }
}

static void solve_rows(void)
{
    static const size_t OFFSETS[ROWS + 1] = {0, 1, 1, 33, 100, 101, 200, ROWS * COLUMNS};
    enum { ALL = ROWS * COLUMNS };
    hrw_options options;
    hrw_options_init(&options, sizeof options);
    options.alpha = 0.1;
    options.r = 0.2;
    exponential_fill(float_losses, losses, ALL, 2);
    for (int ragged = 0; ragged < 2; ragged++) {
        for (size_t row = 0; row < ROWS; row++)
            hrw_report_init(&reports[row], sizeof reports[row]);
        const int32_t wide = ragged ? hrw_weights_ragged_f64(&options, losses, NULL, OFFSETS, ROWS, weights, reports)
                                    : hrw_weights_batch_f64(&options, losses, NULL, ROWS, COLUMNS, weights, reports);
        for (size_t row = 0; row < ROWS; row++)
            print_answer(ragged ? "ragged f64" : "batch f64", wide, &reports[row]);
        print_double_weights(ALL);
        const int32_t narrow =
            ragged ? hrw_weights_ragged_f32(&options, float_losses, NULL, OFFSETS, ROWS, float_weights, reports)
                   : hrw_weights_batch_f32(&options, float_losses, NULL, ROWS, COLUMNS, float_weights, reports);
        for (size_t row = 0; row < ROWS; row++)
            print_answer(ragged ? "ragged f32" : "batch f32", narrow, &reports[row]);
        print_float_weights(ALL);
    }
}

#include "sharded.h"

static void certify(void)
{
    double r = NAN, bound = NAN, float_bound = NAN;
    exponential_fill(float_losses, losses, 256, 3);
    hrw_certified_r(256, 0.05, &r);
    hrw_certify_f64(losses, 256, 0.01, 0.05, 20.0, &bound);
    hrw_certify_f32(float_losses, 256, 0.01, 0.05, 20.0, &float_bound);
    platform_put("certify");
    print_double(r);
    print_double(bound);
    print_double(float_bound);
    platform_put("\n");
}

static void refusals(void)
{
    hrw_options options;
    hrw_options_init(&options, sizeof options);
    losses[0] = losses[2] = 1.0;
    losses[1] = NAN;
    weights[0] = 7.0;
    hrw_report_init(reports, sizeof *reports);
    print_answer("f64", hrw_weights_f64(&options, losses, NULL, 3, weights, reports), reports);
    print_number((uint32_t)reports->bad_index, 0);
    print_double(weights[0]);
    platform_put("\n");
    print_answer("f64", hrw_weights_f64(&options, losses, NULL, 0, weights, NULL), reports);
    print_answer("f64", hrw_weights_f64(&options, NULL, NULL, 3, weights, NULL), reports);
    options.alpha = 2.0;
    print_answer("f64", hrw_weights_f64(&options, losses, NULL, 1, weights, NULL), reports);
    platform_put(hrw_version());
    platform_put(hrw_abi_version() == HRW_ABI_VERSION ? " of this header\n" : " of another header\n");
}

int program(void)
{
    solve_table();
    solve_exponential();
    solve_rows();
    solve_sharded();
    certify();
    refusals();
    return 0;
}
