/* One problem over many participants: threads that call hrw_weights_sharded_*, and solvers stepped side by side. */

/* What one participant passes, and what became of it. */
typedef struct {
    pthread_t thread;
    seat seat;
    const hrw_options *options;
    const REAL *losses;
    const REAL *base;
    size_t n;
    REAL *weights;
    hrw_report report;
    hrw_report *report_pointer;
    int32_t code;
    int errno_kept;
} FN(participant);

/* A problem cut into participants, with one canvas for all the weights. */
typedef struct {
    FN(participant) ranks[MOST_RANKS];
    size_t count;
    FN(canvas) canvas;
} FN(party);

/* Where the samples are cut: some ranks have most of them, one has none. */
static size_t FN(cut)(size_t n, size_t rank, size_t ranks)
{
    static const double places[MOST_RANKS] = {0.0, 0.07, 0.07, 0.6, 0.65};
    if (rank == 0)
        return 0;
    return rank >= ranks ? n : (size_t)((double)n * (ranks == 2 ? 0.3 : places[rank]));
}

static void FN(invite)(FN(party) * party, size_t ranks, const hrw_options *options, const REAL *losses,
                       const REAL *base, size_t n)
{
    size_t rank;
    memset(party, 0, sizeof *party);
    party->count = ranks;
    party->canvas = FN(canvas_new)(n);
    for (rank = 0; rank < ranks; rank++) {
        FN(participant) *own = &party->ranks[rank];
        const size_t start = FN(cut)(n, rank, ranks);
        own->seat.rank = rank;
        own->options = options;
        own->n = FN(cut)(n, rank + 1, ranks) - start;
        /* Whoever has no sample may pass NULL. */
        own->losses = own->n == 0 ? NULL : losses + start;
        own->base = own->n == 0 || base == NULL ? NULL : base + start;
        own->weights = own->n == 0 ? NULL : party->canvas.weights + start;
        own->report = poisoned_report(sizeof own->report);
        own->report_pointer = &own->report;
    }
}

static void FN(part)(FN(party) * party)
{
    free(party->canvas.cells);
}

static void *FN(take_part)(void *argument)
{
    FN(participant) *own = (FN(participant) *)argument;
    errno = ERRNO_MARK;
    own->code = LIB(weights_sharded)(own->options, own->losses, own->base, own->n, own->weights, own->report_pointer,
                                     meet, &own->seat);
    own->errno_kept = errno == ERRNO_MARK;
    return NULL;
}

/* All of them at once, each on a thread of its own. */
static void FN(solve_together)(const char *file, int line, FN(party) * party, meeting *where)
{
    size_t rank;
    for (rank = 0; rank < party->count; rank++) {
        FN(participant) *own = &party->ranks[rank];
        own->seat.where = where;
        CHECK_FROM(file, line, pthread_create(&own->thread, NULL, FN(take_part), own) == 0);
    }
    for (rank = 0; rank < party->count; rank++) {
        CHECK_FROM(file, line, pthread_join(party->ranks[rank].thread, NULL) == 0);
        CHECK_FROM(file, line, party->ranks[rank].errno_kept);
    }
    CHECK_FROM(file, line, !where->unsound);
    CHECK_FROM(file, line, where->largest <= MOST_VALUES);
}

/* The weights and the report of a party are those of one machine. */
static void FN(expect_whole)(const char *file, int line, const FN(party) * party, const hrw_options *options,
                             const REAL *losses, const REAL *base, size_t n)
{
    REAL *want = (REAL *)allocate(n * sizeof(REAL));
    hrw_report report;
    double span, smallest = infinite;
    size_t i, rank, wrong = 0;

    SOLVE(file, line, options, losses, base, n, want, &report);
    for (i = 0; i < n; i++) {
        /* For float, FLT_EPSILON is one or two ulp. */
        const double tolerance = sizeof(REAL) == sizeof(float) ? FLT_EPSILON * (double)want[i] : 1e-13;
        wrong += !near((double)party->canvas.weights[i], (double)want[i], tolerance);
        if ((base == NULL || base[i] > 0) && (double)losses[i] < smallest)
            smallest = (double)losses[i];
    }
    CHECK_FROM(file, line, wrong == 0);
    CHECK_FROM(file, line, FN(guards_are_untouched)(&party->canvas));
    span = report.worst_loss - smallest;
    for (rank = 0; rank < party->count; rank++) {
        const hrw_report *own = &party->ranks[rank].report;
        CHECK_FROM(file, line, party->ranks[rank].code == HRW_OK);
        CHECK_FROM(file, line, memcmp(own, &party->ranks[0].report, REPORT_BYTES) == 0);
        CHECK_FROM(file, line, near(own->robust_loss, report.robust_loss, 2e-13 * span));
        CHECK_FROM(file, line, near(own->dual_bound, report.dual_bound, 1e-12 * span));
        CHECK_FROM(file, line, near(own->worst_weight, report.worst_weight, 1e-12));
        CHECK_FROM(file, line, own->worst_loss == report.worst_loss && own->trim_loss == report.trim_loss);
        CHECK_FROM(file, line, own->trimmed == report.trimmed && own->bad_index == no_index);
        CHECK_FROM(file, line, near(own->kl, report.kl, 1e-9 * (1.0 + report.kl)));
        CHECK_FROM(file, line, near(own->tv, report.tv, 1e-12));
        CHECK_FROM(file, line, near(own->effective_samples, report.effective_samples, 1e-6 * report.effective_samples));
    }
    free(want);
}

