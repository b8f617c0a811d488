/* One training: a network, a way to weight its losses, and what it scores along the way. */
#ifndef DIGITS_TRAINER_H
#define DIGITS_TRAINER_H

#include "attack.h"
#include "data.h"

#include <stdatomic.h>
#include <stdint.h>

enum { EARLY, LATE, CHECKPOINTS };

/* How losses are averaged, and whether images are attacked first. */
struct recipe {
    int attack_steps; /* training attacks its images with this many steps; 0: it sees them as they are */
    int robust;       /* 0: every sample of a batch weighs 1/n; 1: the weights of the library */
    double alpha, r;  /* its budgets */
};

/* What all trainings share. */
struct plan {
    const struct dataset *data;
    size_t train, wrong;
    double epsilon; /* of every attack, in training and in the test */
    int test_attack_steps;
    int epochs[CHECKPOINTS]; /* the test images are scored after so many; the last ends the training */
};

enum metric {
    ACCURACY, /* on the test images */
    LOSS,
    ATTACKED_ACCURACY, /* on the test images, attacked */
    ATTACKED_LOSS,
    WRONG_WEIGHT, /* the share of the weight that wrong labels had in the epoch before */
    METRICS
};

struct scores {
    double of[METRICS];
};

struct result {
    struct scores scores[CHECKPOINTS];
    double step_seconds, solver_seconds; /* of all training steps, and the part of it inside the library */
};

/* What a training tells to, and hears from, the program around it. */
struct control {
    atomic_size_t done; /* work done, in the units of trainer_work */
    atomic_bool stop;   /* set by anybody: every training returns soon */
};

/* The cost of a whole training, roughly proportional to its time. */
size_t trainer_work(const struct plan *plan, const struct recipe *recipe);

/* Trains once. Returns NULL, or a static message that says what went wrong. The result depends on nothing but the plan,
 * the recipe and the seed; recipes with the same seed see the same split, wrong labels, first network and batches. */
const char *trainer_run(const struct plan *plan, const struct recipe *recipe, uint64_t seed, struct control *control,
                        struct result *result);

#endif
