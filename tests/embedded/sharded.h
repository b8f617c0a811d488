/* A problem over several participants, all of them in this program: part of answers.c, whose arrays and printing it uses. */

enum { PARTICIPANTS = 3 };

/* Plain data of hrw_sharded_size() bytes, aligned as a double. */
static double solvers[PARTICIPANTS][1024];

/* What the engine would do: in every place the sum, or the maximum, of all. */
static void all_reduce(double *values[PARTICIPANTS], size_t count, int32_t op)
{
    for (size_t i = 0; i < count; i++) {
        double joined = values[0][i];
        for (size_t p = 1; p < PARTICIPANTS; p++) {
            const double own = values[p][i];
            joined = op == HRW_SUM ? joined + own : own > joined ? own : joined;
        }
        for (size_t p = 0; p < PARTICIPANTS; p++)
            values[p][i] = joined;
    }
}

/* Step by step: of n samples the first participant has a third, the second none, and the last one alone has base weights, if
 * any. */
static void solve_in_steps(const hrw_options *options, size_t n, int wide, int has_base)
{
    const size_t first[PARTICIPANTS + 1] = {0, n / 3, n / 3, n};
    int32_t status[PARTICIPANTS], first_failure = HRW_OK;
    uint32_t rounds = 0;
    size_t count = 1;

    if (hrw_sharded_size() > sizeof solvers[0]) {
        platform_put("the state of a solve is larger than expected\n");
        return;
    }
    for (size_t p = 0; p < PARTICIPANTS; p++) {
        hrw_report_init(&reports[p], sizeof reports[p]);
        hrw_sharded_init((hrw_sharded *)solvers[p], sizeof solvers[p]);
    }
    while (count > 0 && first_failure == HRW_OK) {
        double *values[PARTICIPANTS] = {0};
        int32_t op = HRW_SUM;
        for (size_t p = 0; p < PARTICIPANTS; p++) {
            hrw_sharded *const solver = (hrw_sharded *)solvers[p];
            const size_t from = first[p], size = first[p + 1] - from;
            const int own_base = has_base && p == PARTICIPANTS - 1;
            status[p] = wide ? hrw_sharded_step_f64(solver, options, losses + from, own_base ? bases + from : NULL, size,
                                                    weights + from, &reports[p], &values[p], &count, &op)
                             : hrw_sharded_step_f32(solver, options, float_losses + from, own_base ? float_bases + from : NULL,
                                                    size, float_weights + from, &reports[p], &values[p], &count, &op);
            if (first_failure == HRW_OK)
                first_failure = status[p];
        }
        if (count > 0 && first_failure == HRW_OK) {
            all_reduce(values, count, op);
            rounds++;
        }
    }
    for (size_t p = 0; p < PARTICIPANTS; p++) {
        print_answer(wide ? "sharded f64" : "sharded f32", status[p], &reports[p]);
        print_number((uint32_t)reports[p].bad_index, 0);
        platform_put("\n");
    }
    print_number(rounds, 0);
    platform_put(" rounds");
    if (first_failure == HRW_OK && wide)
        print_double_weights(n);
    else if (first_failure == HRW_OK)
        print_float_weights(n);
    else
        platform_put("\n");
}

/* The all-reduce of the only participant: counts. */
static int32_t nobody_else(void *context, double *values, size_t count, int32_t op)
{
    (void)values;
    (void)op;
    uint32_t *const counts = context;
    counts[0]++;
    counts[1] += (uint32_t)count;
    return 0;
}

static int32_t broken(void *context, double *values, size_t count, int32_t op)
{
    (void)context;
    (void)values;
    (void)count;
    (void)op;
    return 1;
}

/* By callback, whose solver lies on the stack. */
static void solve_by_callback(const hrw_options *options, size_t n, int wide)
{
    uint32_t counts[2] = {0, 0};
    hrw_report_init(reports, sizeof *reports);
    const int32_t status =
        wide ? hrw_weights_sharded_f64(options, losses, NULL, n, weights, reports, nobody_else, counts)
             : hrw_weights_sharded_f32(options, float_losses, NULL, n, float_weights, reports, nobody_else, counts);
    print_answer(wide ? "callback f64" : "callback f32", status, reports);
    print_number(counts[0], 0);
    platform_put(" rounds of ");
    print_number(counts[1], 0);
    platform_put(" values");
    if (wide)
        print_double_weights(n);
    else
        print_float_weights(n);
}

static void solve_sharded(void)
{
    static const size_t SIZES[] = {1, 2, 5, 64, 1000};
    static const double BUDGETS[][2] = {{0.0, 0.0}, {0.1, 0.0}, {0.0, 0.1}, {0.05, 0.1}, {0.3, 1.0}};
    hrw_options options;
    hrw_options_init(&options, sizeof options);
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        const size_t n = SIZES[i];
        exponential_fill(float_losses, losses, n, 4);
        for (size_t k = 0; k < n; k++) {
            /* Some are masked. */
            bases[k] = (double)(k % 4);
            float_bases[k] = (float)bases[k];
        }
        for (size_t b = 0; b < sizeof BUDGETS / sizeof *BUDGETS; b++)
            for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
                options.alpha = BUDGETS[b][0];
                options.r = BUDGETS[b][1];
                for (int wide = 0; wide < 2; wide++) {
                    solve_by_callback(&options, n, wide);
                    for (int has_base = 0; has_base < 2; has_base++)
                        solve_in_steps(&options, n, wide, has_base);
                }
            }
    }
    /* What is wrong with one is told to all; an all-reduce that fails. */
    losses[700] = NAN;
    float_losses[700] = (float)NAN;
    for (int wide = 0; wide < 2; wide++)
        solve_in_steps(&options, 1000, wide, 0);
    print_answer("broken", hrw_weights_sharded_f32(&options, float_losses, NULL, 5, float_weights, NULL, broken, NULL), reports);
}
