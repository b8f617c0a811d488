/* Which arguments are refused, with which code, and what is left behind. */

static void FN(null_pointers)(void)
{
    enum { N = FN(SAMPLES) };
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL weights[N], other[N];
    hrw_report report;

    EXPECT_ERROR(HERE, HRW_NULL_POINTER, no_index, NULL, FN(sample), NULL, N);
    EXPECT_ERROR(HERE, HRW_NULL_POINTER, no_index, NULL, FN(sample), FN(sample_base), N);
    EXPECT_ERROR(HERE, HRW_NULL_POINTER, no_index, &options, NULL, NULL, N);
    EXPECT_ERROR(HERE, HRW_NULL_POINTER, no_index, &options, NULL, FN(sample_base), N);
    EXPECT_ERROR(HERE, HRW_NULL_POINTER, no_index, NULL, NULL, NULL, N);

    report = poisoned_report(sizeof report);
    CHECK(LIB(weights)(&options, FN(sample), NULL, N, NULL, &report) == HRW_NULL_POINTER);
    CHECK(report.bad_index == no_index);
    CHECK(all_bytes(&report.robust_loss, offsetof(hrw_report, bad_index) - offsetof(hrw_report, robust_loss), POISON));
    CHECK(LIB(weights)(&options, FN(sample), NULL, N, NULL, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(weights)(NULL, NULL, NULL, N, NULL, NULL) == HRW_NULL_POINTER);

    /* base and report are optional, each for itself; the report does not change the weights. */
    SOLVE(HERE, &options, FN(sample), NULL, N, weights, &report);
    CHECK(LIB(weights)(&options, FN(sample), NULL, N, other, NULL) == HRW_OK);
    CHECK(memcmp(weights, other, sizeof weights) == 0);
    SOLVE(HERE, &options, FN(sample), FN(sample_base), N, weights, &report);
    CHECK(LIB(weights)(&options, FN(sample), FN(sample_base), N, other, NULL) == HRW_OK);
    CHECK(memcmp(weights, other, sizeof weights) == 0);
}

static void FN(empty_input)(void)
{
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    unsigned present;

    /* Every combination of NULL and valid pointers. */
    for (present = 0; present < 32; present++) {
        REAL losses[1] = {1}, base[1] = {1}, weights[1] = {7};
        hrw_report report = poisoned_report(sizeof report);
        const hrw_report before = report;
        int32_t code;
        check_about("pointers %u", present);
        errno = ERRNO_MARK;
        code = LIB(weights)(present & 1 ? &options : NULL, present & 2 ? losses : NULL, present & 4 ? base : NULL, 0,
                            present & 8 ? weights : NULL, present & 16 ? &report : NULL);
        CHECK(errno == ERRNO_MARK);
        CHECK(code == HRW_EMPTY);
        CHECK(losses[0] == 1 && base[0] == 1 && weights[0] == 7);
        /* Pointers mean nothing here, so the report need not be written; but it can say no more than this. */
        CHECK(report.bad_index == before.bad_index || report.bad_index == no_index);
        report.bad_index = before.bad_index;
        CHECK(memcmp(&report, &before, REPORT_BYTES) == 0);
    }
    {
        /* Empty vectors of other languages point nowhere in particular, and all to the same place. */
        REAL *const nowhere = (REAL *)(uintptr_t)sizeof(REAL);
        REAL same[1] = {3};
        CHECK(LIB(weights)(&options, nowhere, NULL, 0, nowhere, NULL) == HRW_EMPTY);
        CHECK(LIB(weights)(&options, nowhere, nowhere, 0, nowhere, NULL) == HRW_EMPTY);
        CHECK(LIB(weights)(&options, same, same, 0, same, NULL) == HRW_EMPTY);
        CHECK(same[0] == 3);
    }
}

static void FN(alpha_domain)(void)
{
    static const double bad[] = {NAN, -1.0, 2.0, INFINITY, -INFINITY, -DBL_MIN, 1.0 + DBL_EPSILON};
    static const double good[] = {0.0, -0.0, DBL_MIN, 0.5, 1.0 - DBL_EPSILON, 1.0};
    enum { N = FN(SAMPLES) };
    hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL weights[N];
    hrw_report report;
    size_t i;

    for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
        for (i = 0; i < COUNT(bad); i++) {
            check_about("alpha %g", bad[i]);
            options.alpha = bad[i];
            EXPECT_ERROR(HERE, HRW_ALPHA, no_index, &options, FN(sample), NULL, N);
        }
        for (i = 0; i < COUNT(good); i++) {
            check_about("alpha %g", good[i]);
            options.alpha = good[i];
            SOLVE(HERE, &options, FN(sample), NULL, N, weights, &report);
        }
    }
}

