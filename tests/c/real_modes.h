/* The answer is that of the default floating-point mode whatever the caller's is, and the caller keeps its own: trainers flush
 * subnormals, and some round otherwise or trap. */

#if defined(__SSE2__)

static const unsigned int FN(MODES)[] = {
    0x1f80, /* the default */
    0x8000 | 0x1f80, /* results flushed to zero */
    0x0040 | 0x1f80, /* inputs taken for zero */
    0x8040 | 0x1f80, /* both, as trainers have it */
    0x2000 | 0x1f80, 0x4000 | 0x1f80, 0x6000 | 0x1f80, /* down, up, toward zero */
    0x0000, /* every exception traps */
    0xe040, /* all of it */
};

static void FN(same_bits_in_every_mode)(void)
{
    enum { N = 301 };
    /* Ordinary ones, and such as are subnormal, or whose differences are. */
    const double scales[] = {1.0, sizeof(REAL) == 4 ? 1e-39 : 1e-309, sizeof(REAL) == 4 ? 1e37 : 1e306};
    REAL *losses = FN(exponential_losses)(N, 12);
    REAL *scaled = (REAL *)allocate(N * sizeof(REAL));
    REAL want[N], weights[N];
    size_t scale, mode, i;
    int32_t ordering;

    for (scale = 0; scale < COUNT(scales); scale++) {
        for (i = 0; i < N; i++)
            scaled[i] = (REAL)((double)losses[i] * scales[scale]);
        for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
            const hrw_options options = options_of(0.05, 0.1, ordering);
            hrw_report want_report;
            SOLVE(HERE, &options, scaled, NULL, N, want, &want_report);
            for (mode = 0; mode < COUNT(FN(MODES)); mode++) {
                hrw_report report = poisoned_report(sizeof report);
                int32_t code;
                unsigned int before, after;
                check_about("scale %g, ordering %d, mode %x", scales[scale], (int)ordering, FN(MODES)[mode]);
                _mm_setcsr(FN(MODES)[mode]);
                before = _mm_getcsr(); /* valgrind has some of the modes only */
                code = LIB(weights)(&options, scaled, NULL, N, weights, &report);
                after = _mm_getcsr();
                _mm_setcsr(0x1f80);
                CHECK(code == HRW_OK);
                /* The lowest bits tell which exceptions there were. */
                CHECK((after & ~0x3fu) == before);
                CHECK(memcmp(weights, want, sizeof want) == 0);
                CHECK(FN(same_report)(&report, &want_report));
            }
        }
    }
    free(losses);
    free(scaled);
}

static int32_t FN(note_mode)(void *context, double *values, size_t count, int32_t op)
{
    unsigned int *wrong = (unsigned int *)context;
    (void)values, (void)count, (void)op;
    *wrong += (_mm_getcsr() & 0x6000) != 0x2000;
    return 0;
}

/* What the library calls back runs in its caller's mode. */
static void FN(callbacks_keep_the_mode)(void)
{
    const hrw_options options = options_of(0.05, 0.1, HRW_HR);
    REAL *losses = FN(exponential_losses)(301, 13);
    REAL weights[301];
    unsigned int wrong = 0;
    int32_t code;

    _mm_setcsr(0x2000 | 0x1f80);
    code = LIB(weights_sharded)(&options, losses, NULL, 301, weights, NULL, FN(note_mode), &wrong);
    _mm_setcsr(0x1f80);
    CHECK(code == HRW_OK);
    CHECK(wrong == 0);
    free(losses);
}

#else

static void FN(same_bits_in_every_mode)(void)
{
}

static void FN(callbacks_keep_the_mode)(void)
{
}

#endif
