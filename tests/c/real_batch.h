/* Many problems in one call: each row has the answer, to the bit, that it has by itself; and an error is an error of the
 * whole batch. */

/* A division of samples into rows: rows + 1 offsets. With cols it is a matrix, for hrw_weights_batch_*. */
typedef struct {
    size_t *offsets;
    size_t rows;
    size_t cols; /* 0: ragged */
} FN(division);

static FN(division) FN(matrix)(size_t rows, size_t cols)
{
    FN(division) division;
    size_t i;
    division.offsets = (size_t *)allocate((rows + 1) * sizeof(size_t));
    division.rows = rows;
    division.cols = cols;
    for (i = 0; i <= rows; i++)
        division.offsets[i] = i * cols;
    return division;
}

static FN(division) FN(ragged_rows)(const size_t *lengths, size_t rows)
{
    FN(division) division;
    size_t i;
    division.offsets = (size_t *)allocate((rows + 1) * sizeof(size_t));
    division.rows = rows;
    division.cols = 0;
    division.offsets[0] = 0;
    for (i = 0; i < rows; i++)
        division.offsets[i + 1] = division.offsets[i] + lengths[i];
    return division;
}

static int32_t FN(call_rows)(const hrw_options *options, const REAL *losses, const REAL *base,
                             const FN(division) * division, REAL *weights, hrw_report *reports)
{
    if (division->cols > 0)
        return LIB(weights_batch)(options, losses, base, division->rows, division->cols, weights, reports);
    return LIB(weights_ragged)(options, losses, base, division->offsets, division->rows, weights, reports);
}

/* Byte by byte, unlike an assignment, which may leave padding as it is. */
static void FN(poison_reports)(hrw_report *reports, size_t rows)
{
    size_t i;
    memset(reports, POISON, rows * sizeof *reports);
    for (i = 0; i < rows; i++)
        reports[i].struct_size = sizeof *reports;
}

/* One report more than there are rows: a guard. */
static hrw_report *FN(poisoned_reports)(size_t rows)
{
    hrw_report *reports = (hrw_report *)allocate((rows + 1) * sizeof(hrw_report));
    FN(poison_reports)(reports, rows);
    memset(reports + rows, POISON, sizeof *reports);
    return reports;
}

/* A batch that must succeed: for every number of threads the bits of its rows, with and without reports. */
static void FN(expect_rows)(const char *file, int line, hrw_options options, const REAL *losses, const REAL *base,
                            const FN(division) * division)
{
    static const int32_t threads[] = {1, 2, 0};
    const size_t rows = division->rows, n = division->offsets[rows];
    FN(canvas) want = FN(canvas_new)(n);
    hrw_report *want_reports = FN(poisoned_reports)(rows);
    size_t i, t, wrong = 0;

    options.threads = 1;
    for (i = 0; i < rows; i++) {
        const size_t start = division->offsets[i], length = division->offsets[i + 1] - start;
        if (length > 0)
            wrong += LIB(weights)(&options, losses + start, base == NULL ? NULL : base + start, length,
                                  want.weights + start, &want_reports[i]) != HRW_OK;
    }
    CHECK_FROM(file, line, wrong == 0);

    for (t = 0; t < COUNT(threads); t++) {
        FN(canvas) got = FN(canvas_new)(n);
        hrw_report *reports = FN(poisoned_reports)(rows);
        options.threads = threads[t];
        errno = ERRNO_MARK;
        CHECK_FROM(file, line, FN(call_rows)(&options, losses, base, division, got.weights, reports) == HRW_OK);
        CHECK_FROM(file, line, errno == ERRNO_MARK);
        CHECK_FROM(file, line, memcmp(got.cells, want.cells, (n + 2 * FN(GUARD)) * sizeof(REAL)) == 0);
        /* An empty row's report is as poisoned as it was. */
        for (i = 0, wrong = 0; i < rows; i++)
            wrong += memcmp(&reports[i], &want_reports[i], REPORT_BYTES) != 0;
        CHECK_FROM(file, line, wrong == 0);
        CHECK_FROM(file, line, all_bytes(&reports[rows], sizeof *reports, POISON));

        memset(got.weights, POISON, n * sizeof(REAL));
        CHECK_FROM(file, line, FN(call_rows)(&options, losses, base, division, got.weights, NULL) == HRW_OK);
        CHECK_FROM(file, line, memcmp(got.cells, want.cells, (n + 2 * FN(GUARD)) * sizeof(REAL)) == 0);
        free(got.cells);
        free(reports);
    }
    free(want.cells);
    free(want_reports);
}

