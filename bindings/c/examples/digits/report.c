#include "report.h"

#include "statistics.h"

#include <stdio.h>

enum { NAME = 18, COMPARED = WRONG_WEIGHT }; /* the metrics before WRONG_WEIGHT say how good a network is */

/* Whether a larger value is an improvement (1) or the contrary (-1). */
static const int IMPROVEMENT[COMPARED] = {
    [ACCURACY] = 1, [LOSS] = -1, [ATTACKED_ACCURACY] = 1, [ATTACKED_LOSS] = -1};

struct name {
    char text[64];
};

static struct name name_of(const struct recipe *recipe)
{
    struct name name;
    const char *attack = recipe->attack_steps > 0 ? "PGD, " : "";
    if (recipe->robust)
        snprintf(name.text, sizeof name.text, "%sHR(%g, %g)", attack, recipe->alpha, recipe->r);
    else
        snprintf(name.text, sizeof name.text, "%splain average", attack);
    return name;
}

static const struct result *result_of(const struct report *report, size_t recipe, size_t seed)
{
    return &report->results[recipe * report->seeds + seed];
}

static struct estimate value(const struct report *report, size_t recipe, int checkpoint, int metric)
{
    struct estimate estimate = {0};
    for (size_t seed = 0; seed < report->seeds; seed++)
        estimate_add(&estimate, result_of(report, recipe, seed)->scores[checkpoint].of[metric]);
    return estimate;
}

/* Seed by seed, as both saw the same split, wrong labels, first network and batches: much of the noise cancels. */
static struct estimate difference(const struct report *report, size_t recipe, size_t base, int checkpoint, int metric)
{
    struct estimate estimate = {0};
    for (size_t seed = 0; seed < report->seeds; seed++)
        estimate_add(&estimate, result_of(report, recipe, seed)->scores[checkpoint].of[metric] -
                                    result_of(report, base, seed)->scores[checkpoint].of[metric]);
    return estimate;
}

/* The plain average that sees the same images in training; `count` when there is none. */
static size_t base_of(const struct report *report, size_t recipe)
{
    for (size_t base = 0; base < report->count; base++)
        if (!report->recipes[base].robust &&
            report->recipes[base].attack_steps == report->recipes[recipe].attack_steps)
            return base;
    return report->count;
}

/* Solver time over step time, all seeds together. */
static double solver_share(const struct report *report, size_t recipe)
{
    double solver = 0.0, step = 0.0;
    for (size_t seed = 0; seed < report->seeds; seed++) {
        solver += result_of(report, recipe, seed)->solver_seconds;
        step += result_of(report, recipe, seed)->step_seconds;
    }
    return solver / step;
}

static void print_estimate(const struct estimate *estimate)
{
    if (estimate->count > 1)
        printf("%7.3f +-%5.3f", estimate->mean, estimate_error(estimate));
    else
        printf("%7.3f        ", estimate->mean);
}

static void print_row(const struct report *report, size_t recipe, int checkpoint)
{
    printf("  %-*s", NAME, name_of(&report->recipes[recipe]).text);
    for (int metric = 0; metric < COMPARED; metric++) {
        struct estimate estimate = value(report, recipe, checkpoint, metric);
        print_estimate(&estimate);
    }
    printf("  %5.0f%%", 100.0 * value(report, recipe, checkpoint, WRONG_WEIGHT).mean);
    if (report->recipes[recipe].robust)
        printf("  %5.1f%%\n", 100.0 * solver_share(report, recipe));
    else
        printf("  %6s\n", "-");
}

void report_table(const struct report *report)
{
    printf("%*s%30s%30s%8s%8s\n", NAME + 2, "", "------- clean images -------", "------ attacked images -----", "weight",
           "time");
    printf("%*s%15s%15s%15s%15s%8s%8s\n", NAME + 2, "", "accuracy", "loss", "accuracy", "loss", "on", "in");
    printf("%*s%60s%8s%8s\n", NAME + 2, "", "", "wrong", "solver");
    for (int checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint++) {
        printf("after %d epochs\n", report->plan->epochs[checkpoint]);
        for (size_t recipe = 0; recipe < report->count; recipe++)
            print_row(report, recipe, checkpoint);
    }
}

