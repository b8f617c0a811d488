/* Who carries the weight: against a sort, and sums from the smallest weight up. */

/* The weights of a solution, with zeros and ties. Free them. */
static REAL *FN(solved_weights)(size_t n)
{
    const hrw_options options = options_of(0.1, 0.3, HRW_HD);
    REAL *losses = FN(exponential_losses)(n, 11), *weights = (REAL *)allocate(n * sizeof(REAL));
    size_t i;
    for (i = 7; i < n; i += 5)
        losses[i] = losses[i - 7];
    CHECK(LIB(weights)(&options, losses, NULL, n, weights, NULL) == HRW_OK);
    free(losses);
    return weights;
}

/* Selection of the next largest, one after another: the first of equal ones. */
static void FN(top_samples_are_those_of_a_sort)(void)
{
    enum { N = 300 };
    static const size_t wanted[] = {1, 2, 7, 40, N - 1, N, N + 5, SIZE_MAX};
    REAL *weights = FN(solved_weights)(N);
    size_t order[N], indices[N + 1], i, j, k;
    double sums[N + 1], share;

    for (i = 0; i < N; i++)
        order[i] = i;
    for (i = 0; i < N; i++)
        for (j = i + 1; j < N; j++)
            if (weights[order[j]] > weights[order[i]] || (weights[order[j]] == weights[order[i]] && order[j] < order[i])) {
                const size_t other = order[i];
                order[i] = order[j];
                order[j] = other;
            }
    CHECK(weights[order[N - 1]] == 0);
    for (k = 0; k < COUNT(wanted); k++) {
        const size_t count = wanted[k] < N ? wanted[k] : N;
        check_about("k %.17g", (double)wanted[k]);
        memset(indices, POISON, sizeof indices);
        share = -1.0;
        errno = ERRNO_MARK;
        CHECK(LIB(top_samples)(weights, N, wanted[k], indices, &share) == HRW_OK);
        CHECK(errno == ERRNO_MARK);
        CHECK(memcmp(indices, order, count * sizeof *indices) == 0);
        CHECK(all_bytes(indices + count, (N + 1 - count) * sizeof *indices, POISON));
        sums[0] = sums[1] = 0.0;
        for (i = N; i-- > 0;)
            sums[i < count] += (double)weights[order[i]];
        CHECK(near(share, sums[1] / (sums[0] + sums[1]), 1e-14));
        CHECK(share <= 1.0);
    }
    for (i = 0; i < N; i++)
        weights[i] = 0;
    CHECK(LIB(top_samples)(weights, N, 2, indices, &share) == HRW_OK);
    CHECK(indices[0] == 0 && indices[1] == 1 && share == 0.0);
    free(weights);
}