/* With both orderings, without base weights and with some that mask every fourth sample but never a whole row. */
static void FN(expect_rows_in_every_way)(const char *file, int line, const FN(division) * division)
{
    const size_t rows = division->rows, n = division->offsets[rows];
    REAL *losses = FN(exponential_losses)(n, n);
    REAL *masked = FN(copy)(losses, n);
    REAL *base = (REAL *)allocate(n * sizeof(REAL));
    int32_t ordering;
    size_t i;

    for (i = 0; i < n; i++)
        base[i] = (REAL)(i % 4);
    for (i = 0; i < rows; i++)
        if (division->offsets[i] < division->offsets[i + 1])
            base[division->offsets[i]] = 1;
    for (i = 0; i < n; i++)
        if (base[i] == 0)
            masked[i] = (REAL)NAN;
    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        const hrw_options options = options_of(0.1, 0.2, ordering);
        FN(expect_rows)(file, line, options, losses, NULL, division);
        FN(expect_rows)(file, line, options, masked, base, division);
    }
    free(losses);
    free(masked);
    free(base);
}

/* After an error: the weights and their surroundings untouched, and of the reports nothing set but `want_index` in the
 * one of `bad_row`; where no sample is to blame, that may say so. */
static void FN(expect_rows_error)(const char *file, int line, int32_t want, size_t bad_row, uint64_t want_index,
                                  const hrw_options *options, const REAL *losses, const REAL *base,
                                  const FN(division) * division)
{
    const size_t rows = division->rows;
    FN(canvas) canvas = FN(canvas_new)(division->offsets[rows]);
    hrw_report *reports = FN(poisoned_reports)(rows), *before = FN(poisoned_reports)(rows);

    errno = ERRNO_MARK;
    CHECK_FROM(file, line, FN(call_rows)(options, losses, base, division, canvas.weights, reports) == want);
    CHECK_FROM(file, line, errno == ERRNO_MARK);
    CHECK_FROM(file, line, FN(canvas_is_untouched)(&canvas));
    if (want_index != no_index || reports[bad_row].bad_index == no_index)
        before[bad_row].bad_index = want_index;
    CHECK_FROM(file, line, reports[bad_row].bad_index == before[bad_row].bad_index);
    CHECK_FROM(file, line, memcmp(reports, before, (rows + 1) * sizeof *reports) == 0);

    CHECK_FROM(file, line, FN(call_rows)(options, losses, base, division, canvas.weights, NULL) == want);
    CHECK_FROM(file, line, FN(canvas_is_untouched)(&canvas));
    free(canvas.cells);
    free(reports);
    free(before);
}

static void FN(batch_is_its_rows)(void)
{
    FN(division) division;
    size_t cols;

    for (cols = 1; cols <= 130; cols++) {
        check_about("%lu columns", (unsigned long)cols);
        division = FN(matrix)(1 + cols % 5, cols);
        FN(expect_rows_in_every_way)(HERE, &division);
        free(division.offsets);
    }
    /* Enough samples for several threads: in many rows, and in two that are long by themselves. */
    check_about("many rows");
    division = FN(matrix)(LARGE / 130 + 1, 130);
    FN(expect_rows_in_every_way)(HERE, &division);
    free(division.offsets);
    check_about("long rows");
    division = FN(matrix)(2, LARGE);
    FN(expect_rows_in_every_way)(HERE, &division);
    free(division.offsets);
}