static void FN(r_domain)(void)
{
    static const double bad[] = {NAN, -1.0, -INFINITY, -DBL_MIN};
    static const double good[] = {0.0, -0.0, DBL_MIN, 1e-12, 1.0, 50.0, 1e6, DBL_MAX, INFINITY};
    enum { N = FN(SAMPLES) };
    hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL weights[N];
    hrw_report report;
    size_t i;

    for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
        for (i = 0; i < COUNT(bad); i++) {
            check_about("r %g", bad[i]);
            options.r = bad[i];
            EXPECT_ERROR(HERE, HRW_R, no_index, &options, FN(sample), NULL, N);
        }
        for (i = 0; i < COUNT(good); i++) {
            check_about("r %g", good[i]);
            options.r = good[i];
            SOLVE(HERE, &options, FN(sample), NULL, N, weights, &report);
        }
    }
}

static void FN(ordering_domain)(void)
{
    static const int32_t bad[] = {2, -1, 256, INT32_MAX, INT32_MIN};
    hrw_options options = options_of(0.05, 0.1, HRW_HD);
    size_t i;
    for (i = 0; i < COUNT(bad); i++) {
        options.ordering = bad[i];
        EXPECT_ERROR(HERE, HRW_ORDERING, no_index, &options, FN(sample), NULL, FN(SAMPLES));
    }
}

static void FN(threads_domain)(void)
{
    static const int32_t bad[] = {-1, -2, INT32_MIN};
    static const int32_t good[] = {0, 1, 2, 1000, INT32_MAX};
    enum { N = FN(SAMPLES) };
    hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL weights[N];
    hrw_report report;
    size_t i;

    for (i = 0; i < COUNT(bad); i++) {
        options.threads = bad[i];
        EXPECT_ERROR(HERE, HRW_THREADS, no_index, &options, FN(sample), NULL, N);
    }
    for (i = 0; i < COUNT(good); i++) {
        options.threads = good[i];
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &report);
    }
}

static void FN(worst_loss_domain)(void)
{
    enum { N = FN(SAMPLES) };
    hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL weights[N], masked[N], base[N];
    hrw_report report;
    size_t i;

    for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
        const double bad[] = {3.75, nextafter(4.0, 0.0), -1.0, infinite, -infinite};
        for (i = 0; i < COUNT(bad); i++) {
            check_about("%.17g", bad[i]);
            options.worst_loss = bad[i];
            EXPECT_ERROR(HERE, HRW_WORST_LOSS, no_index, &options, FN(sample), NULL, N);
        }
        options.worst_loss = not_a_number;
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &report);
        CHECK(report.worst_loss == 4.0);
        options.worst_loss = 4.0;
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &report);
        options.worst_loss = 1e300;
        SOLVE(HERE, &options, FN(sample), NULL, N, weights, &report);

        /* A masked loss has no say. */
        for (i = 0; i < N; i++) {
            masked[i] = FN(sample)[i];
            base[i] = 1;
        }
        masked[5] = 100;
        base[5] = 0;
        options.worst_loss = 4.0;
        SOLVE(HERE, &options, masked, base, N, weights, &report);
        CHECK(weights[5] == 0);
        options.worst_loss = not_a_number;
        SOLVE(HERE, &options, masked, base, N, weights, &report);
        CHECK(report.worst_loss == 4.0);
    }
}

static void FN(base_domain)(void)
{
    const REAL bad[] = {-1, -REAL_SMALLEST, (REAL)NAN, (REAL)INFINITY, -(REAL)INFINITY};
    enum { N = FN(SAMPLES) };
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL base[N];
    size_t i, j;

    for (i = 0; i < COUNT(bad); i++) {
        for (j = 0; j < N; j++) {
            check_about("%g at %lu", (double)bad[i], (unsigned long)j);
            memcpy(base, FN(sample_base), sizeof base);
            base[j] = bad[i];
            EXPECT_ERROR(HERE, HRW_BASE_WEIGHTS, j, &options, FN(sample), base, N);
            /* The first of two. */
            base[N - 1] = j == N - 1 ? bad[i] : (REAL)NAN;
            EXPECT_ERROR(HERE, HRW_BASE_WEIGHTS, j, &options, FN(sample), base, N);
        }
    }

    /* All zero: no single sample is to blame. */
    memset(base, 0, sizeof base);
    EXPECT_ERROR(HERE, HRW_BASE_WEIGHTS, no_index, &options, FN(sample), base, N);
    EXPECT_ERROR(HERE, HRW_BASE_WEIGHTS, no_index, &options, FN(sample), base, 1);
}

