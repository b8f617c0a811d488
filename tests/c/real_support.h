/* What the typed rules share: buffers with guard cells, calls that must fail, calls that must succeed.
 *
 * Files named real_*.h are included once per element type, through real.h: REAL is the type, LIB(weights) is
 * hrw_weights_f32 or hrw_weights_f64, and FN(name) names the twins of a function. */

/* Eight ordinary losses without ties; the largest is the second. */
enum { FN(SAMPLES) = 8 };
static const REAL FN(sample)[FN(SAMPLES)] = {1, 4, 2, 3, (REAL)0.5, (REAL)2.5, (REAL)3.5, (REAL)1.5};
static const REAL FN(sample_base)[FN(SAMPLES)] = {1, 2, 1, 3, 1, (REAL)0.5, 2, 4};

/* An output buffer between guard cells, all poisoned; `weights` points behind the first guard. */
enum { FN(GUARD) = 16 };
typedef struct {
    REAL *cells;
    REAL *weights;
    size_t n;
} FN(canvas);

static FN(canvas) FN(canvas_new)(size_t n)
{
    FN(canvas) canvas;
    canvas.n = n;
    canvas.cells = (REAL *)allocate((n + 2 * FN(GUARD)) * sizeof(REAL));
    canvas.weights = canvas.cells + FN(GUARD);
    memset(canvas.cells, POISON, (n + 2 * FN(GUARD)) * sizeof(REAL));
    return canvas;
}

static int FN(canvas_is_untouched)(const FN(canvas) * canvas)
{
    return all_bytes(canvas->cells, (canvas->n + 2 * FN(GUARD)) * sizeof(REAL), POISON);
}

static int FN(guards_are_untouched)(const FN(canvas) * canvas)
{
    const size_t guard = FN(GUARD) * sizeof(REAL);
    return all_bytes(canvas->cells, guard, POISON) && all_bytes(canvas->weights + canvas->n, guard, POISON);
}

static REAL *FN(copy)(const REAL *values, size_t n)
{
    REAL *copy = (REAL *)allocate(n * sizeof(REAL));
    memcpy(copy, values, n * sizeof(REAL));
    return copy;
}

/* Losses as an exponential distribution would give them; both element types get the same values. */
static REAL *FN(exponential_losses)(size_t n, uint64_t seed)
{
    REAL *losses = (REAL *)allocate(n * sizeof(REAL));
    size_t i;
    for (i = 0; i < n; i++)
        losses[i] = (REAL)(float)-log(next_uniform(&seed));
    return losses;
}

/* After an error: `weights` and its surroundings untouched, nothing of the report set but bad_index, errno kept; and the
 * same code without a report. */
static void FN(expect_error)(const char *file, int line, int32_t want, uint64_t want_index, const hrw_options *options,
                             const REAL *losses, const REAL *base, size_t n)
{
    FN(canvas) canvas = FN(canvas_new)(n);
    hrw_report report = poisoned_report(sizeof report);
    hrw_report want_report = report;
    int32_t code;

    want_report.bad_index = want_index;
    errno = ERRNO_MARK;
    code = LIB(weights)(options, losses, base, n, canvas.weights, &report);
    CHECK_FROM(file, line, errno == ERRNO_MARK);
    CHECK_FROM(file, line, code == want);
    CHECK_FROM(file, line, FN(canvas_is_untouched)(&canvas));
    CHECK_FROM(file, line, report.bad_index == want_index);
    report.bad_index = want_index;
    CHECK_FROM(file, line, memcmp(&report, &want_report, REPORT_BYTES) == 0);

    errno = ERRNO_MARK;
    code = LIB(weights)(options, losses, base, n, canvas.weights, NULL);
    CHECK_FROM(file, line, errno == ERRNO_MARK);
    CHECK_FROM(file, line, code == want);
    CHECK_FROM(file, line, FN(canvas_is_untouched)(&canvas));
    free(canvas.cells);
}