static void FN(ragged_is_its_rows)(void)
{
    enum { SHORT = 130, ROWS = 2 * SHORT + 6 };
    size_t lengths[ROWS], i;
    FN(division) division;

    /* Empty rows first, last and in the middle; a long one among short ones. */
    for (i = 0; i <= SHORT; i++) {
        lengths[i] = i;
        lengths[ROWS - 1 - i] = i;
    }
    lengths[SHORT + 1] = 0;
    lengths[SHORT + 2] = 2 * LARGE;
    lengths[SHORT + 3] = 0;
    lengths[SHORT + 4] = 0;
    division = FN(ragged_rows)(lengths, ROWS);
    FN(expect_rows_in_every_way)(HERE, &division);
    free(division.offsets);

    /* Rows of one length are a matrix. */
    for (i = 0; i < ROWS; i++)
        lengths[i] = 7;
    division = FN(ragged_rows)(lengths, ROWS);
    FN(expect_rows_in_every_way)(HERE, &division);
    free(division.offsets);
}

/* Nothing to do is no error, whatever the pointers to nothing. */
static void FN(batch_of_nothing)(void)
{
    static const size_t some_cols[] = {0, 1, 5, SIZE_MAX};
    static const size_t nowhere[] = {0, 0, 0, 0};
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    hrw_report reports[3], before[3];
    REAL weights[1] = {7};
    size_t i;

    FN(poison_reports)(reports, 3);
    FN(poison_reports)(before, 3);
    errno = ERRNO_MARK;
    for (i = 0; i < COUNT(some_cols); i++) {
        check_about("%lu columns", (unsigned long)some_cols[i]);
        CHECK(LIB(weights_batch)(&options, NULL, NULL, 0, some_cols[i], NULL, NULL) == HRW_OK);
        CHECK(LIB(weights_batch)(&options, FN(sample), FN(sample_base), 0, some_cols[i], weights, reports) == HRW_OK);
    }
    CHECK(LIB(weights_ragged)(&options, NULL, NULL, NULL, 0, NULL, NULL) == HRW_OK);
    CHECK(LIB(weights_ragged)(&options, FN(sample), FN(sample_base), nowhere, 0, weights, reports) == HRW_OK);
    CHECK(LIB(weights_ragged)(&options, NULL, NULL, nowhere, 3, NULL, NULL) == HRW_OK);
    CHECK(LIB(weights_ragged)(&options, FN(sample), FN(sample_base), nowhere, 3, weights, reports) == HRW_OK);
    CHECK(errno == ERRNO_MARK);
    CHECK(weights[0] == 7);
    CHECK(memcmp(reports, before, sizeof reports) == 0);
}

static void FN(batch_of_no_columns)(void)
{
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    hrw_report reports[2], before[2];
    unsigned present;

    FN(poison_reports)(reports, 2);
    FN(poison_reports)(before, 2);
    for (present = 0; present < 32; present++) {
        REAL losses[1] = {1}, base[1] = {1}, weights[1] = {7};
        check_about("pointers %u", present);
        errno = ERRNO_MARK;
        CHECK(LIB(weights_batch)(present & 1 ? &options : NULL, present & 2 ? losses : NULL, present & 4 ? base : NULL,
                                 2, 0, present & 8 ? weights : NULL, present & 16 ? reports : NULL) == HRW_EMPTY);
        CHECK(errno == ERRNO_MARK);
        CHECK(losses[0] == 1 && base[0] == 1 && weights[0] == 7);
        CHECK(memcmp(reports, before, sizeof reports) == 0);
    }
}

