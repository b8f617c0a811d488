/* Measures what a call takes: the stack, by painting it and looking how far the paint is gone, and time or instructions.
 * Fails if a call takes more stack than MOST_STACK, or than the one of its own that rows and sharded solves have. */
#include <hr_weights.h>

#include "exponential.h"
#include "platform.h"
#include "print.h"

/* The limits leave room for what another compiler makes of the same text. */
enum { MOST_STACK = 5120, MOST_STACK_OF_ROWS = 5632, MOST_STACK_OF_STEP = 7936, MOST_STACK_OF_CALLBACK = 12032 };
/* Of a sharded solve without std: its calls, and the values of a message. */
enum { MOST_CALLS = 64, MOST_VALUES = 84 };
enum { PAINTED = 32768, LONGEST = 4096, RUNS = 3 };
#define PAINT 0xA5u

static double losses[LONGEST], weights[LONGEST];
static float float_losses[LONGEST], float_weights[LONGEST];
static hrw_options options;
static hrw_report report;

typedef int32_t call(size_t n);

static int32_t nothing(size_t n)
{
    return n == 0;
}

static int32_t in_double(size_t n)
{
    return hrw_weights_f64(&options, losses, NULL, n, weights, &report);
}

static int32_t in_float(size_t n)
{
    return hrw_weights_f32(&options, float_losses, NULL, n, float_weights, &report);
}

static int32_t rows_in_float(size_t n)
{
    return hrw_weights_batch_f32(&options, float_losses, NULL, n / 16, 16, float_weights, NULL);
}

/* The all-reduce of the only participant. */
static int32_t nobody_else(void *context, double *values, size_t count, int32_t op)
{
    (void)context;
    (void)values;
    (void)count;
    return op != HRW_SUM && op != HRW_MAX;
}

static int32_t by_callback(size_t n)
{
    return hrw_weights_sharded_f32(&options, float_losses, NULL, n, float_weights, &report, nobody_else, NULL);
}

/* The state of the solve is the caller's. */
static int32_t in_steps(size_t n)
{
    static double solver[1024];
    double *values;
    size_t count;
    int calls = -1;
    int32_t op, status = hrw_sharded_init((hrw_sharded *)solver, sizeof solver);
    do {
        status |= hrw_sharded_step_f32((hrw_sharded *)solver, &options, float_losses, NULL, n, float_weights, &report,
                                       &values, &count, &op);
        status |= count > MOST_VALUES || ++calls > MOST_CALLS;
    } while (status == HRW_OK && count > 0);
    return status;
}

/* Where the caller's stack ends. */
__attribute__((noinline)) static volatile unsigned char *stack_pointer(void)
{
    return __builtin_frame_address(0);
}

/* The bytes below the caller's frame that a call has written. */
__attribute__((noinline)) static uint32_t stack_of(call *call, size_t n, int32_t *status)
{
    /* What the loops here need themselves stays between the paint and the frame. */
    enum { MARGIN = 128 };
    volatile unsigned char *const top = stack_pointer();
    for (size_t depth = MARGIN; depth < PAINTED; depth++)
        top[-(ptrdiff_t)depth] = PAINT;
    *status |= call(n);
    size_t used = PAINTED - 1;
    while (used > MARGIN && top[-(ptrdiff_t)used] == PAINT)
        used--;
    return (uint32_t)used;
}

static uint32_t time_of(call *call, size_t n, int32_t *status)
{
    uint32_t best = UINT32_MAX;
    for (int run = 0; run < RUNS; run++) {
        const uint32_t start = platform_clock();
        *status |= call(n);
        const uint32_t time = platform_clock() - start;
        if (time < best)
            best = time;
    }
    return best;
}

static int measure(const char *name, int32_t ordering, size_t n, call *call, uint32_t most_stack)
{
    int32_t status = HRW_OK;
    options.ordering = ordering;
    const uint32_t stack = stack_of(call, n, &status);
    const uint32_t time = time_of(call, n, &status);
    platform_put(name);
    print_number((uint32_t)n, 6);
    platform_put(ordering == HRW_HD ? "  HD" : "  HR");
    print_number(stack, 8);
    print_number(most_stack, 8);
    print_number(time, 12);
    platform_put(status == HRW_OK ? "\n" : "  failed\n");
    return status == HRW_OK && stack <= most_stack;
}

int program(void)
{
    static const size_t SIZES[] = {16, 64, 256, 4096};
    int32_t status = hrw_options_init(&options, sizeof options) | hrw_report_init(&report, sizeof report);
    options.alpha = 0.05;
    options.r = 0.1;
    exponential_fill(float_losses, losses, LONGEST, 1);
    int small = status == HRW_OK && stack_of(nothing, 1, &status) <= 256;
    platform_put("           n         stack   limit  ");
    platform_put(PLATFORM_CLOCK_UNIT);
    platform_put("\n");
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        for (int32_t ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
            small &= measure("f32   ", ordering, SIZES[i], in_float, MOST_STACK);
            small &= measure("f64   ", ordering, SIZES[i], in_double, MOST_STACK);
        }
    small &= measure("batch ", HRW_HD, 256, rows_in_float, MOST_STACK_OF_ROWS);
    small &= measure("batch ", HRW_HR, 256, rows_in_float, MOST_STACK_OF_ROWS);
    for (int32_t ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        small &= measure("shards", ordering, 256, by_callback, MOST_STACK_OF_CALLBACK);
        small &= measure("steps ", ordering, 256, in_steps, MOST_STACK_OF_STEP);
    }
    platform_put("the state of a sharded solve has ");
    print_number((uint32_t)hrw_sharded_size(), 0);
    platform_put(" bytes\n");
    platform_put(small ? "every call takes less stack than it may\n"
                       : "FAILED: a call fails or takes more stack than it may\n");
    return !small;
}
