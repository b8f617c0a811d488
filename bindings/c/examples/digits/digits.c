/* Where HR weights help and where they do not, on real handwritten digits: a digit that is rare in
 * training (rare.c), and a network that is trained while a quarter of the labels is wrong, with the
 * plain average of the losses and with HR weights, scored on clean and on attacked test images.
 *
 * Where to read on: train_step in trainer.c is all that a program of your own needs. */
#define _POSIX_C_SOURCE 200809L

#include "pool.h"
#include "rare.h"
#include "report.h"

#include <hr_weights.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRAIN = 1000, WRONG = TRAIN / 4, TRAIN_ATTACK_STEPS = 3, TEST_ATTACK_STEPS = 20 };

/* The rows of the table; a plain average is what the robust recipes with the same attack are compared with. */
static const struct recipe RECIPES[] = {
    {.robust = 0},
    {.robust = 1, .alpha = 0.05, .r = 0.1},
    {.robust = 1, .alpha = 0.1, .r = 0.3},
    {.robust = 0, .attack_steps = TRAIN_ATTACK_STEPS},
    {.robust = 1, .alpha = 0.1, .r = 0.3, .attack_steps = TRAIN_ATTACK_STEPS},
};
enum { COUNT = sizeof RECIPES / sizeof *RECIPES };

struct arguments {
    const char *data;
    double epsilon;
    long epochs, seeds, threads;
    int help;
};

static const char USAGE[] =
    "usage: digits [options]\n"
    "  --data FILE    the images (default bindings/data/digits.csv)\n"
    "  --epochs N     length of each training (default 300); also scored after a fifth of it\n"
    "  --epsilon X    l2 radius of the attacks, for pixels in [0, 1] (default 0.1)\n"
    "  --seeds N      trainings per row (default 5)\n"
    "  --threads N    trainings at a time (default: the number of processors); results do not depend on it\n"
    "  --quick        20 epochs and 2 seeds: a few seconds, too short to show anything\n"
    "  --help         this text\n";

static int parse_long(const char *text, long least, long most, long *value)
{
    char *rest;
    *value = strtol(text, &rest, 10);
    return rest != text && *rest == '\0' && *value >= least && *value <= most ? 0 : -1;
}

static int parse_epsilon(const char *text, double *value)
{
    char *rest;
    *value = strtod(text, &rest);
    return rest != text && *rest == '\0' && *value > 0.0 && *value <= 8.0 ? 0 : -1;
}

/* Later options overrule earlier ones. */
static int parse(int count, char **words, struct arguments *arguments)
{
    for (int i = 1; i < count; i++) {
        const char *word = words[i];
        if (strcmp(word, "--help") == 0) {
            arguments->help = 1;
            continue;
        }
        if (strcmp(word, "--quick") == 0) {
            arguments->epochs = 20;
            arguments->seeds = 2;
            continue;
        }
        const char *value = i + 1 < count ? words[++i] : "";
        int bad;
        if (strcmp(word, "--data") == 0) {
            arguments->data = value;
            bad = *value == '\0';
        } else if (strcmp(word, "--epochs") == 0) {
            bad = parse_long(value, 1, 100000, &arguments->epochs);
        } else if (strcmp(word, "--epsilon") == 0) {
            bad = parse_epsilon(value, &arguments->epsilon);
        } else if (strcmp(word, "--seeds") == 0) {
            bad = parse_long(value, 1, 1000, &arguments->seeds);
        } else if (strcmp(word, "--threads") == 0) {
            bad = parse_long(value, 1, 1024, &arguments->threads);
        } else {
            fprintf(stderr, "digits: unknown option %s\n%s", word, USAGE);
            return -1;
        }
        if (bad) {
            fprintf(stderr, "digits: %s does not go with '%s'\n%s", word, value, USAGE);
            return -1;
        }
    }
    return 0;
}

static void print_setting(const struct plan *plan, size_t seeds)
{
    printf("2. Where HR does not help: wrong labels, and a training that stops before it knows them by heart\n\n");
    printf("Handwritten digits, 8x8 pixels: %zu training images, %zu of them wrongly labelled; %zu test images.\n",
           plan->train, plan->wrong, plan->data->count - plan->train);
    printf("Network 64-128-128-10, Adam 1e-3, batches of %d; mean +- standard error of %zu seed%s.\n", BATCH, seeds,
           seeds == 1 ? "" : "s");
    printf("HR(alpha, r): weights of hr_weights %s. PGD: training images are attacked in %d steps. Attack: l2 PGD with\n"
           "epsilon %g, pixels in [0, 1]; %d steps in the test. Weight on wrong: what the wrong labels had in training.\n\n",
           hrw_version(), TRAIN_ATTACK_STEPS, plan->epsilon, plan->test_attack_steps);
}

static int run(const struct arguments *arguments, const struct dataset *data)
{
    if (data->count <= TRAIN) {
        fprintf(stderr, "digits: %s has %zu images, but %d are for training\n", arguments->data, data->count, TRAIN);
        return EXIT_FAILURE;
    }
    const int epochs = (int)arguments->epochs;
    const size_t seeds = (size_t)arguments->seeds;
    const struct plan plan = {.data = data,
                              .train = TRAIN,
                              .wrong = WRONG,
                              .epsilon = arguments->epsilon,
                              .test_attack_steps = TEST_ATTACK_STEPS,
                              .epochs = {[EARLY] = (epochs + 4) / 5, [LATE] = epochs}};
    struct result *results = calloc(COUNT * seeds, sizeof *results);
    if (!results) {
        fprintf(stderr, "digits: out of memory\n");
        return EXIT_FAILURE;
    }
    /* The first table is there at once, before the trainings of the second. */
    double seconds = 0.0;
    const char *problem = rare_table(data);
    if (!problem) {
        printf("\n");
        fflush(stdout);
        problem = pool_run(&plan, RECIPES, COUNT, seeds, (size_t)arguments->threads, results, &seconds);
    }
    if (problem) {
        fprintf(stderr, "digits: %s\n", problem);
        free(results);
        return EXIT_FAILURE;
    }
    const struct report report = {&plan, RECIPES, COUNT, seeds, results};
    print_setting(&plan, seeds);
    report_table(&report);
    printf("\n");
    report_why(&report);
    printf("\n");
    report_findings(&report);
    printf("\n%zu trainings in %.1f s on %ld thread%s.\n", COUNT * seeds, seconds, arguments->threads,
           arguments->threads == 1 ? "" : "s");
    free(results);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "digits: cannot write the results\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int count, char **words)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct arguments arguments = {.data = "bindings/data/digits.csv",
                                  .epsilon = 0.1,
                                  .epochs = 300,
                                  .seeds = 5,
                                  .threads = processors > 0 ? processors : 1};
    if (parse(count, words, &arguments) != 0)
        return 2;
    if (arguments.help) {
        fputs(USAGE, stdout);
        return EXIT_SUCCESS;
    }
    struct dataset data;
    if (dataset_read(&data, arguments.data) != 0)
        return EXIT_FAILURE;
    int code = run(&arguments, &data);
    dataset_free(&data);
    return code;
}