static void FN(batch_null_pointers)(void)
{
    static const size_t offsets[] = {0, 4, 8};
    enum { N = FN(SAMPLES) };
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    hrw_report reports[2], before[2];
    FN(canvas) canvas = FN(canvas_new)(N);
    REAL *const weights = canvas.weights;

    FN(poison_reports)(reports, 2);
    FN(poison_reports)(before, 2);
    errno = ERRNO_MARK;
    CHECK(LIB(weights_batch)(NULL, FN(sample), NULL, 2, 4, weights, reports) == HRW_NULL_POINTER);
    CHECK(LIB(weights_batch)(&options, NULL, NULL, 2, 4, weights, reports) == HRW_NULL_POINTER);
    CHECK(LIB(weights_batch)(&options, NULL, FN(sample_base), 2, 4, weights, reports) == HRW_NULL_POINTER);
    CHECK(LIB(weights_batch)(&options, FN(sample), NULL, 2, 4, NULL, reports) == HRW_NULL_POINTER);
    CHECK(LIB(weights_ragged)(NULL, FN(sample), NULL, offsets, 2, weights, reports) == HRW_NULL_POINTER);
    CHECK(LIB(weights_ragged)(&options, NULL, NULL, offsets, 2, weights, reports) == HRW_NULL_POINTER);
    CHECK(LIB(weights_ragged)(&options, FN(sample), NULL, NULL, 2, weights, reports) == HRW_NULL_POINTER);
    CHECK(LIB(weights_ragged)(&options, FN(sample), NULL, offsets, 2, NULL, reports) == HRW_NULL_POINTER);
    CHECK(errno == ERRNO_MARK);
    CHECK(FN(canvas_is_untouched)(&canvas));
    CHECK(memcmp(reports, before, sizeof reports) == 0);
    free(canvas.cells);
}

static void FN(batch_offsets)(void)
{
    static const size_t bad[][4] = {{1, 4, 6, 8}, {0, 5, 4, 8}, {0, 4, 8, 7}, {8, 8, 8, 8},
                                    {0, 0, 0, SIZE_MAX}, {0, SIZE_MAX, 4, 8}, {0, 1, 2, SIZE_MAX / sizeof(REAL) + 1}};
    static const size_t good[] = {0, 4, 8};
    static const size_t huge[][2] = {{SIZE_MAX, 2}, {SIZE_MAX / 2 + 1, 2}, {2, SIZE_MAX / 2 + 1}, {SIZE_MAX, SIZE_MAX},
                                     {SIZE_MAX / sizeof(REAL), 2}, {1, SIZE_MAX / sizeof(REAL) + 1}};
    enum { N = FN(SAMPLES) };
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    FN(canvas) canvas = FN(canvas_new)(N);
    hrw_report reports[3], before[3];
    size_t i;

    FN(poison_reports)(reports, 3);
    FN(poison_reports)(before, 3);
    errno = ERRNO_MARK;
    for (i = 0; i < COUNT(bad); i++) {
        check_about("offsets %lu", (unsigned long)i);
        CHECK(LIB(weights_ragged)(&options, FN(sample), NULL, bad[i], 3, canvas.weights, reports) == HRW_OFFSETS);
        CHECK(LIB(weights_ragged)(&options, FN(sample), FN(sample_base), bad[i], 3, canvas.weights, NULL) == HRW_OFFSETS);
    }
    /* More rows than there can be offsets. */
    CHECK(LIB(weights_ragged)(&options, FN(sample), NULL, good, SIZE_MAX, canvas.weights, NULL) == HRW_OFFSETS);
    for (i = 0; i < COUNT(huge); i++) {
        check_about("matrix %lu", (unsigned long)i);
        CHECK(LIB(weights_batch)(&options, FN(sample), NULL, huge[i][0], huge[i][1], canvas.weights, reports) ==
              HRW_OFFSETS);
    }
    CHECK(errno == ERRNO_MARK);
    CHECK(FN(canvas_is_untouched)(&canvas));
    CHECK(memcmp(reports, before, sizeof reports) == 0);
    free(canvas.cells);
}

