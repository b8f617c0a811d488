#include "rare.h"

#include "random.h"
#include "statistics.h"

#include <hr_weights.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The classes are {3, 8} and {5, 9}: an 8 may look like a 5, and a class can be large while one of
 * its digits is rare. */
static const int DIGITS[] = {3, 5, 8, 9};
enum { GROUPS = sizeof DIGITS / sizeof *DIGITS, RARE_DIGIT = 8 };
enum { COMMON = 90, RARE = 3, LARGEST = GROUPS * COMMON, SPLITS = 20, STEPS = 300, INPUTS = PIXELS + 1 };
static const float LEARNING_RATE = 1.0f;

/* What is known of a training image beside its class. */
enum known { NOTHING, ITS_CLASS, ITS_DIGIT };

/* A way to weigh the losses: HR(0, r) over samples, or over groups, which count by their sizes or
 * all the same. */
struct method {
    const char *name;
    enum known groups;
    int alike;
    double r;
};

enum { PLAIN, SAMPLES, CLASSES_ALIKE, OVER_DIGITS, DIGITS_ALIKE, METHODS };
static const struct method METHOD[METHODS] = {
    [PLAIN] = {"plain average", NOTHING, 0, 0.0},
    [SAMPLES] = {"HR(0, 0.3)", NOTHING, 0, 0.3},
    [CLASSES_ALIKE] = {"each class the same", ITS_CLASS, 1, 0.0},
    [OVER_DIGITS] = {"HR(0, 0.3) over digits", ITS_DIGIT, 0, 0.3},
    [DIGITS_ALIKE] = {"each digit the same", ITS_DIGIT, 1, 0.0},
};
static const char *const KNOWN[] = {[NOTHING] = "nothing", [ITS_CLASS] = "its class", [ITS_DIGIT] = "its digit"};

struct images {
    size_t count;
    const float **pixels;
    uint32_t *digit; /* the place in DIGITS */
};

/* Accuracy and mean loss on the rare digit, and on all four, each of which counts the same. */
enum score { RARE_ACCURACY, RARE_LOSS, ACCURACY_OF_ALL, LOSS_OF_ALL, SCORES };

struct model {
    float parameters[INPUTS];
};

struct work {
    float losses[LARGEST], slopes[LARGEST], weights[LARGEST];
    uint32_t groups[LARGEST];
    double table[3 * GROUPS];
};

/* 1 for {3, 8} and -1 for {5, 9}. */
static float side(uint32_t digit)
{
    return DIGITS[digit] == 3 || DIGITS[digit] == 8 ? 1.0f : -1.0f;
}

