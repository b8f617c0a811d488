// One training: a network, a way to weight its losses, and what it scores.
#pragma once

#include "../digits.hpp"
#include "attack.hpp"

#include <hr_weights.hpp>

#include <array>
#include <cstdint>
#include <optional>

// How losses are averaged, and whether images are attacked first.
struct Recipe {
    const char *name;
    std::optional<hr_weights::options> robust; // none: every sample of a batch weighs 1/n
    int attack_steps;
};

struct Plan {
    int epochs;
    double epsilon; // of every attack, in training and in the test
    int test_attack_steps;
};

enum Metric { ACCURACY, LOSS, ATTACKED_ACCURACY, ATTACKED_LOSS, METRICS };

struct Scores {
    std::array<double, METRICS> of; // on the test images
    double step_seconds, solver_seconds; // of the whole training, and the part of it in hr_weights
};

// Trains once, and scores. Depends on the data, the recipe and the seed alone.
Scores train(const Plan &plan, const Recipe &recipe, const digits::Dataset &train, const digits::Dataset &test,
             std::uint64_t seed);