/* What is wrong with the options is wrong with the batch. */
static void FN(batch_options)(void)
{
    const size_t lengths[] = {0, 3, 5};
    FN(division) divisions[2];
    size_t i;

    divisions[0] = FN(matrix)(2, 4);
    divisions[1] = FN(ragged_rows)(lengths, COUNT(lengths));
    for (i = 0; i < COUNT(divisions); i++) {
        const FN(division) *const division = &divisions[i];
        hrw_options bad = options_of(1.5, 0.1, HRW_HD);
        check_about("division %lu", (unsigned long)i);
        FN(expect_rows_error)(HERE, HRW_ALPHA, 0, no_index, &bad, FN(sample), NULL, division);
        bad = options_of(0.1, -1.0, HRW_HD);
        FN(expect_rows_error)(HERE, HRW_R, 0, no_index, &bad, FN(sample), NULL, division);
        bad = options_of(0.1, 0.1, 2);
        FN(expect_rows_error)(HERE, HRW_ORDERING, 0, no_index, &bad, FN(sample), NULL, division);
        bad = options_of(0.1, 0.1, HRW_HD);
        bad.threads = -1;
        FN(expect_rows_error)(HERE, HRW_THREADS, 0, no_index, &bad, FN(sample), NULL, division);
        bad = options_of(0.1, 0.1, HRW_HD);
        bad.struct_size = 17;
        FN(expect_rows_error)(HERE, HRW_STRUCT_SIZE, 0, no_index, &bad, FN(sample), NULL, division);
        bad = options_of(0.1, 0.1, HRW_HD);
        bad.worst_loss = infinite;
        FN(expect_rows_error)(HERE, HRW_WORST_LOSS, 0, no_index, &bad, FN(sample), NULL, division);
        free(division->offsets);
    }
}

/* Rows are checked in their order, whoever checks them, and before any of them is solved. */
static void FN(first_bad_row_wins)(void)
{
    enum { COLS = 100, ROWS = LARGE / COLS + 1, N = ROWS * COLS, MIDDLE = ROWS / 2 };
    static const int32_t threads[] = {1, 2, 0};
    static const size_t lengths[] = {3, 0, 5, LARGE, 0, 7};
    const size_t in_long = 8 + LARGE - 2, in_short = 8 + LARGE + 3;
    FN(division) matrix = FN(matrix)(ROWS, COLS), ragged = FN(ragged_rows)(lengths, COUNT(lengths));
    REAL *losses = FN(exponential_losses)(N, 51), *base = FN(exponential_losses)(N, 52);
    REAL *bad = FN(copy)(losses, N), *bad_base = FN(copy)(base, N);
    hrw_options options = options_of(0.1, 0.2, HRW_HD);
    size_t t, i;

    for (t = 0; t < COUNT(threads); t++) {
        options.threads = threads[t];
        check_about("threads %ld", (long)threads[t]);
        memcpy(bad, losses, N * sizeof(REAL));
        memcpy(bad_base, base, N * sizeof(REAL));

        bad[N - 1] = (REAL)NAN;
        FN(expect_rows_error)(HERE, HRW_NON_FINITE_LOSS, ROWS - 1, COLS - 1, &options, bad, NULL, &matrix);
        bad[MIDDLE * COLS + 7] = (REAL)INFINITY;
        bad[MIDDLE * COLS + 9] = (REAL)NAN;
        FN(expect_rows_error)(HERE, HRW_NON_FINITE_LOSS, MIDDLE, 7, &options, bad, NULL, &matrix);
        /* An earlier row wins, whatever is wrong with it. */
        bad_base[2 * COLS + 3] = -1;
        FN(expect_rows_error)(HERE, HRW_BASE_WEIGHTS, 2, 3, &options, bad, bad_base, &matrix);
        for (i = COLS; i < 2 * COLS; i++)
            bad_base[i] = 0;
        FN(expect_rows_error)(HERE, HRW_BASE_WEIGHTS, 1, no_index, &options, bad, bad_base, &matrix);
        bad[1] = 1000;
        options.worst_loss = 900.0;
        FN(expect_rows_error)(HERE, HRW_WORST_LOSS, 0, no_index, &options, bad, bad_base, &matrix);
        options.worst_loss = not_a_number;

        /* The short row behind a long one waits for it. */
        memcpy(bad, losses, N * sizeof(REAL));
        bad[in_short] = (REAL)NAN;
        FN(expect_rows_error)(HERE, HRW_NON_FINITE_LOSS, 5, 3, &options, bad, NULL, &ragged);
        bad[in_long] = (REAL)NAN;
        FN(expect_rows_error)(HERE, HRW_NON_FINITE_LOSS, 3, LARGE - 2, &options, bad, NULL, &ragged);
        bad[0] = -(REAL)INFINITY;
        FN(expect_rows_error)(HERE, HRW_NON_FINITE_LOSS, 0, 0, &options, bad, NULL, &ragged);
    }
    free(losses);
    free(base);
    free(bad);
    free(bad_base);
    free(matrix.offsets);
    free(ragged.offsets);
}

