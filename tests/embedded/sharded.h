/* Problems over several participants, all of them in this program, against those of one vector: part
 * of answers.c, whose arrays and printing it uses. */

enum { PARTICIPANTS = 3, LONGEST_SHARDED = 1000, MOST_CALLS = 64 };

/* Plain data of hrw_sharded_size() bytes, aligned as a double: some 110 KB with std. */
static double solvers[PARTICIPANTS][16384];

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

/* The problem of all participants together, solved as one. */
static double whole_bases[LONGEST_SHARDED], whole_weights[LONGEST_SHARDED];
static float float_whole_bases[LONGEST_SHARDED], float_whole_weights[LONGEST_SHARDED];

static int is_near(double one, double other, double error)
{
    return one == other || (one - other <= error && other - one <= error);
}

/* Whether two reports are of the same answer. Sums may be rounded in another order. */
static int same_report(const hrw_report *one, const hrw_report *other)
{
    const double scale = one->worst_loss;
    return one->worst_loss == other->worst_loss && one->trim_loss == other->trim_loss && one->trimmed == other->trimmed &&
           is_near(one->robust_loss, other->robust_loss, 1e-12 * scale) &&
           is_near(one->dual_bound, other->dual_bound, 1e-12 * scale) &&
           is_near(one->worst_weight, other->worst_weight, 1e-12) && is_near(one->kl, other->kl, 1e-12) &&
           is_near(one->tv, other->tv, 1e-12) &&
           is_near(one->effective_samples, other->effective_samples, 1e-11 * one->effective_samples);
}

/* Prints whether a sharded solve ended as that of one vector does. With std a message has more bins
 * than without, so last bits may differ: weights are to agree to 1e-12, and floats to two units in
 * the last place. */
static void compare_with_whole(const hrw_options *options, size_t n, int wide, const hrw_report *report, uint32_t calls)
{
    hrw_report whole;
    hrw_report_init(&whole, sizeof whole);
    const int32_t status =
        wide ? hrw_weights_f64(options, losses, whole_bases, n, whole_weights, &whole)
             : hrw_weights_f32(options, float_losses, float_whole_bases, n, float_whole_weights, &whole);
    int same = status == HRW_OK && same_report(&whole, report);
    for (size_t i = 0; i < n; i++)
        same &= wide ? is_near(whole_weights[i], weights[i], 1e-12)
                     : is_near((double)float_whole_weights[i], (double)float_weights[i],
                               2.4e-7 * (double)float_whole_weights[i]);
    platform_put(same ? "as one vector" : "DIFFERS from one vector");
    platform_put(calls <= MOST_CALLS ? "\n" : ", TOO MANY calls\n");
}

/* Step by step: of n samples the first participant has a third, the second none, and the last one alone has base weights, if
 * any. */
static void solve_in_steps(const hrw_options *options, size_t n, int wide, int has_base)
{
    const size_t first[PARTICIPANTS + 1] = {0, n / 3, n / 3, n};
    int32_t status[PARTICIPANTS], first_failure = HRW_OK;
    uint32_t calls = 0;
    size_t count = 1;

    if (hrw_sharded_size() > sizeof solvers[0]) {
        platform_put("DIFFERS: the state of a solve is larger than expected\n");
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
            calls++;
        }
    }
    platform_put(wide ? "sharded f64" : "sharded f32");
    for (size_t p = 0; p < PARTICIPANTS; p++) {
        platform_put(" ");
        platform_put(hrw_status_message(status[p]));
        if (reports[p].bad_index != UINT64_MAX) {
            platform_put(" at ");
            print_number((uint32_t)reports[p].bad_index, 0);
        }
        platform_put(",");
    }
    platform_put("\n");
    if (first_failure != HRW_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        const int own_base = has_base && i >= first[PARTICIPANTS - 1];
        whole_bases[i] = own_base ? bases[i] : 1.0;
        float_whole_bases[i] = (float)whole_bases[i];
    }
    compare_with_whole(options, n, wide, &reports[0], calls);
}

/* The all-reduce of the only participant: counts. */
static int32_t nobody_else(void *context, double *values, size_t count, int32_t op)
{
    (void)values;
    (void)count;
    (void)op;
    uint32_t *const calls = context;
    (*calls)++;
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
    uint32_t calls = 0;
    hrw_report_init(reports, sizeof *reports);
    const int32_t status =
        wide ? hrw_weights_sharded_f64(options, losses, NULL, n, weights, reports, nobody_else, &calls)
             : hrw_weights_sharded_f32(options, float_losses, NULL, n, float_weights, reports, nobody_else, &calls);
    platform_put(wide ? "callback f64 " : "callback f32 ");
    platform_put(hrw_status_message(status));
    platform_put("\n");
    for (size_t i = 0; i < n; i++)
        float_whole_bases[i] = (float)(whole_bases[i] = 1.0);
    if (status == HRW_OK)
        compare_with_whole(options, n, wide, reports, calls);
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
