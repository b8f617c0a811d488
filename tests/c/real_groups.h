/* Weights over groups. */

enum { FN(GROUPS) = 4 };
/* The third group has no sample. */
static const uint32_t FN(groups)[FN(SAMPLES)] = {0, 1, 0, 3, 0, 3, 1, 0};

static void FN(groups_are_their_means)(void)
{
    enum { N = FN(SAMPLES), G = FN(GROUPS) };
    static const double base[G] = {1.0, 2.0, 5.0, 0.5};
    const double means[3] = {(1 + 2 + 0.5 + 1.5) / 4, (4 + 3.5) / 2, (3 + 2.5) / 2}, sizes[3] = {4, 2, 2};
    static const int of[N] = {0, 1, 0, 2, 0, 2, 1, 0};
    int32_t ordering, weighted;
    size_t i;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        for (weighted = 0; weighted < 2; weighted++) {
            const hrw_options options = options_of(0.05, 0.1, ordering);
            const double masses[3] = {weighted ? 1.0 : 4.0, 2.0, weighted ? 0.5 : 2.0};
            double want[3], table[3 * G];
            hrw_report report = poisoned_report(sizeof report), want_report = report;
            FN(canvas) canvas = FN(canvas_new)(N);
            check_about("ordering %d, base %d", (int)ordering, (int)weighted);
            CHECK(hrw_weights_f64(&options, means, masses, 3, want, &want_report) == HRW_OK);
            errno = ERRNO_MARK;
            CHECK(LIB(weights_groups)(&options, FN(sample), FN(groups), N, weighted ? base : NULL, G, canvas.weights,
                                      table, &report) == HRW_OK);
            CHECK(errno == ERRNO_MARK);
            CHECK(FN(guards_are_untouched)(&canvas));
            for (i = 0; i < N; i++)
                CHECK(near((double)canvas.weights[i], want[of[i]] / sizes[of[i]], REAL_TOLERANCE));
            for (i = 0; i < G; i++) {
                const size_t k = i == 3 ? 2 : i;
                CHECK(i == 2 ? isnan(table[i]) : near(table[i], means[k], 1e-15));
                CHECK(near(table[G + i], i == 2 ? 0.0 : want[k], 1e-12));
                CHECK(table[2 * G + i] == (i == 2 ? 0.0 : sizes[k]));
            }
            CHECK(near(report.robust_loss, want_report.robust_loss, 1e-12));
            CHECK(LIB(weights_groups)(&options, FN(sample), FN(groups), N, weighted ? base : NULL, G, canvas.weights,
                                      table, NULL) == HRW_OK);
            free(canvas.cells);
        }
    }
}

static void FN(groups_errors)(void)
{
    enum { N = FN(SAMPLES), G = FN(GROUPS) };
    const hrw_options good = options_of(0.05, 0.1, HRW_HD);
    hrw_options bad = good;
    static const double negative[G] = {1, 1, -1, 1}, empty_only[G] = {0, 0, 1, 0}, masked[G] = {1, 0, 1, 1};
    double table[3 * G], lying_over[3 * G + N];
    REAL losses[N];
    FN(canvas) canvas = FN(canvas_new)(N);
    hrw_report report = poisoned_report(sizeof report);
    REAL *weights = canvas.weights;

    errno = ERRNO_MARK;
    CHECK(LIB(weights_groups)(NULL, NULL, NULL, 0, NULL, 0, NULL, NULL, NULL) == HRW_EMPTY);
    CHECK(LIB(weights_groups)(NULL, FN(sample), FN(groups), N, NULL, G, weights, table, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(weights_groups)(&good, NULL, FN(groups), N, NULL, G, weights, table, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(weights_groups)(&good, FN(sample), NULL, N, NULL, G, weights, table, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, NULL, G, NULL, table, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, NULL, G, weights, NULL, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, NULL, SIZE_MAX / 2, weights, table, NULL) == HRW_OFFSETS);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, NULL, 3, weights, table, &report) == HRW_GROUP);
    CHECK(report.bad_index == 3);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, NULL, 0, weights, table, NULL) == HRW_GROUP);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, negative, G, weights, table, &report) == HRW_BASE_WEIGHTS);
    CHECK(report.bad_index == 2);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, empty_only, G, weights, table, &report) == HRW_BASE_WEIGHTS);
    CHECK(report.bad_index == no_index);
    memcpy(losses, FN(sample), sizeof losses);
    losses[6] = (REAL)INFINITY;
    CHECK(LIB(weights_groups)(&good, losses, FN(groups), N, NULL, G, weights, table, &report) == HRW_NON_FINITE_LOSS);
    CHECK(report.bad_index == 6);
    bad.alpha = 2.0;
    CHECK(LIB(weights_groups)(&bad, losses, FN(groups), N, NULL, G, weights, table, &report) == HRW_ALPHA);
    CHECK(report.bad_index == no_index);
    bad = good;
    bad.worst_loss = 3.0;
    CHECK(LIB(weights_groups)(&bad, FN(sample), FN(groups), N, NULL, G, weights, table, NULL) == HRW_WORST_LOSS);
    CHECK(LIB(weights_groups)(&good, losses, FN(groups), N, NULL, G, losses, table, NULL) == HRW_OVERLAP);
    memcpy(lying_over, losses, sizeof losses);
    CHECK(LIB(weights_groups)(&good, (REAL *)(void *)lying_over, FN(groups), N, NULL, G, weights, lying_over, NULL) == HRW_OVERLAP);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, NULL, G, (REAL *)(void *)lying_over, lying_over, NULL) == HRW_OVERLAP);
    CHECK(LIB(weights_groups)(&good, FN(sample), FN(groups), N, lying_over, G, weights, lying_over, NULL) == HRW_OVERLAP);
    CHECK(FN(canvas_is_untouched)(&canvas));
    CHECK(errno == ERRNO_MARK);
    CHECK(LIB(weights_groups)(&good, losses, FN(groups), N, masked, G, weights, table, NULL) == HRW_OK);
    CHECK(weights[1] == 0 && weights[6] == 0);
    free(canvas.cells);
}
