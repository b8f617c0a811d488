/* The layout and the signatures of hr_weights.h, checked by the compiler, as C11 or later and as C++11 or later. A change
 * that breaks the binary interface does not compile here. */
#include "hr_weights.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#if HRW_ABI_VERSION != 1
#error "HRW_ABI_VERSION must be usable by the preprocessor; a new number needs a new layout test"
#endif

/* Codes are numbers for ever. */
static_assert(HRW_OK == 0, "status");
static_assert(HRW_NULL_POINTER == 1, "status");
static_assert(HRW_STRUCT_SIZE == 2, "status");
static_assert(HRW_EMPTY == 3, "status");
static_assert(HRW_ALPHA == 4, "status");
static_assert(HRW_R == 5, "status");
static_assert(HRW_ORDERING == 6, "status");
static_assert(HRW_WORST_LOSS == 7, "status");
static_assert(HRW_BASE_WEIGHTS == 8, "status");
static_assert(HRW_NON_FINITE_LOSS == 9, "status");
static_assert(HRW_DELTA == 10, "status");
static_assert(HRW_OFFSETS == 11, "status");
static_assert(HRW_OVERLAP == 12, "status");
static_assert(HRW_REDUCE == 13, "status");
static_assert(HRW_THREADS == 14, "status");
static_assert(HRW_GROUP == 15, "status");
static_assert(HRW_TARGET == 16, "status");
static_assert(HRW_QUANTITY == 17, "status");
static_assert(HRW_PANIC == 99, "status");
static_assert(HRW_HD == 0, "ordering");
static_assert(HRW_HR == 1, "ordering");
static_assert(HRW_ROBUST_LOSS == 0, "quantity");
static_assert(HRW_EFFECTIVE_SAMPLES == 1, "quantity");
static_assert(HRW_LARGEST_WEIGHT == 2, "quantity");

/* The offsets below are those of platforms with 64-bit pointers. */
#if UINTPTR_MAX == UINT64_MAX
static_assert(offsetof(hrw_options, struct_size) == 0, "options");
static_assert(offsetof(hrw_options, alpha) == 8, "options");
static_assert(offsetof(hrw_options, r) == 16, "options");
static_assert(offsetof(hrw_options, worst_loss) == 24, "options");
static_assert(offsetof(hrw_options, ordering) == 32, "options");
static_assert(offsetof(hrw_options, threads) == 36, "options");
static_assert(sizeof(hrw_options) == 40, "options");

static_assert(offsetof(hrw_report, struct_size) == 0, "report");
static_assert(offsetof(hrw_report, robust_loss) == 8, "report");
static_assert(offsetof(hrw_report, dual_bound) == 16, "report");
static_assert(offsetof(hrw_report, worst_loss) == 24, "report");
static_assert(offsetof(hrw_report, worst_weight) == 32, "report");
static_assert(offsetof(hrw_report, eta) == 40, "report");
static_assert(offsetof(hrw_report, trim_loss) == 48, "report");
static_assert(offsetof(hrw_report, d_alpha) == 56, "report");
static_assert(offsetof(hrw_report, d_r) == 64, "report");
static_assert(offsetof(hrw_report, kl) == 72, "report");
static_assert(offsetof(hrw_report, tv) == 80, "report");
static_assert(offsetof(hrw_report, effective_samples) == 88, "report");
static_assert(offsetof(hrw_report, trimmed) == 96, "report");
static_assert(offsetof(hrw_report, bad_index) == 104, "report");
static_assert(offsetof(hrw_report, iterations) == 112, "report");
static_assert(sizeof(hrw_report) == 120, "report");

static_assert(offsetof(hrw_running_worst, struct_size) == 0, "running worst");
static_assert(offsetof(hrw_running_worst, window) == 8, "running worst");
static_assert(offsetof(hrw_running_worst, seen) == 16, "running worst");
static_assert(offsetof(hrw_running_worst, current) == 24, "running worst");
static_assert(offsetof(hrw_running_worst, previous) == 32, "running worst");
static_assert(sizeof(hrw_running_worst) == 40, "running worst");
#endif

/* The types of the fields: a pointer to another type does not convert. */
struct field_types {
    size_t *size;
    double *real;
    int32_t *code;
    uint64_t *count;
    uint32_t *small_count;
};

void check_field_types(hrw_options *options, hrw_report *report, hrw_running_worst *worst, struct field_types *types);
void check_field_types(hrw_options *options, hrw_report *report, hrw_running_worst *worst, struct field_types *types)
{
    types->size = &options->struct_size;
    types->real = &options->alpha;
    types->real = &options->r;
    types->real = &options->worst_loss;
    types->code = &options->ordering;
    types->code = &options->threads;

    types->size = &report->struct_size;
    types->real = &report->robust_loss;
    types->real = &report->dual_bound;
    types->real = &report->worst_loss;
    types->real = &report->worst_weight;
    types->real = &report->eta;
    types->real = &report->trim_loss;
    types->real = &report->d_alpha;
    types->real = &report->d_r;
    types->real = &report->kl;
    types->real = &report->tv;
    types->real = &report->effective_samples;
    types->count = &report->trimmed;
    types->count = &report->bad_index;
    types->small_count = &report->iterations;

    types->size = &worst->struct_size;
    types->count = &worst->window;
    types->count = &worst->seen;
    types->real = &worst->current;
    types->real = &worst->previous;
}

