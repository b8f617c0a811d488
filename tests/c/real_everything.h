/* For the rule nothing_is_printed. */

/* One call per way to succeed or fail; the results are checked elsewhere. */
static void FN(call_everything)(void)
{
    enum { N = FN(SAMPLES) };
    hrw_options good, bad;
    REAL losses[N], base[N] = {0}, weights[N];
    hrw_report report;
    double bound, table[3 * FN(GROUPS)];
    size_t indices[2];
    int32_t ordering;

    (void)hrw_options_init(&good, sizeof good);
    (void)hrw_report_init(&report, sizeof report);
    good.alpha = 0.05;
    good.r = 0.1;
    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        good.ordering = ordering;
        good.threads = ordering;
        (void)LIB(weights)(&good, FN(sample), NULL, N, weights, &report);
        (void)LIB(weights)(&good, FN(sample), FN(sample_base), N, weights, NULL);
    }
    good.threads = 1;
    (void)LIB(weights)(NULL, FN(sample), NULL, N, weights, &report);
    (void)LIB(weights)(&good, NULL, NULL, N, weights, &report);
    (void)LIB(weights)(&good, FN(sample), NULL, N, NULL, &report);
    (void)LIB(weights)(NULL, NULL, NULL, 0, NULL, NULL);
    (void)LIB(weights)(&good, FN(sample), base, N, weights, &report);
    memcpy(losses, FN(sample), sizeof losses);
    (void)LIB(weights)(&good, losses, NULL, N, losses, &report);
    losses[3] = (REAL)NAN;
    (void)LIB(weights)(&good, losses, NULL, N, weights, &report);
    bad = good;
    bad.struct_size = 17;
    (void)LIB(weights)(&bad, FN(sample), NULL, N, weights, &report);
    bad = good;
    bad.alpha = 2.0;
    (void)LIB(weights)(&bad, FN(sample), NULL, N, weights, &report);
    bad = good;
    bad.r = -1.0;
    (void)LIB(weights)(&bad, FN(sample), NULL, N, weights, &report);
    bad = good;
    bad.ordering = 9;
    (void)LIB(weights)(&bad, FN(sample), NULL, N, weights, &report);
    bad = good;
    bad.threads = -1;
    (void)LIB(weights)(&bad, FN(sample), NULL, N, weights, &report);
    bad = good;
    bad.worst_loss = 0.0;
    (void)LIB(weights)(&bad, FN(sample), NULL, N, weights, &report);
    report.struct_size = 3;
    (void)LIB(weights)(&good, FN(sample), NULL, N, weights, &report);

    (void)LIB(top_samples)(FN(sample), N, 2, indices, &bound);
    (void)LIB(top_samples)(losses, N, 2, indices, &bound);
    (void)LIB(group_shares)(FN(sample), FN(groups), N, FN(GROUPS), table);
    (void)LIB(group_shares)(FN(sample), FN(groups), N, 1, table);

    (void)LIB(certify)(FN(sample), N, 0.05, 0.1, 5.0, &bound);
    (void)LIB(certify)(FN(sample), N, 0.05, 7.0, 5.0, &bound);
    (void)LIB(certify)(FN(sample), N, 7.0, 0.1, 5.0, &bound);
    (void)LIB(certify)(FN(sample), N, 0.05, 0.1, 1.0, &bound);
    (void)LIB(certify)(losses, N, 0.05, 0.1, 5.0, &bound);
    (void)LIB(certify)(NULL, N, 0.05, 0.1, 5.0, &bound);
    (void)LIB(certify)(NULL, 0, 0.05, 0.1, 5.0, NULL);
}
