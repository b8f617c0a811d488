/* The smallest complete program: eight losses in, eight weights out.
 *
 * The weights maximise the average loss over every distribution that differs from the uniform one by a poisoned
 * fraction alpha (total variation) and a sampling error r (Kullback-Leibler, nats). They sum to one, so in a
 * training step they take the place of 1/n. */
#include <hr_weights.h>

#include <stdio.h>

enum { SAMPLES = 8 };

int main(void)
{
    const double losses[SAMPLES] = {0.1, 0.2, 0.2, 0.4, 0.7, 1.1, 1.8, 4.0};
    double weights[SAMPLES];
    hrw_options options;
    hrw_report report;

    /* The sizes say which version of the structures this program was compiled with. */
    int32_t status = hrw_options_init(&options, sizeof options);
    if (status == HRW_OK)
        status = hrw_report_init(&report, sizeof report);
    if (status == HRW_OK) {
        options.alpha = 0.2;
        options.r = 0.1;
        status = hrw_weights_f64(&options, losses, NULL, SAMPLES, weights, &report);
    }
    if (status != HRW_OK) {
        fprintf(stderr, "first: %s\n", hrw_status_message(status));
        return 1;
    }

    double average = 0.0;
    printf("  loss   weight\n");
    for (size_t i = 0; i < SAMPLES; i++) {
        printf("%6.2f   %6.4f\n", losses[i], weights[i]);
        average += losses[i] / SAMPLES;
    }
    printf("average loss %.4f, robust loss %.4f (no distribution in reach exceeds %.4f)\n", average,
           report.robust_loss, report.dual_bound);
    return 0;
}