static void FN(loss_domain)(void)
{
    const REAL bad[] = {(REAL)NAN, (REAL)INFINITY, -(REAL)INFINITY};
    enum { N = FN(SAMPLES) };
    hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL losses[N], *many;
    size_t i, j;

    for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
        for (i = 0; i < COUNT(bad); i++) {
            for (j = 0; j < N; j++) {
                check_about("%g at %lu", (double)bad[i], (unsigned long)j);
                memcpy(losses, FN(sample), sizeof losses);
                losses[j] = bad[i];
                EXPECT_ERROR(HERE, HRW_NON_FINITE_LOSS, j, &options, losses, NULL, N);
                EXPECT_ERROR(HERE, HRW_NON_FINITE_LOSS, j, &options, losses, FN(sample_base), N);
                losses[N - 1] = j == N - 1 ? bad[i] : -(REAL)INFINITY;
                EXPECT_ERROR(HERE, HRW_NON_FINITE_LOSS, j, &options, losses, NULL, N);
            }
        }
    }

    /* The first is the first for every number of threads. */
    options.ordering = HRW_HD;
    many = FN(exponential_losses)(LARGE, 3);
    many[LARGE - 2] = (REAL)NAN;
    many[LARGE / 2] = (REAL)INFINITY;
    for (options.threads = 0; options.threads <= 3; options.threads++)
        EXPECT_ERROR(HERE, HRW_NON_FINITE_LOSS, LARGE / 2, &options, many, NULL, LARGE);
    many[12] = -(REAL)INFINITY;
    for (options.threads = 0; options.threads <= 3; options.threads++)
        EXPECT_ERROR(HERE, HRW_NON_FINITE_LOSS, 12, &options, many, NULL, LARGE);
    free(many);
}

static void FN(masked_samples)(void)
{
    const REAL losses[] = {(REAL)NAN, 1, (REAL)INFINITY, 0, -(REAL)INFINITY, -100, 100};
    const REAL base[] = {0, 2, 0, 6, -(REAL)0.0, 0, 0};
    enum { N = COUNT(losses) };
    const REAL kept_losses[] = {1, 0}, kept_base[] = {2, 6};
    hrw_options options = options_of(0.125, 0.1, HRW_HD);
    REAL weights[N], kept[2], bad_losses[N], one[N];
    hrw_report report, kept_report;
    size_t i;

    for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
        double want[N] = {0};
        SOLVE(HERE, &options, losses, base, N, weights, &report);
        SOLVE(HERE, &options, kept_losses, kept_base, 2, kept, &kept_report);
        want[1] = (double)kept[0];
        want[3] = (double)kept[1];
        EXPECT_WEIGHTS(HERE, weights, want, N, REAL_TOLERANCE);
        for (i = 0; i < N; i++)
            if (base[i] == 0)
                CHECK(weights[i] == 0);
        CHECK(report.worst_loss == 1.0);
        CHECK(report.trimmed == kept_report.trimmed);
        CHECK(near(report.robust_loss, kept_report.robust_loss, REPORT_TOLERANCE));

        /* The first loss that is not masked is named, not the first that is not finite. */
        memcpy(bad_losses, losses, sizeof losses);
        bad_losses[3] = (REAL)NAN;
        EXPECT_ERROR(HERE, HRW_NON_FINITE_LOSS, 3, &options, bad_losses, base, N);

        /* All but one. */
        memset(one, 0, sizeof one);
        one[5] = 3;
        SOLVE(HERE, &options, losses, one, N, weights, &report);
        memset(want, 0, sizeof want);
        want[5] = 1.0;
        EXPECT_WEIGHTS(HERE, weights, want, N, 0.0);
    }
}

/* `memory` holds the input at `input` and the output at `output`, both n long. */
static void FN(expect_overlap)(const char *file, int line, int as_base, size_t input, size_t output, int32_t want)
{
    enum { N = FN(SAMPLES), CELLS = 3 * N };
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL memory[CELLS], before[CELLS];
    const REAL *const behind = memory + output + N;
    size_t i;
    int32_t code;

    for (i = 0; i < CELLS; i++)
        memory[i] = (REAL)(1 + i % 5);
    memcpy(before, memory, sizeof memory);
    errno = ERRNO_MARK;
    if (as_base)
        code = LIB(weights)(&options, FN(sample), memory + input, N, memory + output, NULL);
    else
        code = LIB(weights)(&options, memory + input, NULL, N, memory + output, NULL);
    CHECK_FROM(file, line, errno == ERRNO_MARK);
    CHECK_FROM(file, line, code == want);
    if (want == HRW_OK) {
        CHECK_FROM(file, line, memcmp(memory, before, output * sizeof(REAL)) == 0);
        CHECK_FROM(file, line, memcmp(behind, before + output + N, (CELLS - output - N) * sizeof(REAL)) == 0);
    } else {
        CHECK_FROM(file, line, memcmp(memory, before, sizeof memory) == 0);
    }
}