/* Any part of the output in any part of an input. */
static void FN(batch_overlap)(void)
{
    enum { N = FN(SAMPLES), CELLS = 3 * N };
    static const size_t offsets[] = {0, 3, 3, N};
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL memory[CELLS], before[CELLS];
    REAL *const weights = memory + N;
    hrw_report reports[3], reports_before[3];
    size_t i, input;

    for (i = 0; i < CELLS; i++)
        memory[i] = before[i] = (REAL)(1 + i % 5);
    FN(poison_reports)(reports, 3);
    FN(poison_reports)(reports_before, 3);
    errno = ERRNO_MARK;
    for (input = 1; input < 2 * N; input++) {
        const REAL *const other = memory + input;
        check_about("input at %lu, weights at %d", (unsigned long)input, (int)N);
        CHECK(LIB(weights_batch)(&options, other, NULL, 2, N / 2, weights, reports) == HRW_OVERLAP);
        CHECK(LIB(weights_batch)(&options, FN(sample), other, 2, N / 2, weights, reports) == HRW_OVERLAP);
        CHECK(LIB(weights_ragged)(&options, other, NULL, offsets, 3, weights, reports) == HRW_OVERLAP);
        CHECK(LIB(weights_ragged)(&options, FN(sample), other, offsets, 3, weights, reports) == HRW_OVERLAP);
    }
    CHECK(errno == ERRNO_MARK);
    CHECK(memcmp(memory, before, sizeof memory) == 0);
    CHECK(memcmp(reports, reports_before, sizeof reports) == 0);
    /* Next to each other, on either side. */
    CHECK(LIB(weights_batch)(&options, memory, memory + 2 * N, 2, N / 2, weights, NULL) == HRW_OK);
    CHECK(LIB(weights_ragged)(&options, memory + 2 * N, memory, offsets, 3, weights, NULL) == HRW_OK);
}

