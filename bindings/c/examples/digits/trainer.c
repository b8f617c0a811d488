#define _POSIX_C_SOURCE 200809L

#include "trainer.h"

#include "adam.h"

#include <hr_weights.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double LEARNING_RATE = 1e-3;

struct trainer {
    struct mlp net;
    struct mlp_pass pass;
    struct adam adam;
    _Alignas(CACHE_LINE) float gradient[PARAMETERS];
    float images[BATCH * PIXELS], attacked[BATCH * PIXELS];
    float losses[BATCH], weights[BATCH];
    int labels[BATCH];
    hrw_options options;
    const struct plan *plan;
    const struct recipe *recipe;
    struct result *result;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void load_batch(struct trainer *trainer, const struct dataset *data, const int *labels, const size_t *indices,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(trainer->images + i * PIXELS, data->images + indices[i] * PIXELS, PIXELS * sizeof *trainer->images);
        trainer->labels[i] = labels[indices[i]];
    }
}

/* The weights of the batch, from its losses: the only line in which a robust training differs from a plain one. */
static int32_t weigh(struct trainer *trainer, size_t n)
{
    if (trainer->recipe->robust)
        return hrw_weights_f32(&trainer->options, trainer->losses, NULL, n, trainer->weights, NULL);
    for (size_t i = 0; i < n; i++)
        trainer->weights[i] = 1.0f / (float)n;
    return HRW_OK;
}

static int32_t train_step(struct trainer *trainer, size_t n)
{
    double start = seconds();
    const float *images = trainer->images;
    if (trainer->recipe->attack_steps > 0) {
        struct attack attack = {trainer->plan->epsilon, trainer->recipe->attack_steps};
        attack_l2(&attack, &trainer->net, &trainer->pass, images, trainer->labels, n, trainer->attacked);
        images = trainer->attacked;
    }
    mlp_forward(&trainer->net, &trainer->pass, images, trainer->labels, n, trainer->losses);

    double before = seconds();
    int32_t status = weigh(trainer, n);
    double after = seconds();
    if (status != HRW_OK)
        return status;

    mlp_gradient(&trainer->net, &trainer->pass, images, trainer->weights, n, trainer->gradient);
    adam_step(&trainer->adam, LEARNING_RATE, trainer->gradient, trainer->net.parameters);
    mlp_refresh(&trainer->net);

    /* Without the library there is nothing to time but the clock. */
    trainer->result->solver_seconds += trainer->recipe->robust ? after - before : 0.0;
    trainer->result->step_seconds += seconds() - start;
    return HRW_OK;
}

/* The share of this epoch's weight that wrong labels received goes to *wrong_weight. */
static int32_t train_epoch(struct trainer *trainer, const struct split *split, const size_t *order, double *wrong_weight)
{
    double wrong = 0.0, all = 0.0;
    for (size_t first = 0; first < split->train; first += BATCH) {
        size_t n = split->train - first < BATCH ? split->train - first : BATCH;
        load_batch(trainer, split->data, split->given, order + first, n);
        int32_t status = train_step(trainer, n);
        if (status != HRW_OK)
            return status;
        for (size_t i = 0; i < n; i++) {
            size_t index = order[first + i];
            all += trainer->weights[i];
            if (split->given[index] != split->data->labels[index])
                wrong += trainer->weights[i];
        }
    }
    *wrong_weight = wrong / all;
    return HRW_OK;
}

static void add_scores(struct trainer *trainer, const float *images, size_t n, double *correct, double *loss)
{
    mlp_forward(&trainer->net, &trainer->pass, images, trainer->labels, n, trainer->losses);
    for (size_t i = 0; i < n; i++) {
        *correct += mlp_predicted(&trainer->pass, i) == trainer->labels[i];
        *loss += trainer->losses[i];
    }
}

/* Means over the test images, as they are and attacked. */
static void test(struct trainer *trainer, const struct split *split, struct scores *scores)
{
    const struct attack attack = {trainer->plan->epsilon, trainer->plan->test_attack_steps};
    double *of = scores->of;
    for (size_t first = split->train; first < split->data->count; first += BATCH) {
        size_t n = split->data->count - first < BATCH ? split->data->count - first : BATCH;
        load_batch(trainer, split->data, split->data->labels, split->order + first, n);
        add_scores(trainer, trainer->images, n, &of[ACCURACY], &of[LOSS]);
        attack_l2(&attack, &trainer->net, &trainer->pass, trainer->images, trainer->labels, n, trainer->attacked);
        add_scores(trainer, trainer->attacked, n, &of[ATTACKED_ACCURACY], &of[ATTACKED_LOSS]);
    }
    for (int metric = ACCURACY; metric <= ATTACKED_LOSS; metric++)
        of[metric] /= (double)(split->data->count - split->train);
}

/* Forward and backward pass in units of a matrix product each way; an attack step spares the parameters' gradient. */
static size_t epoch_work(const struct recipe *recipe)
{
    return 3 + 2 * (size_t)recipe->attack_steps;
}

size_t trainer_work(const struct plan *plan, const struct recipe *recipe)
{
    return (size_t)plan->epochs[LATE] * epoch_work(recipe);
}

static int32_t train(struct trainer *trainer, const struct split *split, size_t *order, uint64_t seed,
                     struct control *control)
{
    struct random_state random = random_seeded(seed, STREAM_ORDER);
    for (int epoch = 1; epoch <= trainer->plan->epochs[LATE]; epoch++) {
        double wrong_weight;
        random_shuffle(&random, order, split->train);
        int32_t status = train_epoch(trainer, split, order, &wrong_weight);
        if (status != HRW_OK || atomic_load(&control->stop))
            return status;
        for (int checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint++)
            if (epoch == trainer->plan->epochs[checkpoint]) {
                struct scores *scores = &trainer->result->scores[checkpoint];
                scores->of[WRONG_WEIGHT] = wrong_weight;
                test(trainer, split, scores);
            }
        atomic_fetch_add(&control->done, epoch_work(trainer->recipe));
    }
    return HRW_OK;
}

const char *trainer_run(const struct plan *plan, const struct recipe *recipe, uint64_t seed, struct control *control,
                        struct result *result)
{
    *result = (struct result){0};
    struct split split;
    if (split_draw(&split, plan->data, plan->train, plan->wrong, seed) != 0)
        return "out of memory";
    /* A training shuffles its own copy of the order: the split stays what it is. */
    size_t *order = malloc(plan->train * sizeof *order);
    struct trainer *trainer = aligned_alloc(CACHE_LINE, sizeof *trainer);
    if (!order || !trainer) {
        free(order);
        free(trainer);
        split_free(&split);
        return "out of memory";
    }
    memcpy(order, split.order, plan->train * sizeof *order);
    trainer->plan = plan;
    trainer->recipe = recipe;
    trainer->result = result;
    struct random_state random = random_seeded(seed, STREAM_NETWORK);
    mlp_init(&trainer->net, &random);
    adam_init(&trainer->adam);

    int32_t status = hrw_options_init(&trainer->options, sizeof trainer->options);
    if (status == HRW_OK) {
        trainer->options.alpha = recipe->alpha;
        trainer->options.r = recipe->r;
        status = train(trainer, &split, order, seed, control);
    }
    free(order);
    free(trainer);
    split_free(&split);
    return status == HRW_OK ? NULL : hrw_status_message(status);
}
