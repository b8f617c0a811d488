/* The same input gives the same bits: for every number of threads, from every thread, wherever it lies, after a fork. */

static int FN(same_report)(const hrw_report *a, const hrw_report *b)
{
    return memcmp(a, b, REPORT_BYTES) == 0;
}

static void FN(same_bits_for_every_thread_count)(void)
{
    static const int32_t threads[] = {1, 0, 2, 3, 7, 1000, INT32_MAX};
    REAL *losses = FN(exponential_losses)(LARGE, 5);
    REAL *base = FN(exponential_losses)(LARGE, 6);
    REAL *want = (REAL *)allocate(LARGE * sizeof(REAL));
    REAL *weights = (REAL *)allocate(LARGE * sizeof(REAL));
    int32_t ordering;
    size_t i;
    int weighted;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        for (weighted = 0; weighted <= 1; weighted++) {
            hrw_options options = options_of(0.05, 0.1, ordering);
            hrw_report want_report, report;
            SOLVE(HERE, &options, losses, weighted ? base : NULL, LARGE, want, &want_report);
            for (i = 0; i < COUNT(threads); i++) {
                check_about("ordering %d, base %d, threads %ld",
                            (int)ordering, weighted, (long)threads[i]);
                options.threads = threads[i];
                report = poisoned_report(sizeof report);
                memset(weights, POISON, LARGE * sizeof(REAL));
                errno = ERRNO_MARK;
                CHECK(LIB(weights)(&options, losses, weighted ? base : NULL, LARGE, weights, &report) == HRW_OK);
                CHECK(errno == ERRNO_MARK);
                CHECK(memcmp(weights, want, LARGE * sizeof(REAL)) == 0);
                CHECK(FN(same_report)(&report, &want_report));
            }
        }
    }
    free(losses);
    free(base);
    free(want);
    free(weights);
}

/* The same input is the same input wherever it lies in memory. */
static void FN(same_bits_for_every_alignment)(void)
{
    enum { N = 301, OFFSETS = 17 };
    REAL *losses = FN(exponential_losses)(N, 8);
    REAL *base = FN(exponential_losses)(N, 9);
    REAL *room_in = (REAL *)allocate((N + OFFSETS) * sizeof(REAL));
    REAL *room_base = (REAL *)allocate((N + OFFSETS) * sizeof(REAL));
    REAL *room_out = (REAL *)allocate((N + OFFSETS) * sizeof(REAL));
    REAL want[N];
    int32_t ordering;
    size_t offset;
    int weighted;

    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        for (weighted = 0; weighted <= 1; weighted++) {
            const hrw_options options = options_of(0.05, 0.1, ordering);
            hrw_report want_report, report;
            SOLVE(HERE, &options, losses, weighted ? base : NULL, N, want, &want_report);
            for (offset = 0; offset < OFFSETS; offset++) {
                check_about("ordering %d, base %d, offset %lu",
                            (int)ordering, weighted, (unsigned long)offset);
                memcpy(room_in + offset, losses, N * sizeof(REAL));
                memcpy(room_base + (3 * offset) % OFFSETS, base, N * sizeof(REAL));
                report = poisoned_report(sizeof report);
                CHECK(LIB(weights)(&options, room_in + offset, weighted ? room_base + (3 * offset) % OFFSETS : NULL, N,
                                   room_out + (7 * offset) % OFFSETS, &report) == HRW_OK);
                CHECK(memcmp(room_out + (7 * offset) % OFFSETS, want, sizeof want) == 0);
                CHECK(FN(same_report)(&report, &want_report));
            }
        }
    }
    free(losses);
    free(base);
    free(room_in);
    free(room_base);
    free(room_out);
}

enum { FN(SHARED) = 5003 };

typedef struct {
    pthread_t thread;
    hrw_options options;
    const REAL *losses;
    const REAL *want;
    const hrw_report *want_report;
    int different; /* written by the thread, read after it was joined */
} FN(caller);

static void *FN(call_often)(void *argument)
{
    FN(caller) *caller = (FN(caller) *)argument;
    REAL *weights = (REAL *)allocate(FN(SHARED) * sizeof(REAL));
    int round;
    for (round = 0; round < 8; round++) {
        hrw_report report = poisoned_report(sizeof report);
        const int32_t code = LIB(weights)(&caller->options, caller->losses, NULL, FN(SHARED), weights, &report);
        caller->different += code != HRW_OK || memcmp(weights, caller->want, FN(SHARED) * sizeof(REAL)) != 0 ||
                             !FN(same_report)(&report, caller->want_report);
    }
    free(weights);
    return NULL;
}

/* Half of the callers ask for threads of their own. */
static void FN(same_bits_from_concurrent_callers)(void)
{
    enum { CALLERS = 6 };
    REAL *losses = FN(exponential_losses)(FN(SHARED), 21);
    REAL *want[2];
    hrw_report want_report[2];
    FN(caller) callers[CALLERS];
    int i;

    for (i = 0; i < 2; i++) {
        const hrw_options options = options_of(0.05, 0.1, i);
        want[i] = (REAL *)allocate(FN(SHARED) * sizeof(REAL));
        SOLVE(HERE, &options, losses, NULL, FN(SHARED), want[i], &want_report[i]);
    }
    for (i = 0; i < CALLERS; i++) {
        callers[i].options = options_of(0.05, 0.1, i % 2);
        callers[i].options.threads = i < CALLERS / 2 ? 1 : 0;
        callers[i].losses = losses;
        callers[i].want = want[i % 2];
        callers[i].want_report = &want_report[i % 2];
        callers[i].different = 0;
        if (pthread_create(&callers[i].thread, NULL, FN(call_often), &callers[i]) != 0) {
            fprintf(stderr, "no thread to be had\n");
            exit(2);
        }
    }
    for (i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        CHECK(callers[i].different == 0);
    }
    free(losses);
    free(want[0]);
    free(want[1]);
}

/* A child must not wait for threads that only its parent has. */
static void FN(forked_child_can_call)(void)
{
    hrw_options options = options_of(0.05, 0.1, HRW_HD);
    REAL *losses = FN(exponential_losses)(LARGE, 31);
    REAL *want = (REAL *)allocate(LARGE * sizeof(REAL));
    REAL *weights = (REAL *)allocate(LARGE * sizeof(REAL));
    hrw_report want_report;
    int status = -1;
    pid_t child;

    options.threads = 2;
    SOLVE(HERE, &options, losses, NULL, LARGE, want, &want_report);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        int different = 0;
        alarm(300);
        for (options.threads = 0; options.threads <= 2; options.threads++) {
            hrw_report report = poisoned_report(sizeof report);
            different += LIB(weights)(&options, losses, NULL, LARGE, weights, &report) != HRW_OK;
            different += memcmp(weights, want, LARGE * sizeof(REAL)) != 0;
            different += !FN(same_report)(&report, &want_report);
        }
        /* Free, so that a memory checker that follows the child finds nothing. */
        free(losses);
        free(want);
        free(weights);
        _exit(different == 0 ? 0 : 1);
    }
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    /* And the parent goes on. */
    CHECK(LIB(weights)(&options, losses, NULL, LARGE, weights, NULL) == HRW_OK);
    CHECK(memcmp(weights, want, LARGE * sizeof(REAL)) == 0);
    free(losses);
    free(want);
    free(weights);
}