static void FN(overlap)(void)
{
    enum { N = FN(SAMPLES) };
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL weights[N], copy[N], expected[N];
    hrw_report report;
    size_t input;
    int as_base;

    for (as_base = 0; as_base <= 1; as_base++) {
        for (input = 1; input < 2 * N; input++) {
            check_about("%s at %lu, weights at %d", as_base ? "base" : "losses", (unsigned long)input, (int)N);
            FN(expect_overlap)(HERE, as_base, input, N, HRW_OVERLAP);
        }
        /* Next to each other, on either side. */
        FN(expect_overlap)(HERE, as_base, 0, N, HRW_OK);
        FN(expect_overlap)(HERE, as_base, 2 * N, N, HRW_OK);
    }

    /* The report of an overlap. */
    memcpy(copy, FN(sample), sizeof copy);
    report = poisoned_report(sizeof report);
    CHECK(LIB(weights)(&options, copy, NULL, N, copy, &report) == HRW_OVERLAP);
    CHECK(memcmp(copy, FN(sample), sizeof copy) == 0);
    CHECK(report.bad_index == no_index);
    CHECK(all_bytes(&report.robust_loss, offsetof(hrw_report, bad_index) - offsetof(hrw_report, robust_loss), POISON));

    /* Two inputs may share memory. */
    SOLVE(HERE, &options, FN(sample), FN(sample), N, weights, &report);
    SOLVE(HERE, &options, FN(sample), copy, N, expected, &report);
    CHECK(memcmp(weights, expected, sizeof weights) == 0);
}

/* When everything is wrong, the header's order decides; each call has one thing less to complain about. */
static void FN(first_error_wins)(void)
{
    enum { N = 4 };
    hrw_options options = options_of(2.0, -1.0, 7);
    REAL losses[N] = {1, (REAL)NAN, 3, 2}, base[N] = {1, 1, -1, 1}, weights[N];
    hrw_report report = poisoned_report(3);

    options.struct_size = 7;
    options.threads = -1;
    options.worst_loss = infinite;
    CHECK(LIB(weights)(&options, losses, losses, 0, losses, &report) == HRW_EMPTY);
    CHECK(LIB(weights)(&options, losses, base, N, losses, &report) == HRW_STRUCT_SIZE);
    options.struct_size = sizeof options;
    CHECK(LIB(weights)(&options, losses, base, N, losses, &report) == HRW_STRUCT_SIZE);
    report.struct_size = sizeof report;
    CHECK(LIB(weights)(&options, NULL, base, N, losses, &report) == HRW_NULL_POINTER);
    CHECK(LIB(weights)(&options, losses, base, N, NULL, &report) == HRW_NULL_POINTER);
    CHECK(LIB(weights)(&options, losses, base, N, losses, &report) == HRW_ORDERING);
    options.ordering = HRW_HR;
    CHECK(LIB(weights)(&options, losses, base, N, losses, &report) == HRW_THREADS);
    options.threads = 1;
    CHECK(LIB(weights)(&options, losses, base, N, losses, &report) == HRW_OVERLAP);
    EXPECT_ERROR(HERE, HRW_ALPHA, no_index, &options, losses, base, N);
    options.alpha = 0.05;
    EXPECT_ERROR(HERE, HRW_R, no_index, &options, losses, base, N);
    options.r = 0.1;
    EXPECT_ERROR(HERE, HRW_WORST_LOSS, no_index, &options, losses, base, N);
    options.worst_loss = 2.5;
    EXPECT_ERROR(HERE, HRW_BASE_WEIGHTS, 2, &options, losses, base, N);
    base[2] = 1;
    EXPECT_ERROR(HERE, HRW_NON_FINITE_LOSS, 1, &options, losses, base, N);
    losses[1] = 0;
    EXPECT_ERROR(HERE, HRW_WORST_LOSS, no_index, &options, losses, base, N);
    losses[2] = 1;
    SOLVE(HERE, &options, losses, base, N, weights, &report);
}