/* How far an image is on its own side. Partial sums side by side let the compiler vectorise. */
static float margin(const struct model *model, const float *pixels, uint32_t digit)
{
    enum { LANES = 16 };
    float sums[LANES] = {0.0f}, score = model->parameters[PIXELS];
    for (size_t i = 0; i < PIXELS; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            sums[j] += model->parameters[i + j] * pixels[i + j];
    for (size_t j = 0; j < LANES; j++)
        score += sums[j];
    return side(digit) * score;
}

static float logistic_loss(float margin)
{
    return margin > 0.0f ? log1pf(expf(-margin)) : log1pf(expf(margin)) - margin;
}

/* The weights of the library, in every row of the table: with r = 0 they are 1/n, or the same for each group. */
static int32_t weigh(const struct method *method, const hrw_options *options, const struct images *train, struct work *work)
{
    static const double SAME[GROUPS] = {1.0, 1.0, 1.0, 1.0};
    if (method->groups == NOTHING)
        return hrw_weights_f32(options, work->losses, NULL, train->count, work->weights, NULL);
    for (size_t i = 0; i < train->count; i++)
        work->groups[i] = method->groups == ITS_DIGIT ? train->digit[i] : side(train->digit[i]) > 0.0f;
    return hrw_weights_groups_f32(options, work->losses, work->groups, train->count, method->alike ? SAME : NULL, GROUPS,
                                  work->weights, work->table, NULL);
}

/* Gradient descent on all training images at once, from zero. */
static int32_t fit(const struct method *method, const struct images *train, struct work *work, struct model *model)
{
    hrw_options options;
    int32_t status = hrw_options_init(&options, sizeof options);
    options.r = method->r;
    memset(model, 0, sizeof *model);
    for (int step = 0; step < STEPS && status == HRW_OK; step++) {
        for (size_t i = 0; i < train->count; i++) {
            float at = margin(model, train->pixels[i], train->digit[i]);
            work->losses[i] = logistic_loss(at);
            work->slopes[i] = side(train->digit[i]) / (1.0f + expf(at));
        }
        status = weigh(method, &options, train, work);
        for (size_t i = 0; i < train->count && status == HRW_OK; i++) {
            float move = LEARNING_RATE * work->weights[i] * work->slopes[i];
            for (size_t j = 0; j < PIXELS; j++)
                model->parameters[j] += move * train->pixels[i][j];
            model->parameters[PIXELS] += move;
        }
    }
    return status;
}

static void test(const struct model *model, const struct images *test, double scores[SCORES])
{
    double count[GROUPS] = {0.0}, right[GROUPS] = {0.0}, loss[GROUPS] = {0.0};
    for (size_t i = 0; i < test->count; i++) {
        float at = margin(model, test->pixels[i], test->digit[i]);
        count[test->digit[i]] += 1.0;
        right[test->digit[i]] += at > 0.0f;
        loss[test->digit[i]] += (double)logistic_loss(at);
    }
    for (size_t k = 0; k < SCORES; k++)
        scores[k] = 0.0;
    for (size_t group = 0; group < GROUPS; group++) {
        double accuracy = right[group] / count[group], mean = loss[group] / count[group];
        scores[ACCURACY_OF_ALL] += accuracy / GROUPS;
        scores[LOSS_OF_ALL] += mean / GROUPS;
        if (DIGITS[group] == RARE_DIGIT) {
            scores[RARE_ACCURACY] = accuracy;
            scores[RARE_LOSS] = mean;
        }
    }
}

/* COMMON training images of each digit, RARE of the rare one; the others are for the test. 0 if there
 * are too few. */
static int divide(const struct dataset *data, uint64_t seed, size_t *order, struct images *train, struct images *rest)
{
    size_t seen[GROUPS] = {0};
    struct random_state random = random_seeded(seed, STREAM_SPLIT);
    for (size_t i = 0; i < data->count; i++)
        order[i] = i;
    random_shuffle(&random, order, data->count);
    train->count = rest->count = 0;
    for (size_t i = 0; i < data->count; i++)
        for (uint32_t group = 0; group < GROUPS; group++)
            if (data->labels[order[i]] == DIGITS[group]) {
                size_t most = DIGITS[group] == RARE_DIGIT ? RARE : COMMON;
                struct images *part = seen[group]++ < most ? train : rest;
                part->pixels[part->count] = data->images + order[i] * PIXELS;
                part->digit[part->count++] = group;
            }
    for (size_t group = 0; group < GROUPS; group++)
        if (seen[group] < COMMON + RARE)
            return 0;
    return 1;
}

static const char *run(const struct dataset *data, size_t *order, struct images parts[2], struct work *work,
                       double results[METHODS][SPLITS][SCORES])
{
    for (size_t split = 0; split < SPLITS; split++) {
        if (!divide(data, split, order, &parts[0], &parts[1]))
            return "the data has too few of the digits 3, 5, 8 and 9";
        for (size_t method = 0; method < METHODS; method++) {
            struct model model;
            int32_t status = fit(&METHOD[method], &parts[0], work, &model);
            if (status != HRW_OK)
                return hrw_status_message(status);
            test(&model, &parts[1], results[method][split]);
        }
    }
    return NULL;
}

static struct estimate value(double results[METHODS][SPLITS][SCORES], size_t method, enum score score)
{
    struct estimate estimate = {0};
    for (size_t split = 0; split < SPLITS; split++)
        estimate_add(&estimate, results[method][split][score]);
    return estimate;
}

/* Whether a method is more accurate on the rare digit than another (1), less (-1), or not clearly
 * either. Split by split, since both saw the same images. */
static int compare(double results[METHODS][SPLITS][SCORES], size_t method, size_t base)
{
    struct estimate estimate = {0};
    for (size_t split = 0; split < SPLITS; split++)
        estimate_add(&estimate, results[method][split][RARE_ACCURACY] - results[base][split][RARE_ACCURACY]);
    return estimate_sign(&estimate);
}

static void print(double results[METHODS][SPLITS][SCORES])
{
    printf("1. Where HR helps: a digit that is rare in training, and not later\n\n");
    printf("A linear classifier tells the handwritten digits 3 and 8 from 5 and 9. Of %d training images %d are an 8.\n"
           "In the test each digit counts the same; mean +- standard error of %d random splits.\n\n",
           (GROUPS - 1) * COMMON + RARE, RARE, SPLITS);
    printf("  %-24s%-12s%28s%30s\n", "", "known of", "--------- the 8s ---------", "----- all four digits -----");
    printf("  %-24s%-12s%13s%15s%15s%15s\n", "weights", "an image", "accuracy", "loss", "accuracy", "loss");
    for (size_t method = 0; method < METHODS; method++) {
        printf("  %-24s%-12s", METHOD[method].name, KNOWN[METHOD[method].groups]);
        for (size_t score = 0; score < SCORES; score++) {
            struct estimate estimate = value(results, method, (enum score)score);
            printf("%7.3f +-%5.3f", estimate.mean, estimate_error(&estimate));
        }
        printf("\n");
    }
    const char *verdict[] = {"should help, but here hurts", "should help, but here not clearly helps", "helps"};
    const char *against[] = {"better here than by", "here no differently from", "here still better by"};
    printf("\n* Why: what is rare but right keeps a large loss, and HR gives weight to large losses: it %s the 8s, of\n"
           "  which it was not told (%.3f right in place of %.3f).\n",
           verdict[1 + compare(results, SAMPLES, PLAIN)], value(results, SAMPLES, RARE_ACCURACY).mean,
           value(results, PLAIN, RARE_ACCURACY).mean);
    printf("* Where it is known which digit each image is: HR over digits (%.3f), and %s\n"
           "  counting each digit the same (%.3f).\n",
           value(results, OVER_DIGITS, RARE_ACCURACY).mean, against[1 + compare(results, DIGITS_ALIKE, OVER_DIGITS)],
           value(results, DIGITS_ALIKE, RARE_ACCURACY).mean);
}

const char *rare_table(const struct dataset *data)
{
    static double results[METHODS][SPLITS][SCORES];
    const size_t room = data->count ? data->count : 1;
    struct images parts[2];
    size_t *order = malloc(room * sizeof *order);
    struct work *work = malloc(sizeof *work);
    int allocated = order && work;
    for (size_t i = 0; i < 2; i++) {
        parts[i].pixels = malloc(room * sizeof *parts[i].pixels);
        parts[i].digit = malloc(room * sizeof *parts[i].digit);
        allocated = allocated && parts[i].pixels && parts[i].digit;
    }
    const char *problem = allocated ? run(data, order, parts, work, results) : "out of memory";
    if (!problem)
        print(results);
    free(order);
    free(work);
    for (size_t i = 0; i < 2; i++) {
        free(parts[i].pixels);
        free(parts[i].digit);
    }
    return problem;
}
