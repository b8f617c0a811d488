/* Answers that can be worked out another way. */

static void FN(no_budget_returns_the_base_weights)(void)
{
    const REAL losses[] = {1, 4, 2, 3};
    const REAL base[] = {1, 2, 3, 2}, scaled[] = {4, 8, 12, 8};
    const REAL largest[] = {REAL_LARGEST, REAL_LARGEST, REAL_LARGEST, REAL_LARGEST};
    const REAL smallest[] = {REAL_SMALLEST, REAL_SMALLEST, REAL_SMALLEST, REAL_SMALLEST};
    const double uniform[] = {0.25, 0.25, 0.25, 0.25}, want[] = {0.125, 0.25, 0.375, 0.25};
    const double thirds[] = {1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0};
    hrw_options options = options_of(0.0, 0.0, HRW_HD);
    REAL weights[4];
    hrw_report report;

    for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
        SOLVE(HERE, &options, losses, NULL, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, uniform, 4, 0.0);
        CHECK(near(report.robust_loss, 2.5, 1e-15));
        CHECK(report.kl == 0.0 && report.tv == 0.0 && report.trimmed == 0);
        CHECK(near(report.effective_samples, 4.0, 1e-14));

        SOLVE(HERE, &options, losses, base, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, want, 4, 0.0);
        CHECK(near(report.robust_loss, 2.625, 1e-15));
        SOLVE(HERE, &options, losses, scaled, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, want, 4, 0.0);

        /* Base weights whose sum overflows, or has one bit. */
        SOLVE(HERE, &options, losses, largest, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, uniform, 4, 0.0);
        SOLVE(HERE, &options, losses, smallest, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, uniform, 4, 0.0);

        SOLVE(HERE, &options, losses, NULL, 3, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, thirds, 3, REAL_TOLERANCE);
    }
}

static void FN(pure_trimming)(void)
{
    const REAL losses[] = {1, 4, 2, 3};
    const REAL tied[] = {1, 4, 1, 3}, base[] = {1, 1, 3, 3};
    const double whole[] = {0.0, 0.5, 0.25, 0.25};
    const double half[] = {0.125, 0.375, 0.25, 0.25};
    const double two[] = {0.0, 0.625, 0.125, 0.25};
    const double shared[] = {0.125, 0.5, 0.125, 0.25};
    const double shared_by_base[] = {0.0625, 0.375, 0.1875, 0.375};
    hrw_options options = options_of(0.25, 0.0, HRW_HD);
    REAL weights[4];
    hrw_report report;

    for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
        options.alpha = 0.25;
        SOLVE(HERE, &options, losses, NULL, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, whole, 4, 0.0);
        CHECK(near(report.robust_loss, 3.25, 1e-15));
        CHECK(report.trimmed == 1);
        CHECK(report.trim_loss >= 1.0 && report.trim_loss <= 2.0);
        CHECK(near(report.tv, 0.25, 1e-15) && report.kl == 0.0);

        options.alpha = 0.125;
        SOLVE(HERE, &options, losses, NULL, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, half, 4, 0.0);
        CHECK(near(report.robust_loss, 2.875, 1e-15));
        CHECK(near(report.d_alpha, 3.0, 1e-14));

        options.alpha = 0.375;
        SOLVE(HERE, &options, losses, NULL, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, two, 4, 0.0);
        CHECK(report.trimmed == 1);
        CHECK(report.trim_loss > 1.0 && report.trim_loss <= 2.0);
        CHECK(near(report.d_alpha, 2.0, 1e-14));

        /* Ties at the threshold lose the same fraction. */
        options.alpha = 0.25;
        SOLVE(HERE, &options, tied, NULL, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, shared, 4, 0.0);
        SOLVE(HERE, &options, tied, base, 4, weights, &report);
        EXPECT_WEIGHTS(HERE, weights, shared_by_base, 4, 0.0);
    }
}