/* An older caller's reports are smaller, and so is their distance. */
static void FN(batch_report_sizes)(void)
{
    enum { ROWS = 4, COLS = 2, N = ROWS * COLS };
    static const size_t offsets[] = {0, 2, 4, 6, N};
    const size_t first = offsetof(hrw_report, robust_loss);
    const hrw_options options = options_of(0.2, 0.1, HRW_HD);
    REAL want[N], bad[N];
    hrw_report want_reports[ROWS];
    size_t i, size;
    int ragged;

    for (i = 0; i < ROWS; i++) {
        want_reports[i] = poisoned_report(sizeof *want_reports);
        CHECK(LIB(weights)(&options, FN(sample) + i * COLS, NULL, COLS, want + i * COLS, &want_reports[i]) == HRW_OK);
    }
    memcpy(bad, FN(sample), sizeof bad);
    bad[2 * COLS + 1] = (REAL)NAN;

    for (size = sizeof(size_t); size <= sizeof(hrw_report) + SPARE; size++) {
        const size_t fields = size < REPORT_BYTES ? size : REPORT_BYTES;
        for (ragged = 0; ragged <= 1; ragged++) {
            /* No more memory than the sizes say, so that a memory checker sees what goes beyond. */
            unsigned char *bytes = (unsigned char *)allocate(ROWS * size), *before = (unsigned char *)allocate(ROWS * size);
            hrw_report *const reports = (hrw_report *)(void *)bytes;
            FN(canvas) canvas = FN(canvas_new)(N);
            int32_t code;

            check_about("size %lu, %s", (unsigned long)size, ragged ? "ragged" : "matrix");
            memset(bytes, POISON, ROWS * size);
            for (i = 0; i < ROWS; i++)
                memcpy(bytes + i * size, &size, sizeof size);
            memcpy(before, bytes, ROWS * size);

            code = ragged ? LIB(weights_ragged)(&options, bad, NULL, offsets, ROWS, canvas.weights, reports)
                          : LIB(weights_batch)(&options, bad, NULL, ROWS, COLS, canvas.weights, reports);
            CHECK(code == (is_report_size(size) ? HRW_NON_FINITE_LOSS : HRW_STRUCT_SIZE));
            CHECK(FN(canvas_is_untouched)(&canvas));
            if (is_report_size(size) && size >= END_OF(hrw_report, bad_index)) {
                /* It may have no room for this. */
                const uint64_t bad_index = 1;
                memcpy(before + 2 * size + offsetof(hrw_report, bad_index), &bad_index, sizeof bad_index);
            }
            CHECK(memcmp(bytes, before, ROWS * size) == 0);

            code = ragged ? LIB(weights_ragged)(&options, FN(sample), NULL, offsets, ROWS, canvas.weights, reports)
                          : LIB(weights_batch)(&options, FN(sample), NULL, ROWS, COLS, canvas.weights, reports);
            if (is_report_size(size)) {
                CHECK(code == HRW_OK);
                CHECK(FN(guards_are_untouched)(&canvas));
                CHECK(memcmp(canvas.weights, want, sizeof want) == 0);
                for (i = 0; i < ROWS; i++) {
                    CHECK(memcmp(bytes + i * size, &size, sizeof size) == 0);
                    if (fields > first)
                        CHECK(memcmp(bytes + i * size + first, (unsigned char *)&want_reports[i] + first,
                                     fields - first) == 0);
                }
            } else {
                CHECK(code == HRW_STRUCT_SIZE);
                CHECK(FN(canvas_is_untouched)(&canvas));
                CHECK(memcmp(bytes, before, ROWS * size) == 0);
            }
            free(bytes);
            free(before);
            free(canvas.cells);
        }
    }
}

/* The distance of the reports is the size of the first one: all have to agree. */
static void FN(batch_reports_of_unequal_sizes)(void)
{
    enum { ROWS = 4, COLS = 2, N = ROWS * COLS };
    static const size_t offsets[] = {0, 2, 4, 6, N};
    const hrw_options options = options_of(0.2, 0.1, HRW_HD);
    hrw_report reports[ROWS], before[ROWS];
    FN(canvas) canvas = FN(canvas_new)(N);
    size_t other;

    for (other = 1; other < ROWS; other++) {
        FN(poison_reports)(reports, ROWS);
        reports[other].struct_size = END_OF(hrw_report, eta);
        memcpy(before, reports, sizeof before);
        check_about("report %lu", (unsigned long)other);
        CHECK(LIB(weights_batch)(&options, FN(sample), NULL, ROWS, COLS, canvas.weights, reports) == HRW_STRUCT_SIZE);
        CHECK(LIB(weights_ragged)(&options, FN(sample), NULL, offsets, ROWS, canvas.weights, reports) == HRW_STRUCT_SIZE);
        CHECK(memcmp(reports, before, sizeof reports) == 0);
        CHECK(FN(canvas_is_untouched)(&canvas));
    }
    free(canvas.cells);
}