/* The claims of a report that can be recomputed from the weights alone. */
static void FN(check_report)(const char *file, int line, const hrw_options *options, const REAL *losses,
                             const REAL *base, size_t n, const REAL *weights, const hrw_report *report)
{
    double total = report->worst_weight, value = 0.0, squares = 0.0, largest = -infinite, scale = 0.0, tolerance;
    uint64_t zeros = 0;
    size_t i, wrongly_kept = 0, negative = 0;

    for (i = 0; i < n; i++) {
        const int masked = base != NULL && base[i] == 0;
        negative += !(weights[i] >= 0);
        total += (double)weights[i];
        squares += (double)weights[i] * (double)weights[i];
        if (masked)
            continue;
        if (weights[i] > 0)
            value += (double)weights[i] * (double)losses[i];
        zeros += weights[i] == 0;
        wrongly_kept += (double)losses[i] < report->trim_loss && weights[i] != 0;
        if ((double)losses[i] > largest)
            largest = (double)losses[i];
        if (fabs((double)losses[i]) > scale)
            scale = fabs((double)losses[i]);
    }
    if (!isnan(options->worst_loss)) {
        largest = options->worst_loss;
        if (fabs(largest) > scale)
            scale = fabs(largest);
    }
    if (report->worst_weight > 0)
        value += report->worst_weight * largest;
    tolerance = REPORT_TOLERANCE * scale;

    CHECK_FROM(file, line, report->struct_size == sizeof *report);
    CHECK_FROM(file, line, report->bad_index == no_index);
    CHECK_FROM(file, line, negative == 0);
    CHECK_FROM(file, line, near(total, 1.0, REPORT_TOLERANCE));
    CHECK_FROM(file, line, report->worst_loss == largest);
    CHECK_FROM(file, line, report->worst_weight >= 0.0);
    if (isnan(options->worst_loss))
        CHECK_FROM(file, line, report->worst_weight == 0.0);
    CHECK_FROM(file, line, near(report->robust_loss, value, tolerance));
    CHECK_FROM(file, line, report->robust_loss <= largest + tolerance);
    CHECK_FROM(file, line, report->dual_bound >= report->robust_loss - tolerance);
    CHECK_FROM(file, line, report->dual_bound <= report->robust_loss + tolerance);
    CHECK_FROM(file, line, report->kl >= 0.0 && report->kl <= options->r + 1e-9 * options->r + 1e-12);
    CHECK_FROM(file, line, report->tv >= 0.0 && report->tv <= options->alpha + 1e-12);
    CHECK_FROM(file, line, report->d_alpha >= 0.0 && report->d_r >= 0.0);
    CHECK_FROM(file, line, !isnan(report->eta) && report->eta >= largest - tolerance);
    CHECK_FROM(file, line, report->trimmed == zeros);
    CHECK_FROM(file, line, wrongly_kept == 0);
    CHECK_FROM(file, line, !isnan(report->trim_loss));
    if (zeros == 0 && options->alpha == 0.0)
        CHECK_FROM(file, line, report->trim_loss == -infinite);
    if (squares > 0)
        CHECK_FROM(file, line, near(report->effective_samples * squares, 1.0, 4.0 * REPORT_TOLERANCE));
    else
        CHECK_FROM(file, line, report->effective_samples == infinite);
}

/* A call that must succeed: inputs and guard cells untouched, errno kept, the report true, the report optional. */
static void FN(solve)(const char *file, int line, const hrw_options *options, const REAL *losses, const REAL *base,
                      size_t n, REAL *weights, hrw_report *report)
{
    FN(canvas) canvas = FN(canvas_new)(n), again = FN(canvas_new)(n);
    REAL *losses_before = FN(copy)(losses, n);
    REAL *base_before = base == NULL ? NULL : FN(copy)(base, n);
    const hrw_options options_before = *options;
    int32_t code;

    *report = poisoned_report(sizeof *report);
    errno = ERRNO_MARK;
    code = LIB(weights)(options, losses, base, n, canvas.weights, report);
    CHECK_FROM(file, line, errno == ERRNO_MARK);
    CHECK_FROM(file, line, code == HRW_OK);
    CHECK_FROM(file, line, FN(guards_are_untouched)(&canvas));
    CHECK_FROM(file, line, memcmp(losses, losses_before, n * sizeof(REAL)) == 0);
    if (base != NULL)
        CHECK_FROM(file, line, memcmp(base, base_before, n * sizeof(REAL)) == 0);
    CHECK_FROM(file, line, memcmp(options, &options_before, sizeof *options) == 0);
    if (code == HRW_OK)
        FN(check_report)(file, line, options, losses, base, n, canvas.weights, report);

    CHECK_FROM(file, line, LIB(weights)(options, losses, base, n, again.weights, NULL) == HRW_OK);
    CHECK_FROM(file, line, memcmp(again.cells, canvas.cells, (n + 2 * FN(GUARD)) * sizeof(REAL)) == 0);

    memcpy(weights, canvas.weights, n * sizeof(REAL));
    free(canvas.cells);
    free(again.cells);
    free(losses_before);
    free(base_before);
}

static void FN(expect_weights)(const char *file, int line, const REAL *got, const double *want, size_t n,
                               double tolerance)
{
    size_t i, wrong = 0;
    for (i = 0; i < n; i++)
        wrong += !near((double)got[i], want[i], tolerance);
    CHECK_FROM(file, line, wrong == 0);
}

#define EXPECT_ERROR FN(expect_error)
#define SOLVE FN(solve)
#define EXPECT_WEIGHTS FN(expect_weights)