/* The solvers of a party, stepped side by side; between steps each moves to other memory, as if it had been sent.
 * Returns the number of messages. */
static size_t FN(step_together)(const char *file, int line, FN(party) * party)
{
    const size_t size = hrw_sharded_size();
    hrw_sharded *solvers[MOST_RANKS];
    double *values[MOST_RANKS];
    size_t rank, calls = 0, running;

    for (rank = 0; rank < party->count; rank++) {
        solvers[rank] = (hrw_sharded *)allocate(size);
        memset(solvers[rank], POISON, size);
        CHECK_FROM(file, line, hrw_sharded_init(solvers[rank], size) == HRW_OK);
    }
    for (;;) {
        size_t first_count = 0;
        int32_t first_op = 0;
        int unsound = 0;
        running = 0;
        for (rank = 0; rank < party->count; rank++) {
            FN(participant) *own = &party->ranks[rank];
            hrw_sharded *moved = (hrw_sharded *)allocate(size);
            size_t count = 12345;
            int32_t op = 12345;
            memcpy(moved, solvers[rank], size);
            memset(solvers[rank], POISON, size);
            free(solvers[rank]);
            solvers[rank] = moved;
            errno = ERRNO_MARK;
            own->code = LIB(sharded_step)(moved, own->options, own->losses, own->base, own->n, own->weights,
                                          own->report_pointer, &values[rank], &count, &op);
            CHECK_FROM(file, line, errno == ERRNO_MARK);
            if (own->code != HRW_OK || count == 0)
                continue;
            CHECK_FROM(file, line, count <= MOST_VALUES);
            CHECK_FROM(file, line, (const char *)values[rank] >= (const char *)moved &&
                                       (const char *)(values[rank] + count) <= (const char *)moved + size);
            if (running++ == 0) {
                first_count = count;
                first_op = op;
            }
            CHECK_FROM(file, line, count == first_count && op == first_op);
        }
        /* All stop at the same step. */
        CHECK_FROM(file, line, running == 0 || running == party->count);
        if (running != party->count)
            break;
        join(values, party->count, first_count, first_op, &unsound);
        CHECK_FROM(file, line, !unsound);
        if (++calls > 100)
            break;
    }
    for (rank = 0; rank < party->count; rank++)
        free(solvers[rank]);
    return calls;
}

/* Both forms, of one problem over so many ranks. */
static void FN(expect_sharded)(const char *file, int line, size_t ranks, const hrw_options *options, const REAL *losses,
                               const REAL *base, size_t n)
{
    FN(party) threads, steps;
    meeting where;
    size_t calls;

    meeting_open(&where, ranks);
    FN(invite)(&threads, ranks, options, losses, base, n);
    FN(solve_together)(file, line, &threads, &where);
    FN(expect_whole)(file, line, &threads, options, losses, base, n);
    CHECK_FROM(file, line, where.round <= MOST_CALLS);

    FN(invite)(&steps, ranks, options, losses, base, n);
    calls = FN(step_together)(file, line, &steps);
    CHECK_FROM(file, line, calls == where.round);
    CHECK_FROM(file, line, memcmp(steps.canvas.cells, threads.canvas.cells, (n + 2 * FN(GUARD)) * sizeof(REAL)) == 0);
    CHECK_FROM(file, line, memcmp(&steps.ranks[0].report, &threads.ranks[0].report, REPORT_BYTES) == 0);
    meeting_close(&where);
    FN(part)(&threads);
    FN(part)(&steps);
}