void report_why(const struct report *report)
{
    int better = 0, worse = 0;
    for (size_t recipe = 0; recipe < report->count; recipe++) {
        size_t base = base_of(report, recipe);
        if (!report->recipes[recipe].robust || base == report->count)
            continue;
        struct estimate estimate = difference(report, recipe, base, EARLY, ACCURACY);
        better += estimate_sign(&estimate) > 0;
        worse += estimate_sign(&estimate) < 0;
    }
    const char *effect = worse > better ? "hurts" : worse < better ? "should hurt, but here helps" : "has no clear effect";
    printf("* Why: until a network knows wrong labels by heart they have the largest losses, and HR gives weight to large\n"
           "  losses: after %d epochs it %s. Where labels may be wrong, stop early if you can tell when.\n",
           report->plan->epochs[EARLY], effect);
}

struct tally {
    int better, worse, all;
};

static void print_difference(const struct estimate *estimate, int improvement, struct tally *tally)
{
    int verdict = estimate_sign(estimate) * improvement;
    printf("%+8.3f%7s", estimate->mean, verdict > 0 ? "better" : verdict < 0 ? "worse" : "?");
    tally->better += verdict > 0;
    tally->worse += verdict < 0;
    tally->all++;
}

static struct tally compare(const struct report *report, int checkpoint)
{
    struct tally tally = {0, 0, 0};
    printf("after %d epochs\n", report->plan->epochs[checkpoint]);
    for (size_t recipe = 0; recipe < report->count; recipe++) {
        size_t base = base_of(report, recipe);
        if (!report->recipes[recipe].robust || base == report->count)
            continue;
        printf("  %-*s", NAME, name_of(&report->recipes[recipe]).text);
        for (int metric = 0; metric < COMPARED; metric++) {
            struct estimate estimate = difference(report, recipe, base, checkpoint, metric);
            print_difference(&estimate, IMPROVEMENT[metric], &tally);
        }
        printf("\n");
    }
    return tally;
}

static void say_tally(const struct report *report, int checkpoint, struct tally tally)
{
    const char *verdict = tally.better + tally.worse == 0   ? "made no clear difference"
                          : tally.worse == 0                ? "helped"
                          : tally.better == 0               ? "hurt"
                          : tally.better > tally.worse      ? "helped more often than they hurt"
                          : tally.better < tally.worse      ? "hurt more often than they helped"
                                                            : "helped as often as they hurt";
    printf("* After %d epochs HR weights %s: of %d comparisons %d clearly better, %d clearly worse.\n",
           report->plan->epochs[checkpoint], verdict, tally.all, tally.better, tally.worse);
}

/* Learning wrong labels by heart shows as a loss of accuracy on images that were not trained on. */
static void say_overfitting(const struct report *report, size_t recipe)
{
    struct estimate change = {0};
    for (size_t seed = 0; seed < report->seeds; seed++) {
        const struct scores *scores = result_of(report, recipe, seed)->scores;
        estimate_add(&change, scores[LATE].of[ACCURACY] - scores[EARLY].of[ACCURACY]);
    }
    int sign = estimate_sign(&change);
    printf("* %s: from epoch %d to %d the test accuracy changed by %+.3f%s.\n", name_of(&report->recipes[recipe]).text,
           report->plan->epochs[EARLY], report->plan->epochs[LATE], change.mean,
           sign < 0   ? ": it overfits"
           : sign > 0 ? ": it was still learning"
                      : ", not clearly a change");
}

static void say_best(const struct report *report)
{
    size_t best = 0;
    int when = 0;
    for (int checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint++)
        for (size_t recipe = 0; recipe < report->count; recipe++)
            if (value(report, recipe, checkpoint, ACCURACY).mean > value(report, best, when, ACCURACY).mean) {
                best = recipe;
                when = checkpoint;
            }
    printf("* The most accurate of all is %s after %d epochs, %.3f%s.\n", name_of(&report->recipes[best]).text,
           report->plan->epochs[when], value(report, best, when, ACCURACY).mean,
           when == EARLY ? ":\n  stopping early beats all weights here, if one can tell when to stop" : "");
}

void report_findings(const struct report *report)
{
    struct tally tallies[CHECKPOINTS];
    printf("HR minus the plain average on the same training images, paired by seed (better, worse: by a t-test at\n"
           "the 95%% level; ?: not clear)\n");
    printf("%*s%15s%15s%15s%15s\n", NAME + 2, "", "accuracy", "loss", "att. accuracy", "att. loss");
    for (int checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint++)
        tallies[checkpoint] = compare(report, checkpoint);
    printf("\n");
    if (report->seeds < 2) {
        printf("* One seed has no error bar: nothing here is clear. Take three or more.\n");
        return;
    }
    for (size_t recipe = 0; recipe < report->count; recipe++)
        if (!report->recipes[recipe].robust)
            say_overfitting(report, recipe);
    for (int checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint++)
        say_tally(report, checkpoint, tallies[checkpoint]);
    say_best(report);
}