static void FN(unlimited_budget)(void)
{
    const REAL losses[] = {1, 3, 2, 3};
    const REAL base[] = {1, 1, 1, 3};
    const double want[] = {0.0, 0.5, 0.0, 0.5}, want_base[] = {0.0, 0.25, 0.0, 0.75}, none[] = {0.0, 0.0, 0.0, 0.0};
    const double budgets[][2] = {{0.0, infinite}, {0.25, infinite}, {1.0, infinite},
                                 {1.0, 0.0},      {1.0, 0.1},       {1.0, 2.0}};
    REAL weights[4];
    hrw_report report;
    size_t i;
    int32_t ordering;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        for (i = 0; i < COUNT(budgets); i++) {
            hrw_options options = options_of(budgets[i][0], budgets[i][1], ordering);
            check_about("ordering %d, alpha %g, r %g", (int)ordering, budgets[i][0], budgets[i][1]);
            SOLVE(HERE, &options, losses, NULL, 4, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, want, 4, 0.0);
            CHECK(near(report.robust_loss, 3.0, 1e-15));
            SOLVE(HERE, &options, losses, base, 4, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, want_base, 4, 0.0);

            options.worst_loss = 10.0;
            SOLVE(HERE, &options, losses, NULL, 4, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, none, 4, 0.0);
            CHECK(report.worst_weight == 1.0 && near(report.robust_loss, 10.0, 1e-14));
        }
    }
}

static void FN(equal_losses)(void)
{
    const REAL losses[] = {2, 2, 2, 2}, zeros[] = {0, 0, 0, 0}, base[] = {1, 2, 3, 2};
    const double uniform[] = {0.25, 0.25, 0.25, 0.25}, want[] = {0.125, 0.25, 0.375, 0.25};
    const double budgets[][2] = {{0.0, 0.0}, {0.05, 0.0}, {0.0, 0.1}, {0.3, 2.0}, {1.0, 0.1}, {0.1, infinite}};
    REAL weights[4];
    hrw_report report;
    size_t i;
    int32_t ordering;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        for (i = 0; i < COUNT(budgets); i++) {
            const hrw_options options = options_of(budgets[i][0], budgets[i][1], ordering);
            check_about("ordering %d, alpha %g, r %g", (int)ordering, budgets[i][0], budgets[i][1]);
            SOLVE(HERE, &options, losses, NULL, 4, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, uniform, 4, 0.0);
            CHECK(near(report.robust_loss, 2.0, 1e-15));
            SOLVE(HERE, &options, losses, base, 4, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, want, 4, 0.0);
            SOLVE(HERE, &options, zeros, NULL, 4, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, uniform, 4, 0.0);
            CHECK(report.robust_loss == 0.0);
        }
    }
}

static void FN(single_sample)(void)
{
    const REAL losses[] = {1, (REAL)-2.5, REAL_LARGEST, 0};
    const REAL base[] = {7};
    const double one[] = {1.0};
    REAL weights[1];
    hrw_report report;
    size_t i;
    int32_t ordering;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        hrw_options options = options_of(0.25, 0.1, ordering);
        for (i = 0; i < COUNT(losses); i++) {
            SOLVE(HERE, &options, losses + i, NULL, 1, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, one, 1, 0.0);
            CHECK(report.robust_loss == (double)losses[i]);
            SOLVE(HERE, &options, losses + i, base, 1, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, one, 1, 0.0);
        }
    }
}

/* With two losses the problem is the Kullback-Leibler ball of two points. The answer depends on neither the offset nor the
 * scale of the losses. */
static void FN(two_losses)(void)
{
    const REAL pairs[][2] = {{0, 1},
                             {-3, 5},
                             {1000000, 1000001},
                             {0, (REAL)1e-30},
                             {0, (REAL)1e30},
                             {-REAL_LARGEST, REAL_LARGEST}};
    static const double masses[] = {0.5, 0.25, 0.75, 0.0625};
    static const double radii[] = {0.0, 1e-4, 0.01, 0.1, 1.0, 5.0};
    static const double alphas[] = {0.0, 0.125, 0.875};
    REAL weights[2];
    hrw_report report;
    size_t k, m, i, a;
    int32_t ordering;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        for (k = 0; k < COUNT(pairs); k++) {
            for (m = 0; m < COUNT(masses); m++) {
                for (i = 0; i < COUNT(radii); i++) {
                    for (a = 0; a < COUNT(alphas); a++) {
                        const hrw_options options = options_of(alphas[a], radii[i], ordering);
                        const REAL base[] = {(REAL)(1.0 - masses[m]), (REAL)masses[m]};
                        double top, want[2];
                        int exhausted; /* nothing is left below, not even what rounding hides */
                        if (ordering == HRW_HD)
                            top = two_point(masses[m] + alphas[a], radii[i]);
                        else
                            top = two_point(masses[m], radii[i]) + alphas[a];
                        exhausted = ordering == HRW_HD ? masses[m] + alphas[a] >= 1.0 : top >= 1.0;
                        if (top > 1.0)
                            top = 1.0;
                        want[0] = 1.0 - top;
                        want[1] = top;
                        check_about("losses %g and %g, ordering %d, mass %g, alpha %g, r %g",
                                    (double)pairs[k][0], (double)pairs[k][1], (int)ordering, masses[m], alphas[a], radii[i]);
                        SOLVE(HERE, &options, pairs[k], base, 2, weights, &report);
                        EXPECT_WEIGHTS(HERE, weights, want, 2, REAL_TOLERANCE);
                        if (exhausted) {
                            CHECK(weights[0] == 0 && weights[1] == 1);
                        } else {
                            CHECK(near(report.kl, radii[i], 1e-9 * radii[i] + 1e-14));
                            CHECK(near(report.tv, alphas[a], 1e-12));
                        }
                    }
                }
            }
        }
    }
}