static void FN(sharded_is_the_whole)(void)
{
    static const size_t ranks[] = {1, 2, 5};
    static const double alphas[] = {0.0, 0.05, 0.4};
    static const double radii[] = {0.0, 1e-6, 0.1, 3.0};
    enum { N = 1003 };
    REAL *losses = FN(exponential_losses)(N, 21);
    REAL *base = FN(exponential_losses)(N, 22);
    int32_t ordering;
    size_t k, a, j, i;

    for (i = 0; i < N; i++) {
        if (i % 7 == 3)
            base[i] = 0;
        if (i % 5 == 1)
            losses[i] = losses[i / 2];
    }
    for (k = 0; k < COUNT(ranks); k++) {
        for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
            for (a = 0; a < COUNT(alphas); a++) {
                for (j = 0; j < COUNT(radii); j++) {
                    /* Plain, with base weights, with a worst loss: in turn. */
                    const size_t kind = (a + j + (size_t)ordering) % 3;
                    hrw_options options = options_of(alphas[a], radii[j], ordering);
                    check_about("%lu ranks, ordering %d, alpha %g, r %g, kind %lu", (unsigned long)ranks[k],
                                (int)ordering, alphas[a], radii[j], (unsigned long)kind);
                    if (kind == 2)
                        options.worst_loss = 20.0;
                    FN(expect_sharded)(HERE, ranks[k], &options, losses, kind == 1 ? base : NULL, N);
                }
            }
        }
    }
    /* A few samples, most ranks without one. */
    for (i = 1; i <= FN(SAMPLES); i++) {
        const hrw_options options = options_of(0.1, 0.2, HRW_HD);
        check_about("%lu samples", (unsigned long)i);
        FN(expect_sharded)(HERE, 5, &options, FN(sample), FN(sample_base), i);
    }
    free(losses);
    free(base);
}

/* The threads of a participant are its own business, and change no bit. */
static void FN(sharded_threads)(void)
{
    REAL *losses = FN(exponential_losses)(LARGE, 23);
    const hrw_options one = options_of(0.05, 0.1, HRW_HD);
    hrw_options three = one;
    FN(party) want, got;
    meeting where;
    size_t rank;

    three.threads = 3;
    meeting_open(&where, 2);
    FN(invite)(&want, 2, &one, losses, NULL, LARGE);
    FN(solve_together)(HERE, &want, &where);
    FN(expect_whole)(HERE, &want, &one, losses, NULL, LARGE);
    FN(invite)(&got, 2, &one, losses, NULL, LARGE);
    got.ranks[1].options = &three;
    FN(solve_together)(HERE, &got, &where);
    for (rank = 0; rank < 2; rank++)
        CHECK(memcmp(&got.ranks[rank].report, &want.ranks[rank].report, REPORT_BYTES) == 0);
    CHECK(memcmp(got.canvas.cells, want.canvas.cells, (LARGE + 2 * FN(GUARD)) * sizeof(REAL)) == 0);
    meeting_close(&where);
    FN(part)(&want);
    FN(part)(&got);
    free(losses);
}

/* Ones stand in for the base weights of whoever passes none. */
static void FN(sharded_base_of_some)(void)
{
    const hrw_options options = options_of(0.1, 0.2, HRW_HR);
    REAL base[FN(SAMPLES)];
    FN(party) party;
    meeting where;
    size_t i, first;

    meeting_open(&where, 2);
    FN(invite)(&party, 2, &options, FN(sample), FN(sample_base), FN(SAMPLES));
    first = party.ranks[0].n;
    party.ranks[1].base = NULL;
    for (i = 0; i < FN(SAMPLES); i++)
        base[i] = i < first ? FN(sample_base)[i] : 1;
    FN(solve_together)(HERE, &party, &where);
    FN(expect_whole)(HERE, &party, &options, FN(sample), base, FN(SAMPLES));
    meeting_close(&where);
    FN(part)(&party);
}

/* All end in the first round with this code, the one at fault with this index; nothing is written. */
static void FN(expect_refusal)(const char *file, int line, FN(party) * party, size_t culprit, int32_t want,
                               uint64_t want_index)
{
    meeting where;
    int form;

    meeting_open(&where, party->count);
    for (form = 0; form < 2; form++) {
        size_t rank, rounds;
        if (form == 0) {
            FN(solve_together)(file, line, party, &where);
            rounds = where.round;
        } else {
            rounds = FN(step_together)(file, line, party);
        }
        CHECK_FROM(file, line, rounds == 1);
        for (rank = 0; rank < party->count; rank++) {
            FN(participant) *own = &party->ranks[rank];
            hrw_report before = poisoned_report(own->report.struct_size);
            CHECK_FROM(file, line, own->code == want);
            before.bad_index = own->report.bad_index;
            CHECK_FROM(file, line, memcmp(&own->report, &before, REPORT_BYTES) == 0);
            if (rank == culprit && want_index != no_index)
                CHECK_FROM(file, line, own->report.bad_index == want_index);
            else if (own->report.struct_size == sizeof before && own->report_pointer != NULL)
                CHECK_FROM(file, line, own->report.bad_index == no_index);
            own->report = poisoned_report(own->report.struct_size);
        }
        CHECK_FROM(file, line, FN(canvas_is_untouched)(&party->canvas));
    }
    meeting_close(&where);
    FN(part)(party);
}

