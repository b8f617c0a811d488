/* Calibration, paths over budgets, and the running worst loss. */

static double FN(quantity_of)(int32_t quantity, const REAL *weights, size_t n, const hrw_report *report)
{
    double largest = 0.0;
    size_t i;
    if (quantity == HRW_ROBUST_LOSS)
        return report->robust_loss;
    if (quantity == HRW_EFFECTIVE_SAMPLES)
        return report->effective_samples;
    for (i = 0; i < n; i++)
        if ((double)weights[i] > largest)
            largest = (double)weights[i];
    return largest;
}

/* The budget that is found gives the target when it is given to hrw_weights, which then writes the same. */
static void FN(calibration_meets_its_target)(void)
{
    enum { N = FN(SAMPLES) };
    int32_t quantity, ordering, is_alpha, weighted;
    for (quantity = HRW_ROBUST_LOSS; quantity <= HRW_LARGEST_WEIGHT; quantity++) {
        for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
            for (is_alpha = 0; is_alpha < 2; is_alpha++) {
                for (weighted = 0; weighted < 2; weighted++) {
                    const REAL *base = weighted ? FN(sample_base) : NULL;
                    hrw_options options = options_of(0.05, 0.05, ordering);
                    hrw_report report = poisoned_report(sizeof report), again;
                    REAL weights[N], want[N];
                    double budget = -1.0, ends[2], range[2] = {-1.0, -1.0}, target;
                    int32_t code, end;

                    check_about("quantity %d, ordering %d, alpha %d, base %d", (int)quantity, (int)ordering,
                                (int)is_alpha, (int)weighted);
                    for (end = 0; end < 2; end++) {
                        hrw_options at_end = options;
                        if (is_alpha)
                            at_end.alpha = end;
                        else
                            at_end.r = end ? infinite : 0.0;
                        SOLVE(HERE, &at_end, FN(sample), base, N, want, &again);
                        ends[end] = FN(quantity_of)(quantity, want, N, &again);
                    }
                    target = ends[0] + 0.3 * (ends[1] - ends[0]);
                    /* Not used. */
                    if (is_alpha)
                        options.alpha = 7.0;
                    else
                        options.r = -7.0;
                    errno = ERRNO_MARK;
                    code = (is_alpha ? LIB(calibrate_alpha) : LIB(calibrate_r))(
                        &options, FN(sample), base, N, quantity, target, weights, &report, &budget, range);
                    CHECK(errno == ERRNO_MARK);
                    CHECK(code == HRW_OK);
                    CHECK(near(range[0], ends[0], 10.0 * REPORT_TOLERANCE * fabs(ends[0])));
                    CHECK(near(range[1], ends[1], 10.0 * REPORT_TOLERANCE * fabs(ends[1])));
                    if (is_alpha)
                        options.alpha = budget;
                    else
                        options.r = budget;
                    SOLVE(HERE, &options, FN(sample), base, N, want, &again);
                    CHECK(memcmp(weights, want, sizeof weights) == 0);
                    CHECK(report.bad_index == no_index);
                    report.bad_index = again.bad_index;
                    CHECK(memcmp(&report, &again, REPORT_BYTES) == 0);
                    CHECK(near(FN(quantity_of)(quantity, weights, N, &report), target,
                               20.0 * REPORT_TOLERANCE * fabs(target)));
                }
            }
        }
    }
}

static void FN(expect_calibrate_error)(const char *file, int line, int32_t want, uint64_t want_index,
                                       const hrw_options *options, const REAL *losses, const REAL *base, size_t n,
                                       int32_t quantity, double target)
{
    const double mark = 12.5;
    FN(canvas) canvas = FN(canvas_new)(n);
    hrw_report report = poisoned_report(sizeof report), before = report;
    double budget = mark, range[2] = {12.5, 12.5};

    errno = ERRNO_MARK;
    CHECK_FROM(file, line, LIB(calibrate_r)(options, losses, base, n, quantity, target, canvas.weights, &report, &budget,
                                            range) == want);
    CHECK_FROM(file, line, errno == ERRNO_MARK);
    CHECK_FROM(file, line, memcmp(&budget, &mark, sizeof budget) == 0);
    if (want == HRW_TARGET) {
        CHECK_FROM(file, line, range[0] != mark && range[1] != mark);
        CHECK_FROM(file, line, FN(guards_are_untouched)(&canvas));
    } else {
        CHECK_FROM(file, line, range[0] == mark && range[1] == mark);
        CHECK_FROM(file, line, FN(canvas_is_untouched)(&canvas));
    }
    CHECK_FROM(file, line, report.bad_index == want_index);
    before.bad_index = want_index;
    CHECK_FROM(file, line, memcmp(&report, &before, REPORT_BYTES) == 0);
    free(canvas.cells);
}

#define EXPECT_CALIBRATE_ERROR FN(expect_calibrate_error)