/* HD cuts away exactly the smallest loss and leaves the two-point problem. */
static void FN(trimmed_to_two_losses)(void)
{
    const REAL losses[] = {1, 0, 2}, base[] = {1, 1, 2};
    const hrw_options options = options_of(0.25, 0.1, HRW_HD);
    const double top = two_point(0.75, 0.1);
    const double want[] = {1.0 - top, 0.0, top};
    REAL weights[3];
    hrw_report report;

    SOLVE(HERE, &options, losses, base, 3, weights, &report);
    EXPECT_WEIGHTS(HERE, weights, want, 3, REAL_TOLERANCE);
    CHECK(weights[1] == 0);
    CHECK(report.trimmed == 1);
    CHECK(report.trim_loss >= 0.0 && report.trim_loss <= 1.0);
    CHECK(near(report.robust_loss, 1.0 + top, REPORT_TOLERANCE));
}

/* A worst loss above the samples holds mass of its own. */
static void FN(given_worst_loss)(void)
{
    static const struct {
        double alpha, r;
    } budgets[] = {{0.25, 0.0}, {0.0, 0.1}, {0.25, 0.1}, {0.0, 3.0}, {0.95, 0.1}};
    const REAL one[] = {1}, two[] = {0, 1};
    REAL weights[2];
    hrw_report report;
    size_t i;
    int32_t ordering;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        for (i = 0; i < COUNT(budgets); i++) {
            const double alpha = budgets[i].alpha, r = budgets[i].r;
            hrw_options options = options_of(alpha, r, ordering);
            double want;
            check_about("ordering %d, alpha %g, r %g", (int)ordering, alpha, r);
            if (ordering == HRW_HD)
                want = 1.0 - two_point(alpha, r);
            else
                want = exp(-r) > alpha ? exp(-r) - alpha : 0.0;
            options.worst_loss = 3.0;
            SOLVE(HERE, &options, one, NULL, 1, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, &want, 1, REAL_TOLERANCE);
            CHECK(near(report.worst_weight, 1.0 - want, REAL_TOLERANCE));
            CHECK(near(report.robust_loss, 3.0 - 2.0 * want, REPORT_TOLERANCE * 3.0));

            /* As large as the largest loss: the upper sample and the worst case share what the upper one had. */
            options.worst_loss = 1.0;
            if (ordering == HRW_HD)
                want = 1.0 - two_point(0.5 + alpha < 1.0 ? 0.5 + alpha : 1.0, r);
            else
                want = 1.0 - two_point(0.5, r) > alpha ? 1.0 - two_point(0.5, r) - alpha : 0.0;
            SOLVE(HERE, &options, two, NULL, 2, weights, &report);
            EXPECT_WEIGHTS(HERE, weights, &want, 1, REAL_TOLERANCE);
            CHECK(near((double)weights[1] + report.worst_weight, 1.0 - want, REAL_TOLERANCE));
        }
    }
}

/* The optimality conditions of HD on an ordinary sample, with the trimmed distribution q worked out here: every weight is
 * proportional to q / (eta - loss), and KL(q || p) is r. */