#define REFUSED(culprit, want, want_index, change)                          \
    do {                                                                    \
        FN(participant) * own;                                              \
        FN(invite)(&party, 3, &good, losses, base, N);                      \
        own = &party.ranks[culprit];                                        \
        bad = good;                                                         \
        change;                                                             \
        FN(expect_refusal)(HERE, &party, culprit, want, want_index);        \
    } while (0)

/* What is wrong with one is told to all in the first round. */
static void FN(sharded_errors)(void)
{
    enum { N = 60 };
    const hrw_options good = options_of(0.05, 0.1, HRW_HD);
    REAL *losses = FN(exponential_losses)(N, 24), *base = FN(exponential_losses)(N, 25), *wrong;
    hrw_options bad;
    FN(party) party;
    size_t culprit;

    for (culprit = 0; culprit < 3; culprit++) {
        check_about("rank %lu", (unsigned long)culprit);
        if (culprit != 1) { /* Which has no sample. */
            REFUSED(culprit, HRW_NULL_POINTER, no_index, own->losses = NULL);
            REFUSED(culprit, HRW_NULL_POINTER, no_index, own->weights = NULL);
            wrong = FN(copy)(losses + FN(cut)(N, culprit, 3), party.ranks[culprit].n);
            wrong[3] = (REAL)NAN;
            REFUSED(culprit, HRW_NON_FINITE_LOSS, 3, own->losses = wrong);
            wrong[3] = -1;
            REFUSED(culprit, HRW_BASE_WEIGHTS, 3, own->base = wrong);
            free(wrong);
            wrong = FN(copy)(losses, N);
            FN(invite)(&party, 3, &good, wrong, NULL, N);
            free(party.canvas.cells);
            /* The output is the input, which must then stay as it is. */
            party.canvas = FN(canvas_new)(N);
            party.ranks[culprit].weights = wrong + FN(cut)(N, culprit, 3);
            FN(expect_refusal)(HERE, &party, culprit, HRW_OVERLAP, no_index);
            CHECK(memcmp(wrong, losses, N * sizeof(REAL)) == 0);
            free(wrong);
        }
        REFUSED(culprit, HRW_NULL_POINTER, no_index, own->options = NULL);
        REFUSED(culprit, HRW_STRUCT_SIZE, no_index, (bad.struct_size = 3, own->options = &bad));
        REFUSED(culprit, HRW_STRUCT_SIZE, no_index, own->report.struct_size = 3);
        REFUSED(culprit, HRW_ALPHA, no_index, (bad.alpha = NAN, own->options = &bad));
        REFUSED(culprit, HRW_R, no_index, (bad.r = -1.0, own->options = &bad));
        REFUSED(culprit, HRW_ORDERING, no_index, (bad.ordering = 7, own->options = &bad));
        REFUSED(culprit, HRW_THREADS, no_index, (bad.threads = -1, own->options = &bad));
        REFUSED(culprit, HRW_WORST_LOSS, no_index, (bad.worst_loss = INFINITY, own->options = &bad));
        /* They disagree. */
        REFUSED(culprit, HRW_ALPHA, no_index, (bad.alpha = 0.06, own->options = &bad));
        REFUSED(culprit, HRW_R, no_index, (bad.r = INFINITY, own->options = &bad));
        REFUSED(culprit, HRW_ORDERING, no_index, (bad.ordering = HRW_HR, own->options = &bad));
        REFUSED(culprit, HRW_WORST_LOSS, no_index, (bad.worst_loss = 50.0, own->options = &bad));
        /* Without a report there is nothing to tell it with. */
        REFUSED(culprit, HRW_ALPHA, no_index, (bad.alpha = 2.0, own->options = &bad, own->report_pointer = NULL));
    }
    check_about("%s", "all");
    for (culprit = 0; culprit < 2; culprit++) {
        size_t rank;
        FN(invite)(&party, 3, &good, losses, base, N);
        memset(base, 0, N * sizeof(REAL));
        for (rank = 0; rank < 3; rank++)
            if (culprit == 1)
                party.ranks[rank].n = 0;
        FN(expect_refusal)(HERE, &party, NEVER, culprit == 1 ? HRW_EMPTY : HRW_BASE_WEIGHTS, no_index);
    }
    bad = good;
    bad.worst_loss = 0.001;
    FN(invite)(&party, 3, &bad, losses, NULL, N);
    FN(expect_refusal)(HERE, &party, NEVER, HRW_WORST_LOSS, no_index);
    free(losses);
    free(base);
}

