/* The certificate. */

static void FN(expect_certify_error)(const char *file, int line, int32_t want, const REAL *losses, size_t n,
                                     double alpha, double delta, double worst_loss)
{
    const double mark = 12.5;
    double bound = mark;
    errno = ERRNO_MARK;
    CHECK_FROM(file, line, LIB(certify)(losses, n, alpha, delta, worst_loss, &bound) == want);
    CHECK_FROM(file, line, errno == ERRNO_MARK);
    CHECK_FROM(file, line, memcmp(&bound, &mark, sizeof bound) == 0);
}

#define EXPECT_CERTIFY_ERROR FN(expect_certify_error)

static void FN(certify_null_pointers)(void)
{
    double bound = 0.0;
    EXPECT_CERTIFY_ERROR(HERE, HRW_NULL_POINTER, NULL, FN(SAMPLES), 0.05, 0.1, 5.0);
    CHECK(LIB(certify)(FN(sample), FN(SAMPLES), 0.05, 0.1, 5.0, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(certify)(NULL, FN(SAMPLES), 0.05, 0.1, 5.0, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(certify)(FN(sample), FN(SAMPLES), 0.05, 0.1, 5.0, &bound) == HRW_OK);
}

static void FN(certify_empty_input)(void)
{
    EXPECT_CERTIFY_ERROR(HERE, HRW_EMPTY, FN(sample), 0, 0.05, 0.1, 5.0);
    EXPECT_CERTIFY_ERROR(HERE, HRW_EMPTY, NULL, 0, 0.05, 0.1, 5.0);
    CHECK(LIB(certify)(FN(sample), 0, 0.05, 0.1, 5.0, NULL) == HRW_EMPTY);
    CHECK(LIB(certify)(NULL, 0, 0.05, 0.1, 5.0, NULL) == HRW_EMPTY);
}

static void FN(certify_errors)(void)
{
    static const double alphas[] = {NAN, -1.0, 2.0, INFINITY, -INFINITY};
    static const double deltas[] = {NAN, 0.0, -0.5, 1.0, 1.5, INFINITY, -INFINITY};
    const double worst_losses[] = {not_a_number, infinite, -infinite, 3.75, nextafter(4.0, 0.0)};
    const REAL bad[] = {(REAL)NAN, (REAL)INFINITY, -(REAL)INFINITY};
    enum { N = FN(SAMPLES) };
    REAL losses[N];
    size_t i;

    for (i = 0; i < COUNT(alphas); i++)
        EXPECT_CERTIFY_ERROR(HERE, HRW_ALPHA, FN(sample), N, alphas[i], 0.1, 5.0);
    for (i = 0; i < COUNT(deltas); i++)
        EXPECT_CERTIFY_ERROR(HERE, HRW_DELTA, FN(sample), N, 0.05, deltas[i], 5.0);
    for (i = 0; i < COUNT(worst_losses); i++)
        EXPECT_CERTIFY_ERROR(HERE, HRW_WORST_LOSS, FN(sample), N, 0.05, 0.1, worst_losses[i]);
    for (i = 0; i < COUNT(bad); i++) {
        memcpy(losses, FN(sample), sizeof losses);
        losses[6] = bad[i];
        EXPECT_CERTIFY_ERROR(HERE, HRW_NON_FINITE_LOSS, losses, N, 0.05, 0.1, 5.0);
    }

    /* When everything is wrong, the header's order decides. */
    EXPECT_CERTIFY_ERROR(HERE, HRW_EMPTY, NULL, 0, 2.0, 2.0, infinite);
    EXPECT_CERTIFY_ERROR(HERE, HRW_NULL_POINTER, NULL, N, 2.0, 2.0, infinite);
    EXPECT_CERTIFY_ERROR(HERE, HRW_DELTA, losses, N, 2.0, 2.0, infinite);
    EXPECT_CERTIFY_ERROR(HERE, HRW_ALPHA, losses, N, 2.0, 0.1, infinite);
    EXPECT_CERTIFY_ERROR(HERE, HRW_WORST_LOSS, losses, N, 0.05, 0.1, infinite);
    EXPECT_CERTIFY_ERROR(HERE, HRW_NON_FINITE_LOSS, losses, N, 0.05, 0.1, 0.0);
}

/* Losses of 0 and 1: a two-point problem, with the poisoned fraction moved from the zeros to the ones. */
static void FN(certify_closed_forms)(void)
{
    static const size_t ones[] = {0, 1, 7, 40, 64};
    static const double alphas[] = {0.0, 0.125, 0.5, 1.0};
    static const double deltas[] = {0.5, 0.1, 1e-3};
    enum { N = 64 };
    REAL losses[N];
    size_t k, a, d, i;

    for (k = 0; k < COUNT(ones); k++) {
        for (i = 0; i < N; i++)
            losses[(i * 13) % N] = i < ones[k];
        for (a = 0; a < COUNT(alphas); a++) {
            for (d = 0; d < COUNT(deltas); d++) {
                const double q = (double)ones[k] / N + alphas[a];
                const double want = two_point(q, certified_r(N, deltas[d]));
                double bound = -1.0;
                check_about("%lu ones of %d, alpha %g, delta %g",
                            (unsigned long)ones[k], (int)N, alphas[a], deltas[d]);
                errno = ERRNO_MARK;
                CHECK(LIB(certify)(losses, N, alphas[a], deltas[d], 1.0, &bound) == HRW_OK);
                CHECK(errno == ERRNO_MARK);
                CHECK(near(bound, want, 1e-12));
                CHECK(bound <= 1.0);
            }
        }
    }
}

/* The bound is what HD says for the certified radius, and never less than what its weights reach. */
static void FN(certify_is_the_hd_bound)(void)
{
    static const size_t sizes[] = {1, 2, 20, 333, 5000};
    static const double alphas[] = {0.0, 0.05, 0.3};
    const double worst_loss = 14.0, delta = 0.05;
    size_t s, a;

    for (s = 0; s < COUNT(sizes); s++) {
        const size_t n = sizes[s];
        REAL *losses = FN(exponential_losses)(n, 40 + s);
        REAL *weights = (REAL *)allocate(n * sizeof(REAL));
        for (a = 0; a < COUNT(alphas); a++) {
            hrw_options options = options_of(alphas[a], certified_r(n, delta), HRW_HD);
            hrw_report report;
            double bound = -1.0, again = -2.0;
            check_about("n %lu, alpha %g", (unsigned long)n, alphas[a]);
            options.worst_loss = worst_loss;
            SOLVE(HERE, &options, losses, NULL, n, weights, &report);
            CHECK(LIB(certify)(losses, n, alphas[a], delta, worst_loss, &bound) == HRW_OK);
            CHECK(near(bound, report.dual_bound, 1e-12 * worst_loss));
            CHECK(bound >= report.robust_loss - REPORT_TOLERANCE * worst_loss);
            CHECK(LIB(certify)(losses, n, alphas[a], delta, worst_loss, &again) == HRW_OK);
            CHECK(memcmp(&bound, &again, sizeof bound) == 0);
        }
        free(losses);
        free(weights);
    }
}