static void FN(top_samples_errors)(void)
{
    static const double bad[] = {-1e-30, NAN, INFINITY};
    const double mark = 12.5;
    REAL weights[4] = {1, 2, 3, 4};
    size_t indices[4], untouched[4], i;
    double share = mark;
    union {
        REAL weights[4];
        size_t indices[4];
    } both = {{1, 2, 3, 4}};

    memset(indices, POISON, sizeof indices);
    memcpy(untouched, indices, sizeof indices);
    errno = ERRNO_MARK;
    CHECK(LIB(top_samples)(NULL, 0, 2, NULL, NULL) == HRW_EMPTY);
    CHECK(LIB(top_samples)(weights, 4, 0, indices, &share) == HRW_EMPTY);
    CHECK(LIB(top_samples)(NULL, 4, 2, indices, &share) == HRW_NULL_POINTER);
    CHECK(LIB(top_samples)(weights, 4, 2, NULL, &share) == HRW_NULL_POINTER);
    CHECK(LIB(top_samples)(weights, 4, 2, indices, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(top_samples)(both.weights, 4, 2, both.indices, &share) == HRW_OVERLAP);
    CHECK(both.weights[1] == 2);
    for (i = 0; i < COUNT(bad); i++) {
        check_about("weight %g", bad[i]);
        weights[3] = (REAL)bad[i];
        CHECK(LIB(top_samples)(weights, 4, 2, indices, &share) == HRW_BASE_WEIGHTS);
    }
    CHECK(memcmp(indices, untouched, sizeof indices) == 0);
    CHECK(share == mark);
    CHECK(errno == ERRNO_MARK);
}

static void FN(group_shares_are_sums)(void)
{
    enum { N = 300, G = 5 };
    REAL *weights = FN(solved_weights)(N);
    uint32_t groups[N];
    /* One more at the end, which is not the table's. */
    double table[3 * G + 1], sums[G] = {0}, sizes[G] = {0}, total = 0.0;
    const double mark = 12.5;
    size_t i, g;

    /* The third group has no sample. */
    for (i = 0; i < N; i++) {
        groups[i] = (uint32_t)(i * i % 7 < 2 ? i * i % 7 : 3 + i % 2);
        sums[groups[i]] += (double)weights[i];
        sizes[groups[i]] += 1.0;
        total += (double)weights[i];
    }
    table[3 * G] = mark;
    errno = ERRNO_MARK;
    CHECK(LIB(group_shares)(weights, groups, N, G, table) == HRW_OK);
    CHECK(errno == ERRNO_MARK);
    CHECK(table[3 * G] == mark);
    for (g = 0; g < G; g++) {
        check_about("group %lu", (unsigned long)g);
        CHECK(near(table[g], sums[g] / total, 1e-14));
        CHECK(g == 2 ? isnan(table[G + g]) : near(table[G + g], sums[g] / total / (sizes[g] / N), 1e-13));
        CHECK(table[2 * G + g] == sizes[g]);
    }
    for (i = 0; i < N; i++)
        weights[i] = 0;
    CHECK(LIB(group_shares)(weights, groups, N, G, table) == HRW_OK);
    CHECK(table[0] == 0.0 && table[G] == 0.0 && table[2 * G] == sizes[0]);
    free(weights);
}

static void FN(group_shares_errors)(void)
{
    enum { G = 2 };
    static const uint32_t good[4] = {0, 1, 1, 0}, stranger[4] = {0, 1, 2, 0};
    static const double bad[] = {-1e-30, NAN, INFINITY};
    REAL weights[4] = {1, 2, 3, 4};
    double table[3 * G], untouched[3 * G];
    union {
        REAL weights[4];
        uint32_t groups[4];
        double table[3 * G];
    } both = {{1, 2, 3, 4}};
    size_t i;

    memset(table, POISON, sizeof table);
    memcpy(untouched, table, sizeof table);
    errno = ERRNO_MARK;
    CHECK(LIB(group_shares)(NULL, NULL, 0, 0, NULL) == HRW_EMPTY);
    CHECK(LIB(group_shares)(NULL, good, 4, G, table) == HRW_NULL_POINTER);
    CHECK(LIB(group_shares)(weights, NULL, 4, G, table) == HRW_NULL_POINTER);
    CHECK(LIB(group_shares)(weights, good, 4, G, NULL) == HRW_NULL_POINTER);
    CHECK(LIB(group_shares)(weights, good, 4, SIZE_MAX / 2, table) == HRW_OFFSETS);
    CHECK(LIB(group_shares)(both.weights, good, 4, G, both.table) == HRW_OVERLAP);
    CHECK(both.weights[1] == 2);
    memcpy(both.groups, good, sizeof good);
    CHECK(LIB(group_shares)(weights, both.groups, 4, G, both.table) == HRW_OVERLAP);
    CHECK(LIB(group_shares)(weights, stranger, 4, G, table) == HRW_GROUP);
    CHECK(LIB(group_shares)(weights, good, 4, 0, table) == HRW_GROUP);
    for (i = 0; i < COUNT(bad); i++) {
        check_about("weight %g", bad[i]);
        weights[3] = (REAL)bad[i];
        CHECK(LIB(group_shares)(weights, good, 4, G, table) == HRW_BASE_WEIGHTS);
    }
    CHECK(memcmp(table, untouched, sizeof table) == 0);
    CHECK(errno == ERRNO_MARK);
}
