// Trains a linear classifier on real digits, half of which are rare in training but not in use, in plain C++: once with the
// plain average of the losses and once with HR weights, which guard against such a shift of the data. Then certifies, from
// held-out digits, how often each classifier errs, even if some of the held-out labels cannot be trusted.
//
// It uses results instead of exceptions: try_* and nothing that throws from the library.
#include "digits.hpp"

#include <hr_weights.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace hrw = hr_weights;
using digits::CLASSES;
using digits::Dataset;
using digits::PIXELS;

namespace {

constexpr std::size_t TRAIN = 800, HELD_OUT = 500, RARE = 20;
constexpr int STEPS = 2000;
constexpr std::uint64_t SEEDS = 3;
constexpr double LEARNING_RATE = 0.5, DELTA = 0.05;

struct Model {
    std::array<double, CLASSES * (PIXELS + 1)> parameters{}; // of each class the weights of the pixels, then the bias
};

// The probabilities of the classes.
std::array<double, CLASSES> predict(const Model &model, const float *image)
{
    std::array<double, CLASSES> p;
    for (std::size_t k = 0; k < CLASSES; k++) {
        const double *row = model.parameters.data() + k * (PIXELS + 1);
        p[k] = row[PIXELS];
        for (std::size_t j = 0; j < PIXELS; j++)
            p[k] += row[j] * static_cast<double>(image[j]);
    }
    const double largest = *std::max_element(p.begin(), p.end());
    double sum = 0.0;
    for (double &x : p)
        sum += x = std::exp(x - largest);
    for (double &x : p)
        x /= sum;
    return p;
}

// One step of gradient descent on all images. False, with a message, if the weights cannot be computed.
bool step(Model &model, const Dataset &data, const hrw::options &options, std::vector<double> &losses,
          std::vector<double> &weights, std::vector<std::array<double, CLASSES>> &predictions)
{
    for (std::size_t i = 0; i < data.size(); i++) {
        predictions[i] = predict(model, data.image(i));
        losses[i] = -std::log(predictions[i][static_cast<std::size_t>(data.labels[i])]);
    }
    // The only line in which a robust training differs; with alpha = r = 0 every weight is 1/n.
    const hrw::result<hrw::report> proof = hrw::try_weights_into(losses, weights, options);
    if (!proof) {
        std::fprintf(stderr, "rare_digits: %s\n", proof.error().message());
        return false;
    }
    Model gradient;
    for (std::size_t i = 0; i < data.size(); i++)
        for (std::size_t k = 0; k < CLASSES; k++) {
            const double target = static_cast<std::size_t>(data.labels[i]) == k ? 1.0 : 0.0;
            const double error = weights[i] * (predictions[i][k] - target);
            double *row = gradient.parameters.data() + k * (PIXELS + 1);
            for (std::size_t j = 0; j < PIXELS; j++)
                row[j] += error * static_cast<double>(data.image(i)[j]);
            row[PIXELS] += error;
        }
    for (std::size_t j = 0; j < gradient.parameters.size(); j++)
        model.parameters[j] -= LEARNING_RATE * gradient.parameters[j];
    return true;
}

// 1 for each image that the model gets wrong, else 0: a loss that never exceeds 1.
std::vector<float> errors(const Model &model, const Dataset &data)
{
    std::vector<float> errors;
    for (std::size_t i = 0; i < data.size(); i++) {
        const auto p = predict(model, data.image(i));
        const auto best = std::max_element(p.begin(), p.end()) - p.begin();
        errors.push_back(best == data.labels[i] ? 0.0f : 1.0f);
    }
    return errors;
}

double mean(const std::vector<float> &values)
{
    double sum = 0.0;
    for (const float value : values)
        sum += static_cast<double>(value);
    return sum / static_cast<double>(values.size());
}

// Of the digits from 5 to 9 only one in RARE.
Dataset thinned(const Dataset &data)
{
    Dataset thin;
    std::size_t seen = 0;
    for (std::size_t i = 0; i < data.size(); i++)
        if (data.labels[i] < 5 || seen++ % RARE == 0)
            thin.add(data.image(i), data.labels[i]);
    return thin;
}

// Trains, tests and certifies, and prints a line.
bool run(const char *name, const hrw::options &options, const std::vector<Dataset> &parts, int steps)
{
    const Dataset train = thinned(parts[0]), &held_out = parts[1], &test = parts[2];
    Model model;
    std::vector<double> losses(train.size()), weights(train.size());
    std::vector<std::array<double, CLASSES>> predictions(train.size());
    for (int k = 0; k < steps; k++)
        if (!step(model, train, options, losses, weights, predictions))
            return false;

    const std::vector<float> held_out_errors = errors(model, held_out);
    std::printf("%-16s%10.3f%10.3f", name, mean(errors(model, test)), mean(held_out_errors));
    for (const double alpha : {0.0, 0.01, 0.05}) {
        const hrw::result<double> bound = hrw::try_certify(held_out_errors, {alpha, DELTA, 1.0});
        if (!bound) {
            std::fprintf(stderr, "rare_digits: %s\n", bound.error().message());
            return false;
        }
        std::printf("%10.3f", *bound);
    }
    std::printf("\n");
    return true;
}

} // namespace

int main(int count, char **words)
{
    if (count > 3) {
        std::fprintf(stderr, "usage: rare_digits [FILE [STEPS]]\n");
        return 2;
    }
    const int steps = count > 2 ? std::atoi(words[2]) : STEPS;
    std::printf("A linear classifier of handwritten digits. Of the digits 5 to 9, one in %zu is in the training images, all\n"
                "are in the others. Its error rate on test images and on %zu held-out ones; and the rate that it does not\n"
                "exceed, with %.0f%% confidence, if up to a fraction alpha of the held-out images was tampered with.\n\n",
                RARE, HELD_OUT, 100.0 * (1.0 - DELTA));
    std::printf("%-16s%10s%10s%10s%10s%10s\n", "", "test", "held out", "alpha 0", "0.01", "0.05");
    try {
        const Dataset data = digits::read(count > 1 ? words[1] : "bindings/data/digits.csv");
        for (std::uint64_t seed = 1; seed <= SEEDS; seed++) {
            const std::vector<Dataset> parts = digits::split(data, {TRAIN, HELD_OUT}, 0, seed);
            if (!run("plain average", {}, parts, steps) || !run("HR(0, 0.3)", {0.0, 0.3}, parts, steps))
                return 1;
        }
    } catch (const std::exception &problem) {
        std::fprintf(stderr, "rare_digits: %s\n", problem.what());
        return 1;
    }
}