/* The signatures, constness included: a function of another type does not convert. */
struct signatures {
    uint32_t (*abi_version)(void);
    const char *(*version)(void);
    const char *(*status_message)(int32_t status);
    int32_t (*options_init)(hrw_options *options, size_t struct_size);
    int32_t (*report_init)(hrw_report *report, size_t struct_size);
    int32_t (*weights_f32)(const hrw_options *options, const float *losses, const float *base, size_t n, float *weights,
                           hrw_report *report);
    int32_t (*weights_f64)(const hrw_options *options, const double *losses, const double *base, size_t n, double *weights,
                           hrw_report *report);
    int32_t (*weights_batch_f32)(const hrw_options *options, const float *losses, const float *base, size_t rows, size_t cols,
                                 float *weights, hrw_report *reports);
    int32_t (*weights_batch_f64)(const hrw_options *options, const double *losses, const double *base, size_t rows, size_t cols,
                                 double *weights, hrw_report *reports);
    int32_t (*weights_ragged_f32)(const hrw_options *options, const float *losses, const float *base, const size_t *offsets,
                                  size_t rows, float *weights, hrw_report *reports);
    int32_t (*weights_ragged_f64)(const hrw_options *options, const double *losses, const double *base, const size_t *offsets,
                                  size_t rows, double *weights, hrw_report *reports);
    int32_t (*certified_r)(uint64_t n, double delta, double *r);
    int32_t (*certify_f32)(const float *losses, size_t n, double alpha, double delta, double worst_loss, double *bound);
    int32_t (*certify_f64)(const double *losses, size_t n, double alpha, double delta, double worst_loss, double *bound);
    int32_t (*calibrate_r_f32)(const hrw_options *options, const float *losses, const float *base, size_t n,
        int32_t quantity, double target, float *weights, hrw_report *report, double *budget, double *range);
    int32_t (*calibrate_r_f64)(const hrw_options *options, const double *losses, const double *base, size_t n,
        int32_t quantity, double target, double *weights, hrw_report *report, double *budget, double *range);
    int32_t (*calibrate_alpha_f32)(const hrw_options *options, const float *losses, const float *base, size_t n,
        int32_t quantity, double target, float *weights, hrw_report *report, double *budget, double *range);
    int32_t (*calibrate_alpha_f64)(const hrw_options *options, const double *losses, const double *base, size_t n,
        int32_t quantity, double target, double *weights, hrw_report *report, double *budget, double *range);
    int32_t (*path_f32)(const hrw_options *options, const float *losses, const float *base, size_t n, const double *alphas,
        size_t alpha_count, const double *rs, size_t r_count, float *scratch, hrw_report *reports);
    int32_t (*path_f64)(const hrw_options *options, const double *losses, const double *base, size_t n, const double *alphas,
        size_t alpha_count, const double *rs, size_t r_count, double *scratch, hrw_report *reports);
    int32_t (*weights_groups_f32)(const hrw_options *options, const float *losses, const uint32_t *groups, size_t n,
        const double *base, size_t group_count, float *weights, double *table, hrw_report *report);
    int32_t (*weights_groups_f64)(const hrw_options *options, const double *losses, const uint32_t *groups, size_t n,
        const double *base, size_t group_count, double *weights, double *table, hrw_report *report);
    int32_t (*running_worst_init)(hrw_running_worst *worst, size_t struct_size, uint64_t window);
    int32_t (*running_worst_update_f32)(hrw_running_worst *worst, const float *losses, const float *base, size_t n, double *worst_loss);
    int32_t (*running_worst_update_f64)(hrw_running_worst *worst, const double *losses, const double *base, size_t n, double *worst_loss);
};

void check_signatures(struct signatures *signatures);
void check_signatures(struct signatures *signatures)
{
    signatures->abi_version = hrw_abi_version;
    signatures->version = hrw_version;
    signatures->status_message = hrw_status_message;
    signatures->options_init = hrw_options_init;
    signatures->report_init = hrw_report_init;
    signatures->weights_f32 = hrw_weights_f32;
    signatures->weights_f64 = hrw_weights_f64;
    signatures->weights_batch_f32 = hrw_weights_batch_f32;
    signatures->weights_batch_f64 = hrw_weights_batch_f64;
    signatures->weights_ragged_f32 = hrw_weights_ragged_f32;
    signatures->weights_ragged_f64 = hrw_weights_ragged_f64;
    signatures->certified_r = hrw_certified_r;
    signatures->certify_f32 = hrw_certify_f32;
    signatures->certify_f64 = hrw_certify_f64;
    signatures->calibrate_r_f32 = hrw_calibrate_r_f32;
    signatures->calibrate_r_f64 = hrw_calibrate_r_f64;
    signatures->calibrate_alpha_f32 = hrw_calibrate_alpha_f32;
    signatures->calibrate_alpha_f64 = hrw_calibrate_alpha_f64;
    signatures->path_f32 = hrw_path_f32;
    signatures->path_f64 = hrw_path_f64;
    signatures->weights_groups_f32 = hrw_weights_groups_f32;
    signatures->weights_groups_f64 = hrw_weights_groups_f64;
    signatures->running_worst_init = hrw_running_worst_init;
    signatures->running_worst_update_f32 = hrw_running_worst_update_f32;
    signatures->running_worst_update_f64 = hrw_running_worst_update_f64;
}
