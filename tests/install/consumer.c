/* A program as a user of the installed library would write it; exits with 0 if everything that it calls does what its header
 * says. It is also compiled against the headers of earlier releases: keep to what the first one has. */
#include <hr_weights.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 5, MANY = 200000 };

static double many[MANY], one_thread[MANY], two_threads[MANY];

static int failures = 0;

#define EXPECT(condition) expect((condition), #condition, __LINE__)

static void expect(int condition, const char *text, int line)
{
    if (!condition) {
        fprintf(stderr, "consumer.c:%d: %s\n", line, text);
        failures++;
    }
}

static int close_to(double value, double expected)
{
    return fabs(value - expected) <= 1e-12;
}

/* Structures followed by bytes that do not belong to them: a library with larger ones may not write there. */
struct guarded_options {
    hrw_options options;
    unsigned char guard[64];
};

struct guarded_report {
    hrw_report report;
    unsigned char guard[64];
};

static int intact(const unsigned char *guard)
{
    for (size_t i = 0; i < 64; i++)
        if (guard[i] != 0xA5)
            return 0;
    return 1;
}

int main(void)
{
    const double losses[SAMPLES] = {3.0, 1.0, 5.0, 2.0, 4.0};
    const float narrow_losses[SAMPLES] = {3.0f, 1.0f, 5.0f, 2.0f, 4.0f};
    const double base[SAMPLES] = {1.0, 1.0, 0.0, 1.0, 1.0};
    double weights[SAMPLES], bound, radius;
    float narrow[SAMPLES];
    struct guarded_options with_options;
    struct guarded_report with_report;
    hrw_options *options = &with_options.options;
    hrw_report *report = &with_report.report;
    memset(&with_options, 0xA5, sizeof with_options);
    memset(&with_report, 0xA5, sizeof with_report);

    EXPECT(hrw_abi_version() == HRW_ABI_VERSION);
    EXPECT(strcmp(hrw_version(), EXPECTED_VERSION) == 0);
    EXPECT(hrw_options_init(options, sizeof *options) == HRW_OK);
    EXPECT(hrw_report_init(report, sizeof *report) == HRW_OK);
    EXPECT(options->struct_size == sizeof *options && options->alpha == 0.0 && options->r == 0.0);
    EXPECT(isnan(options->worst_loss) && options->ordering == HRW_HD && options->threads == 1);

    /* A fifth of the mass moves from the smallest loss to the largest. */
    options->alpha = 0.2;
    EXPECT(hrw_weights_f64(options, losses, NULL, SAMPLES, weights, report) == HRW_OK);
    EXPECT(close_to(weights[0], 0.2) && weights[1] == 0.0 && close_to(weights[2], 0.4) && close_to(weights[3], 0.2));
    EXPECT(close_to(report->robust_loss, 3.8) && close_to(report->dual_bound, 3.8) && report->worst_loss == 5.0);
    EXPECT(report->trimmed == 1 && report->bad_index == UINT64_MAX && close_to(report->tv, 0.2));
    EXPECT(hrw_weights_f32(options, narrow_losses, NULL, SAMPLES, narrow, NULL) == HRW_OK);
    for (size_t i = 0; i < SAMPLES; i++)
        EXPECT(narrow[i] == (float)weights[i]);

    /* The worst loss is 4 when the largest is masked. */
    EXPECT(hrw_weights_f64(options, losses, base, SAMPLES, weights, report) == HRW_OK);
    EXPECT(weights[2] == 0.0 && report->worst_loss == 4.0);

    /* Kullback-Leibler alone spends all of its budget. */
    options->alpha = 0.0;
    options->r = 0.1;
    EXPECT(hrw_weights_f64(options, losses, NULL, SAMPLES, weights, report) == HRW_OK);
    EXPECT(close_to(weights[0] + weights[1] + weights[2] + weights[3] + weights[4], 1.0) && fabs(report->kl - 0.1) < 1e-9);
    EXPECT(report->robust_loss > 3.0 && report->robust_loss <= report->dual_bound + 1e-12);

    /* The same bits on several threads, which the library starts for itself. */
    for (size_t i = 0; i < MANY; i++)
        many[i] = (double)(i * 7919 % 10007);
    EXPECT(hrw_weights_f64(options, many, NULL, MANY, one_thread, NULL) == HRW_OK);
    options->threads = 2;
    EXPECT(hrw_weights_f64(options, many, NULL, MANY, two_threads, NULL) == HRW_OK);
    EXPECT(memcmp(one_thread, two_threads, sizeof one_thread) == 0);

    weights[0] = 7.0;
    options->alpha = 1.5;
    EXPECT(hrw_weights_f64(options, losses, NULL, SAMPLES, weights, report) == HRW_ALPHA);
    EXPECT(weights[0] == 7.0 && strlen(hrw_status_message(HRW_ALPHA)) > 0);

    EXPECT(hrw_certified_r(1000, 0.05, &radius) == HRW_OK);
    EXPECT(close_to(radius, (log(1.0 / 0.05) + log(2.0 * sqrt(1001.0))) / 1000.0));
    EXPECT(hrw_certify_f64(losses, SAMPLES, 0.0, 0.05, 10.0, &bound) == HRW_OK && bound > 3.0 && bound <= 10.0);

    EXPECT(intact(with_options.guard) && intact(with_report.guard));
    return failures != 0;
}