static void FN(hd_optimality)(void)
{
    enum { N = FN(SAMPLES) };
    static const double alphas[] = {0.0, 0.05, 0.2, 0.4375};
    static const double radii[] = {1e-3, 0.1, 2.0};
    size_t a, k, i, j;

    for (a = 0; a < COUNT(alphas); a++) {
        for (k = 0; k < COUNT(radii); k++) {
            const hrw_options options = options_of(alphas[a], radii[k], HRW_HD);
            double q[N], left = alphas[a], kl = 0.0, spread = 0.0, level, here;
            REAL weights[N];
            hrw_report report;

            check_about("alpha %g, r %g", alphas[a], radii[k]);
            for (i = 0; i < N; i++)
                q[i] = 1.0 / N;
            while (left > 0.0) {
                double cut;
                for (i = 0, j = N; i < N; i++)
                    if (q[i] > 0.0 && (j == N || FN(sample)[i] < FN(sample)[j]))
                        j = i;
                cut = left < q[j] ? left : q[j];
                q[j] -= cut;
                left -= cut;
            }
            q[1] += alphas[a];

            SOLVE(HERE, &options, FN(sample), NULL, N, weights, &report);
            level = (double)weights[1] * (report.eta - (double)FN(sample)[1]) / q[1];
            for (i = 0; i < N; i++) {
                if (q[i] == 0.0) {
                    CHECK(weights[i] == 0);
                    continue;
                }
                kl += q[i] * log(q[i] / (double)weights[i]);
                here = (double)weights[i] * (report.eta - (double)FN(sample)[i]) / q[i];
                spread = fmax(spread, fabs(here / level - 1.0));
            }
            CHECK(spread <= 100.0 * REAL_TOLERANCE);
            CHECK(near(kl, radii[k], 10.0 * REAL_TOLERANCE));
            CHECK(near(report.kl, radii[k], 1e-9 * radii[k]));
            CHECK(near(report.tv, alphas[a], 1e-12));
        }
    }
}

/* check_report, over sizes around vector widths, with and without base weights, masks and a worst loss. */
static void FN(solutions_are_consistent)(void)
{
    static const size_t sizes[] = {2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 1000};
    static const double budgets[][2] = {{0.0, 0.1}, {0.05, 0.0}, {0.05, 0.1}, {0.4, 0.01}, {0.1, 2.0}, {0.9, 1.0}};
    size_t s, b, i;
    int32_t ordering;

    for (s = 0; s < COUNT(sizes); s++) {
        const size_t n = sizes[s];
        REAL *losses = FN(exponential_losses)(n, 11 + s);
        REAL *base = FN(exponential_losses)(n, 1000 + s);
        REAL *weights = (REAL *)allocate(n * sizeof(REAL));
        hrw_report report;
        for (i = 1; i < n; i += 5)
            base[i] = 0;
        for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
            for (b = 0; b < COUNT(budgets); b++) {
                hrw_options options = options_of(budgets[b][0], budgets[b][1], ordering);
                check_about("n %lu, ordering %d, alpha %g, r %g",
                            (unsigned long)n, (int)ordering, budgets[b][0], budgets[b][1]);
                SOLVE(HERE, &options, losses, NULL, n, weights, &report);
                SOLVE(HERE, &options, losses, base, n, weights, &report);
                options.worst_loss = 12.5;
                SOLVE(HERE, &options, losses, base, n, weights, &report);
            }
        }
        free(losses);
        free(base);
        free(weights);
    }
}

/* The derivatives of the report against central differences. */
static void FN(sensitivities)(void)
{
    enum { N = FN(SAMPLES) };
    /* Cubic error of the difference, and the rounding of the robust loss divided by the step. */
    const double step = sizeof(REAL) == sizeof(float) ? 1e-3 : 1e-5;
    const double tolerance = sizeof(REAL) == sizeof(float) ? 2e-3 : 1e-7;
    /* 0.3 of eight equal weights lies inside a sample. */
    const double alpha = 0.3, r = 0.2;
    REAL weights[N];
    int32_t ordering;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        hrw_options options = options_of(alpha, r, ordering);
        hrw_report here, above, below;
        check_about("ordering %d", (int)ordering);
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &here);
        options.alpha = alpha + step;
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &above);
        options.alpha = alpha - step;
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &below);
        CHECK(near(here.d_alpha, (above.robust_loss - below.robust_loss) / (2.0 * step), tolerance));
        options.alpha = alpha;
        options.r = r + step;
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &above);
        options.r = r - step;
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &below);
        CHECK(near(here.d_r, (above.robust_loss - below.robust_loss) / (2.0 * step), tolerance));
    }
}
