/* Callers compiled against an older or a newer header. */

static void FN(options_sizes)(void)
{
    enum { N = FN(SAMPLES) };
    roomy_options room;
    size_t size;

    for (size = 0; size <= sizeof(hrw_options) + SPARE; size++) {
        const size_t exact_size = size < sizeof(size_t) ? sizeof(size_t) : size;
        const hrw_options options = options_of(0.05, 0.1, HRW_HD);
        hrw_options *exact = (hrw_options *)allocate(exact_size);
        FN(canvas) canvas = FN(canvas_new)(N);
        const int32_t want = is_options_size(size) ? HRW_OK : HRW_STRUCT_SIZE;

        check_about("size %lu", (unsigned long)size);
        memset(&room, POISON, sizeof room);
        memcpy(&room, &options, sizeof options);
        if (size < sizeof options)
            memset(room.bytes + size, POISON, sizeof room - size);
        room.options.struct_size = size;
        if (want == HRW_OK)
            CHECK(LIB(weights)(&room.options, FN(sample), NULL, N, canvas.weights, NULL) == HRW_OK);
        else
            EXPECT_ERROR(HERE, HRW_STRUCT_SIZE, no_index, &room.options, FN(sample), NULL, N);

        /* Exactly as much memory as struct_size says, so that a memory checker sees a read past it. */
        memcpy(exact, &room, exact_size);
        CHECK(LIB(weights)(exact, FN(sample), NULL, N, canvas.weights, NULL) == want);
        free(exact);
        free(canvas.cells);
    }
}

/* An older caller's structure ends where struct_size says; what lies behind it means nothing. */
static void FN(options_defaults_when_short)(void)
{
    enum { N = FN(SAMPLES) };
    const size_t through_r = END_OF(hrw_options, r);
    const size_t through_worst_loss = END_OF(hrw_options, worst_loss);
    const size_t through_ordering = END_OF(hrw_options, ordering);
    hrw_options options = options_of(0.2, 0.1, HRW_HD), full;
    REAL weights[N], want[N];
    hrw_report report;

    /* Values that would fail, or change the answer, if they were read. */
    options.worst_loss = 0.0;
    options.ordering = 77;
    options.threads = -5;
    full = options_of(0.2, 0.1, HRW_HD);
    SOLVE(HERE, &full, FN(sample), NULL, N, want, &report);

    options.struct_size = through_r;
    CHECK(LIB(weights)(&options, FN(sample), NULL, N, weights, NULL) == HRW_OK);
    CHECK(memcmp(weights, want, sizeof want) == 0);
    options.worst_loss = 9.0;
    options.ordering = HRW_HR;
    CHECK(LIB(weights)(&options, FN(sample), NULL, N, weights, NULL) == HRW_OK);
    CHECK(memcmp(weights, want, sizeof want) == 0);
    options.ordering = 77;

    options.struct_size = through_worst_loss;
    full.worst_loss = 9.0;
    SOLVE(HERE, &full, FN(sample), NULL, N, want, &report);
    CHECK(LIB(weights)(&options, FN(sample), NULL, N, weights, NULL) == HRW_OK);
    CHECK(memcmp(weights, want, sizeof want) == 0);
    options.worst_loss = 0.0;
    EXPECT_ERROR(HERE, HRW_WORST_LOSS, no_index, &options, FN(sample), NULL, N);
    options.worst_loss = 9.0;

    options.struct_size = through_ordering;
    EXPECT_ERROR(HERE, HRW_ORDERING, no_index, &options, FN(sample), NULL, N);
    options.ordering = HRW_HR;
    full.ordering = HRW_HR;
    SOLVE(HERE, &full, FN(sample), NULL, N, want, &report);
    CHECK(LIB(weights)(&options, FN(sample), NULL, N, weights, NULL) == HRW_OK);
    CHECK(memcmp(weights, want, sizeof want) == 0);

    options.struct_size = sizeof options;
    EXPECT_ERROR(HERE, HRW_THREADS, no_index, &options, FN(sample), NULL, N);
}

static void FN(report_sizes)(void)
{
    enum { N = FN(SAMPLES) };
    const hrw_options options = options_of(0.2, 0.1, HRW_HD);
    REAL want[N];
    hrw_report full;
    size_t size;

    SOLVE(HERE, &options, FN(sample), NULL, N, want, &full);
    for (size = 0; size <= sizeof(hrw_report) + SPARE; size++) {
        const size_t exact_size = size < sizeof(size_t) ? sizeof(size_t) : size;
        hrw_report *exact = (hrw_report *)allocate(exact_size);
        FN(canvas) canvas = FN(canvas_new)(N);
        roomy_report room, before;
        int32_t code;

        check_about("size %lu", (unsigned long)size);
        memset(&room, POISON, sizeof room);
        room.report.struct_size = size;
        before = room;
        memcpy(exact, &room, exact_size);
        code = LIB(weights)(&options, FN(sample), NULL, N, canvas.weights, &room.report);
        if (is_report_size(size)) {
            const size_t first = offsetof(hrw_report, robust_loss);
            const size_t fields = size < REPORT_BYTES ? size : REPORT_BYTES;
            CHECK(code == HRW_OK);
            CHECK(FN(guards_are_untouched)(&canvas));
            CHECK(memcmp(canvas.weights, want, sizeof want) == 0);
            CHECK(room.report.struct_size == size);
            CHECK(memcmp(room.bytes + first, (unsigned char *)&full + first, fields - first) == 0);
            CHECK(all_bytes(room.bytes + size, sizeof room - size, POISON));
        } else {
            CHECK(code == HRW_STRUCT_SIZE);
            CHECK(FN(canvas_is_untouched)(&canvas));
            CHECK(memcmp(&room, &before, sizeof room) == 0);
        }
        CHECK(LIB(weights)(&options, FN(sample), NULL, N, canvas.weights, exact) == code);
        free(exact);
        free(canvas.cells);
    }
}

/* An older report may have no room for bad_index. */
static void FN(report_sizes_on_error)(void)
{
    const hrw_options options = options_of(0.2, 0.1, HRW_HD);
    const REAL losses[] = {1, 2, (REAL)NAN, 4};
    size_t i;

    for (i = 0; i < COUNT(report_ends); i++) {
        const int has_index = report_ends[i] >= END_OF(hrw_report, bad_index);
        FN(canvas) canvas = FN(canvas_new)(COUNT(losses));
        roomy_report room, want;
        check_about("size %lu", (unsigned long)report_ends[i]);
        memset(&room, POISON, sizeof room);
        room.report.struct_size = report_ends[i];
        want = room;
        if (has_index)
            want.report.bad_index = 2;
        CHECK(LIB(weights)(&options, losses, NULL, COUNT(losses), canvas.weights, &room.report) == HRW_NON_FINITE_LOSS);
        CHECK(memcmp(&room, &want, sizeof room) == 0);
        CHECK(FN(canvas_is_untouched)(&canvas));
        free(canvas.cells);
    }
}
