// Trains a small network on real handwritten digits of which a quarter is labelled wrongly, in libtorch: with the plain
// average of the losses and with HR weights, on the images as they are and under an l2 attack. The same setting as
// bindings/c/examples/digits, so the two can be compared.
//
// Where to read on: weights.hpp, and train_step in trainer.cpp.
#include "trainer.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t TRAIN = 1000, WRONG = TRAIN / 4;
constexpr int ATTACK_STEPS = 3;

// A plain average is followed by the robust recipe that it is compared with.
const std::vector<Recipe> RECIPES = {
    {"plain average", std::nullopt, 0},
    {"HR(0.05, 0.1)", hr_weights::options{0.05, 0.1}, 0},
    {"PGD, plain average", std::nullopt, ATTACK_STEPS},
    {"PGD, HR(0.05, 0.1)", hr_weights::options{0.05, 0.1}, ATTACK_STEPS},
};

struct Arguments {
    std::string data = "bindings/data/digits.csv";
    int epochs = 300;
    int seeds = 5;
};

const char USAGE[] = "usage: digits [--data FILE] [--epochs N] [--seeds N]\n"
                     "  --data FILE    the images (default bindings/data/digits.csv)\n"
                     "  --epochs N     length of each training (default 300)\n"
                     "  --seeds N      trainings of each kind (default 5)\n";

bool parse_count(const char *text, int &value)
{
    char *rest;
    const long number = std::strtol(text, &rest, 10);
    value = static_cast<int>(number);
    return rest != text && *rest == '\0' && number >= 1 && number <= 100000;
}

bool parse(int count, char **words, Arguments &arguments)
{
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string word = words[i];
        if (word == "--data")
            arguments.data = words[i + 1];
        else if (!(word == "--epochs" && parse_count(words[i + 1], arguments.epochs)) &&
                 !(word == "--seeds" && parse_count(words[i + 1], arguments.seeds)))
            return false;
    }
    return count % 2 == 1;
}

struct Estimate {
    double mean, error; // of the mean; NaN for a single value
};

template <class Value>
Estimate estimate(std::size_t n, Value value)
{
    double sum = 0.0, squares = 0.0;
    for (std::size_t i = 0; i < n; i++)
        sum += value(i);
    const double mean = sum / static_cast<double>(n);
    for (std::size_t i = 0; i < n; i++)
        squares += (value(i) - mean) * (value(i) - mean);
    return {mean, std::sqrt(squares / static_cast<double>(n - 1) / static_cast<double>(n))};
}

template <class Value>
void print_row(const char *name, std::size_t seeds, const char *format, Value value)
{
    std::printf("%-20s", name);
    for (int metric = 0; metric < METRICS; metric++) {
        const Estimate of = estimate(seeds, [&](std::size_t seed) { return value(seed, metric); });
        std::printf(format, of.mean, of.error);
    }
    std::printf("\n");
}

void print_table(const std::vector<std::vector<Scores>> &results, std::size_t seeds)
{
    std::printf("%-20s%16s%16s%16s%16s\n", "", "accuracy", "loss", "att. accuracy", "att. loss");
    for (std::size_t i = 0; i < RECIPES.size(); i++)
        print_row(RECIPES[i].name, seeds, "   %6.3f +-%.3f",
                  [&](std::size_t seed, int metric) { return results[i][seed].of[metric]; });
    std::printf("\nHR minus the plain average, paired by seed\n");
    for (std::size_t i = 1; i < RECIPES.size(); i += 2)
        print_row(RECIPES[i].name, seeds, "   %+6.3f +-%.3f", [&](std::size_t seed, int metric) {
            return results[i][seed].of[metric] - results[i - 1][seed].of[metric];
        });
    double steps = 0.0, solver = 0.0;
    for (std::size_t i = 1; i < RECIPES.size(); i += 2)
        for (const Scores &scores : results[i]) {
            steps += scores.step_seconds;
            solver += scores.solver_seconds;
        }
    std::printf("\nHR weights took %.1f%% of the time of a robust training.\n", 100.0 * solver / steps);
}

void run(const Arguments &arguments)
{
    // The matrices are too small to share among threads.
    torch::set_num_threads(1);
    const digits::Dataset data = digits::read(arguments.data);
    const Plan plan{arguments.epochs, 0.1, 20};
    const auto seeds = static_cast<std::size_t>(arguments.seeds);
    std::printf("Handwritten digits, 8x8 pixels: %zu training images, %zu of them wrongly labelled; %zu test images.\n"
                "Network 64-128-128-10, Adam, %d epochs; mean +- standard error of %d seeds. PGD: trained on images\n"
                "attacked in %d steps. Attack: l2 PGD, epsilon %g. Weights of hr_weights %s.\n\n",
                TRAIN, WRONG, data.size() - TRAIN, plan.epochs, arguments.seeds, ATTACK_STEPS, plan.epsilon,
                hr_weights::version());
    std::fflush(stdout);
    const bool progress = isatty(STDERR_FILENO) != 0;
    std::vector<std::vector<Scores>> results(RECIPES.size());
    for (std::size_t seed = 0; seed < seeds; seed++) {
        const std::vector<digits::Dataset> parts = digits::split(data, {TRAIN}, WRONG, seed);
        for (std::size_t i = 0; i < RECIPES.size(); i++) {
            if (progress)
                std::fprintf(stderr, "\rseed %zu of %zu: %-20s", seed + 1, seeds, RECIPES[i].name);
            results[i].push_back(train(plan, RECIPES[i], parts[0], parts[1], seed));
        }
    }
    if (progress)
        std::fprintf(stderr, "\r%40s\r", "");
    print_table(results, seeds);
}

} // namespace

int main(int count, char **words)
{
    Arguments arguments;
    if (!parse(count, words, arguments)) {
        std::fputs(USAGE, stderr);
        return 2;
    }
    try {
        run(arguments);
    } catch (const std::exception &problem) {
        std::fprintf(stderr, "digits: %s\n", problem.what());
        return 1;
    }
}