static void FN(calibration_errors)(void)
{
    enum { N = FN(SAMPLES), COUNT_OF = HRW_EFFECTIVE_SAMPLES };
    const hrw_options good = options_of(0.05, 0.0, HRW_HD);
    hrw_options bad = good;
    REAL losses[N], weights[N];
    hrw_report small = poisoned_report(3);
    double r = 0.0;

    CHECK(LIB(calibrate_r)(NULL, NULL, NULL, 0, 9, NAN, NULL, NULL, NULL, NULL) == HRW_EMPTY);
    EXPECT_CALIBRATE_ERROR(HERE, HRW_NULL_POINTER, no_index, NULL, FN(sample), NULL, N, COUNT_OF, 4.0);
    EXPECT_CALIBRATE_ERROR(HERE, HRW_NULL_POINTER, no_index, &good, NULL, NULL, N, COUNT_OF, 4.0);
    CHECK(LIB(calibrate_r)(&good, FN(sample), NULL, N, COUNT_OF, 4.0, NULL, NULL, &r, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(calibrate_r)(&good, FN(sample), NULL, N, COUNT_OF, 4.0, weights, NULL, NULL, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(calibrate_r)(&good, FN(sample), NULL, N, COUNT_OF, 4.0, weights, &small, &r, NULL) == HRW_STRUCT_SIZE);
    memcpy(losses, FN(sample), sizeof losses);
    CHECK(LIB(calibrate_r)(&good, losses, NULL, N, COUNT_OF, 4.0, losses, NULL, &r, NULL) == HRW_OVERLAP);
    CHECK(memcmp(losses, FN(sample), sizeof losses) == 0);
    EXPECT_CALIBRATE_ERROR(HERE, HRW_QUANTITY, no_index, &good, FN(sample), NULL, N, 3, 4.0);
    EXPECT_CALIBRATE_ERROR(HERE, HRW_QUANTITY, no_index, &good, FN(sample), NULL, N, -1, 4.0);
    EXPECT_CALIBRATE_ERROR(HERE, HRW_TARGET, no_index, &good, FN(sample), NULL, N, COUNT_OF, NAN);
    EXPECT_CALIBRATE_ERROR(HERE, HRW_TARGET, no_index, &good, FN(sample), NULL, N, COUNT_OF, 9.0);
    EXPECT_CALIBRATE_ERROR(HERE, HRW_TARGET, no_index, &good, FN(sample), NULL, N, HRW_ROBUST_LOSS, 4.1);
    bad.alpha = -1.0;
    EXPECT_CALIBRATE_ERROR(HERE, HRW_ALPHA, no_index, &bad, FN(sample), NULL, N, COUNT_OF, 4.0);
    bad = good;
    bad.worst_loss = 3.5;
    EXPECT_CALIBRATE_ERROR(HERE, HRW_WORST_LOSS, no_index, &bad, FN(sample), NULL, N, COUNT_OF, 4.0);
    losses[5] = (REAL)NAN;
    EXPECT_CALIBRATE_ERROR(HERE, HRW_NON_FINITE_LOSS, 5, &good, losses, NULL, N, COUNT_OF, 4.0);
    losses[2] = -1;
    EXPECT_CALIBRATE_ERROR(HERE, HRW_BASE_WEIGHTS, 2, &good, FN(sample), losses, N, COUNT_OF, 4.0);
    bad = options_of(0.0, -1.0, HRW_HD);
    CHECK(LIB(calibrate_alpha)(&bad, FN(sample), NULL, N, COUNT_OF, 4.0, weights, NULL, &r, NULL) == HRW_R);
    /* Without a report and a range. */
    CHECK(LIB(calibrate_r)(&good, FN(sample), NULL, N, COUNT_OF, 4.0, weights, NULL, &r, NULL) == HRW_OK);
}

static void FN(path_is_its_solutions)(void)
{
    static const double alphas[] = {0.0, 0.2}, rs[] = {0.5, 0.0, 0.1};
    enum { N = FN(SAMPLES), ALPHAS = COUNT(alphas), RS = COUNT(rs) };
    hrw_options options = options_of(-5.0, -5.0, HRW_HR);
    hrw_report reports[ALPHAS * RS], want, bad;
    REAL scratch[N], weights[N], losses[N];
    size_t i, j;

    for (i = 0; i < ALPHAS * RS; i++)
        reports[i] = poisoned_report(sizeof reports[i]);
    errno = ERRNO_MARK;
    CHECK(LIB(path)(&options, FN(sample), FN(sample_base), N, alphas, ALPHAS, rs, RS, scratch, reports) == HRW_OK);
    CHECK(errno == ERRNO_MARK);
    for (i = 0; i < ALPHAS; i++) {
        for (j = 0; j < RS; j++) {
            check_about("alpha %g, r %g", alphas[i], rs[j]);
            options.alpha = alphas[i];
            options.r = rs[j];
            SOLVE(HERE, &options, FN(sample), FN(sample_base), N, weights, &want);
            CHECK(memcmp(&reports[i * RS + j], &want, REPORT_BYTES) == 0);
        }
    }
    check_about("errors");
    CHECK(LIB(path)(&options, FN(sample), NULL, 0, alphas, ALPHAS, rs, RS, scratch, reports) == HRW_EMPTY);
    CHECK(LIB(path)(&options, FN(sample), NULL, N, NULL, ALPHAS, rs, RS, scratch, reports) == HRW_NULL_POINTER);
    CHECK(LIB(path)(&options, FN(sample), NULL, N, alphas, ALPHAS, NULL, RS, scratch, reports) == HRW_NULL_POINTER);
    CHECK(LIB(path)(&options, FN(sample), NULL, N, alphas, ALPHAS, rs, RS, NULL, reports) == HRW_NULL_POINTER);
    CHECK(LIB(path)(&options, FN(sample), NULL, N, alphas, ALPHAS, rs, RS, scratch, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(path)(&options, FN(sample), NULL, N, alphas, SIZE_MAX, rs, RS, scratch, reports) == HRW_OFFSETS);
    CHECK(LIB(path)(&options, FN(sample), NULL, N, &infinite, 1, rs, RS, scratch, reports) == HRW_ALPHA);
    CHECK(LIB(path)(&options, FN(sample), NULL, N, alphas, ALPHAS, &not_a_number, 1, scratch, reports) == HRW_R);
    CHECK(LIB(path)(&options, FN(sample), NULL, N, NULL, 0, NULL, 0, scratch, NULL) == HRW_OK);
    memcpy(losses, FN(sample), sizeof losses);
    CHECK(LIB(path)(&options, losses, NULL, N, alphas, ALPHAS, rs, RS, losses, reports) == HRW_OVERLAP);
    losses[1] = (REAL)NAN;
    bad = want = poisoned_report(sizeof want);
    want.bad_index = 1;
    CHECK(LIB(path)(&options, losses, NULL, N, alphas, 1, rs, 1, scratch, &bad) == HRW_NON_FINITE_LOSS);
    CHECK(memcmp(&bad, &want, REPORT_BYTES) == 0);
    reports[3].struct_size = 7;
    CHECK(LIB(path)(&options, FN(sample), NULL, N, alphas, ALPHAS, rs, RS, scratch, reports) == HRW_STRUCT_SIZE);
}

static void FN(running_worst_loss)(void)
{
    enum { N = FN(SAMPLES) };
    static const REAL low[2] = {1, -2}, masked[2] = {50, 1}, base[2] = {0, 1}, bad[2] = {60, (REAL)NAN};
    hrw_running_worst worst, before;
    double loss = 0.0;
    const double mark = 12.5;

    CHECK(hrw_running_worst_init(NULL, sizeof worst, 2) == HRW_NULL_POINTER);
    CHECK(hrw_running_worst_init(&worst, sizeof worst - 1, 2) == HRW_STRUCT_SIZE);
    CHECK(hrw_running_worst_init(&worst, sizeof worst, 2) == HRW_OK);
    errno = ERRNO_MARK;
    CHECK(LIB(running_worst_update)(&worst, FN(sample), NULL, N, &loss) == HRW_OK && loss == 4.0);
    CHECK(LIB(running_worst_update)(&worst, masked, base, 2, &loss) == HRW_OK && loss == 4.0);
    CHECK(LIB(running_worst_update)(&worst, low, NULL, 2, &loss) == HRW_OK && loss == 4.0);
    CHECK(LIB(running_worst_update)(&worst, low, NULL, 2, &loss) == HRW_OK && loss == 4.0);
    CHECK(LIB(running_worst_update)(&worst, low, NULL, 2, &loss) == HRW_OK && loss == 1.0);
    before = worst;
    loss = mark;
    CHECK(LIB(running_worst_update)(&worst, low, NULL, 0, &loss) == HRW_EMPTY);
    CHECK(LIB(running_worst_update)(NULL, low, NULL, 2, &loss) == HRW_NULL_POINTER);
    CHECK(LIB(running_worst_update)(&worst, NULL, NULL, 2, &loss) == HRW_NULL_POINTER);
    CHECK(LIB(running_worst_update)(&worst, low, NULL, 2, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(running_worst_update)(&worst, bad, NULL, 2, &loss) == HRW_NON_FINITE_LOSS);
    CHECK(LIB(running_worst_update)(&worst, low, low, 2, &loss) == HRW_BASE_WEIGHTS);
    CHECK(errno == ERRNO_MARK);
    CHECK(memcmp(&worst, &before, sizeof worst) == 0 && memcmp(&loss, &mark, sizeof loss) == 0);
    worst.struct_size = 1;
    CHECK(LIB(running_worst_update)(&worst, low, NULL, 2, &loss) == HRW_STRUCT_SIZE);
}