/* Whenever the all-reduce fails, and on whichever rank, all end with HRW_REDUCE. */
static void FN(sharded_reduce_fails)(void)
{
    enum { N = 300 };
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL *losses = FN(exponential_losses)(N, 26);
    size_t rank, round;
    int done = 0;

    for (round = 0; !done && round < 30; round++) {
        for (rank = 0; rank < 3; rank++) {
            FN(party) party;
            meeting where;
            size_t i, lucky = 0;
            check_about("rank %lu fails in round %lu", (unsigned long)rank, (unsigned long)round);
            meeting_open(&where, 3);
            where.fail_rank = rank;
            where.fail_round = round;
            FN(invite)(&party, 3, &options, losses, NULL, N);
            FN(solve_together)(HERE, &party, &where);
            for (i = 0; i < 3; i++) {
                const hrw_report before = poisoned_report(sizeof before);
                if (party.ranks[i].code == HRW_OK) {
                    lucky++;
                    continue;
                }
                CHECK(party.ranks[i].code == HRW_REDUCE);
                party.ranks[i].report.bad_index = before.bad_index;
                CHECK(memcmp(&party.ranks[i].report, &before, REPORT_BYTES) == 0);
            }
            /* In the end there is no such round. */
            CHECK(lucky == 0 || lucky == 3);
            done |= lucky == 3;
            CHECK(FN(guards_are_untouched)(&party.canvas));
            meeting_close(&where);
            FN(part)(&party);
        }
    }
    CHECK(done && round >= 4 && round <= MOST_CALLS + 1);
    free(losses);
}

/* The memory of a solver, and the pointers that only one participant has. */
static void FN(sharded_pointers)(void)
{
    const hrw_options options = options_of(0.05, 0.1, HRW_HD);
    const size_t size = hrw_sharded_size();
    char *memory = (char *)allocate(size + 16);
    hrw_sharded *solver = (hrw_sharded *)(void *)memory;
    REAL weights[FN(SAMPLES)];
    double *values = NULL;
    size_t count = 77;
    int32_t op = 77;

    memset(weights, POISON, sizeof weights);
    CHECK(LIB(weights_sharded)(&options, FN(sample), NULL, FN(SAMPLES), weights, NULL, NULL, NULL) == HRW_NULL_POINTER);
    CHECK(all_bytes(weights, sizeof weights, POISON));

    CHECK(size % sizeof(double) == 0 && size <= 128 * 1024);
    memset(memory, POISON, size + 16);
    CHECK(hrw_sharded_init(NULL, size) == HRW_NULL_POINTER);
    CHECK(hrw_sharded_init(solver, size - 1) == HRW_STRUCT_SIZE);
    CHECK(hrw_sharded_init(solver, 0) == HRW_STRUCT_SIZE);
    CHECK(hrw_sharded_init((hrw_sharded *)(void *)(memory + 4), size + 8) == HRW_STRUCT_SIZE);
    CHECK(all_bytes(memory, size + 16, POISON));
    CHECK(hrw_sharded_init(solver, size + 16) == HRW_OK);
    CHECK(all_bytes(memory + size, 16, POISON));

    CHECK(LIB(sharded_step)(NULL, &options, FN(sample), NULL, FN(SAMPLES), weights, NULL, &values, &count, &op) ==
          HRW_NULL_POINTER);
    CHECK(LIB(sharded_step)(solver, &options, FN(sample), NULL, FN(SAMPLES), weights, NULL, NULL, &count, &op) ==
          HRW_NULL_POINTER);
    CHECK(LIB(sharded_step)(solver, &options, FN(sample), NULL, FN(SAMPLES), weights, NULL, &values, NULL, &op) ==
          HRW_NULL_POINTER);
    CHECK(LIB(sharded_step)(solver, &options, FN(sample), NULL, FN(SAMPLES), weights, NULL, &values, &count, NULL) ==
          HRW_NULL_POINTER);
    CHECK(values == NULL && count == 77 && op == 77);
    CHECK(all_bytes(weights, sizeof weights, POISON));
    free(memory);
}

#undef REFUSED
