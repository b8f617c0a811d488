// Boosts trees on real handwritten digits with XGBoost's C interface and an objective of our own: the plain average of the
// losses, and HR weights as instance weights, new in every round. With right labels, and with a fraction of wrong ones.
//
// Where to read on: boost() is all that a program of your own needs. Written for XGBoost 1.6 to 2.0.
#include "../digits.hpp"

#include <hr_weights.hpp>
#include <xgboost/c_api.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace hrw = hr_weights;
using digits::CLASSES;
using digits::Dataset;
using digits::PIXELS;

namespace {

constexpr std::size_t TRAIN = 1000;

void check(int code)
{
    if (code != 0)
        throw std::runtime_error(XGBGetLastError());
}

struct FreeMatrix {
    void operator()(void *handle) const { XGDMatrixFree(handle); }
};
struct FreeBooster {
    void operator()(void *handle) const { XGBoosterFree(handle); }
};
using Matrix = std::unique_ptr<void, FreeMatrix>;
using Booster = std::unique_ptr<void, FreeBooster>;

Matrix make_matrix(const Dataset &data)
{
    DMatrixHandle handle;
    check(XGDMatrixCreateFromMat(data.images.data(), data.size(), PIXELS, NAN, &handle));
    return Matrix(handle);
}

Booster make_booster(const Matrix &train)
{
    BoosterHandle handle;
    const DMatrixHandle matrices[] = {train.get()};
    check(XGBoosterCreate(matrices, 1, &handle));
    Booster booster(handle);
    const std::pair<const char *, std::string> parameters[] = {
        {"num_class", std::to_string(CLASSES)}, {"objective", "multi:softprob"}, {"max_depth", "4"}, {"eta", "0.3"},
        {"base_score", "0"},                    {"nthread", "1"},
    };
    for (const auto &[name, value] : parameters)
        check(XGBoosterSetParam(booster.get(), name, value.c_str()));
    return booster;
}

// The losses of the samples, and the probabilities of the classes, from the sums over the trees so far.
void evaluate(const Booster &booster, const Matrix &matrix, const Dataset &data, std::vector<float> &losses,
              std::vector<float> &probabilities)
{
    constexpr int MARGIN = 1;
    bst_ulong count;
    const float *margins;
    check(XGBoosterPredict(booster.get(), matrix.get(), MARGIN, 0, 0, &count, &margins));
    losses.resize(data.size());
    probabilities.assign(margins, margins + count);
    for (std::size_t i = 0; i < data.size(); i++) {
        float *p = probabilities.data() + i * CLASSES;
        const float largest = *std::max_element(p, p + CLASSES);
        const float of_label = p[data.labels[i]];
        float sum = 0.0f;
        for (std::size_t k = 0; k < CLASSES; k++)
            sum += p[k] = std::exp(p[k] - largest);
        for (std::size_t k = 0; k < CLASSES; k++)
            p[k] /= sum;
        losses[i] = std::log(sum) + largest - of_label;
    }
}

// One round: new trees along the gradient of the weighted losses.
void boost(const Booster &booster, const Matrix &matrix, const Dataset &data, const hrw::options &options,
           std::vector<float> &losses, std::vector<float> &probabilities)
{
    evaluate(booster, matrix, data, losses, probabilities);
    // With alpha = r = 0 every weight is 1/n.
    const std::vector<float> weights = hrw::weights(losses, options);
    const std::size_t n = data.size();
    std::vector<float> gradient(n * CLASSES), hessian(n * CLASSES);
    for (std::size_t i = 0; i < n; i++) {
        // XGBoost's regularisation takes an average sample to weigh one.
        const float weight = static_cast<float>(n) * weights[i];
        for (std::size_t k = 0; k < CLASSES; k++) {
            const float p = probabilities[i * CLASSES + k];
            const float target = static_cast<std::size_t>(data.labels[i]) == k ? 1.0f : 0.0f;
            gradient[i * CLASSES + k] = weight * (p - target);
            // Twice the second derivative, as in XGBoost's own objective: it bounds the curvature across classes.
            hessian[i * CLASSES + k] = weight * std::max(2.0f * p * (1.0f - p), 1e-6f);
        }
    }
    check(XGBoosterBoostOneIter(booster.get(), matrix.get(), gradient.data(), hessian.data(), gradient.size()));
}

struct Scores {
    double accuracy, loss, worst_tenth; // on the test images; the last is the mean of the largest tenth of the losses
};

Scores run(const hrw::options &options, const Dataset &train, const Dataset &test, int rounds)
{
    const Matrix train_matrix = make_matrix(train), test_matrix = make_matrix(test);
    const Booster booster = make_booster(train_matrix);
    std::vector<float> losses, probabilities;
    for (int round = 0; round < rounds; round++)
        boost(booster, train_matrix, train, options, losses, probabilities);

    evaluate(booster, test_matrix, test, losses, probabilities);
    Scores scores{};
    for (std::size_t i = 0; i < test.size(); i++) {
        const float *p = probabilities.data() + i * CLASSES;
        scores.accuracy += std::max_element(p, p + CLASSES) - p == test.labels[i];
        scores.loss += static_cast<double>(losses[i]);
    }
    std::sort(losses.begin(), losses.end());
    const std::size_t tenth = test.size() / 10;
    for (std::size_t i = test.size() - tenth; i < test.size(); i++)
        scores.worst_tenth += static_cast<double>(losses[i]);
    const auto n = static_cast<double>(test.size());
    return {scores.accuracy / n, scores.loss / n, scores.worst_tenth / static_cast<double>(tenth)};
}

} // namespace

int main(int count, char **words)
{
    const char *path = count > 1 ? words[1] : "bindings/data/digits.csv";
    const int rounds = count > 2 ? std::atoi(words[2]) : 60;
    const std::uint64_t seeds = count > 3 ? std::strtoull(words[3], nullptr, 10) : 5;
    if (count > 4 || rounds < 1 || seeds < 1) {
        std::fprintf(stderr, "usage: trees [FILE [ROUNDS [SEEDS]]]\n");
        return 2;
    }
    try {
        const Dataset data = digits::read(path);
        std::printf("%d rounds of boosting on %zu handwritten digits; mean of %llu seeds, on the %zu others.\n\n", rounds, TRAIN,
                    static_cast<unsigned long long>(seeds), data.size() - TRAIN);
        std::printf("%-14s%-16s%10s%10s%24s\n", "wrong labels", "", "accuracy", "loss", "loss, worst tenth");
        for (const std::size_t wrong : {std::size_t{0}, TRAIN / 20, TRAIN / 4})
            for (const hrw::options &options : {hrw::options{}, hrw::options{0.05, 0.1}, hrw::options{0.1, 0.3}}) {
                Scores sum{};
                for (std::uint64_t seed = 0; seed < seeds; seed++) {
                    const std::vector<Dataset> parts = digits::split(data, {TRAIN}, wrong, seed);
                    const Scores scores = run(options, parts[0], parts[1], rounds);
                    sum.accuracy += scores.accuracy;
                    sum.loss += scores.loss;
                    sum.worst_tenth += scores.worst_tenth;
                }
                const auto n = static_cast<double>(seeds);
                char name[32] = "plain average";
                if (options.alpha > 0.0)
                    std::snprintf(name, sizeof name, "HR(%g, %g)", options.alpha, options.r);
                std::printf("%-14zu%-16s%10.3f%10.3f%24.3f\n", wrong, name, sum.accuracy / n, sum.loss / n,
                            sum.worst_tenth / n);
                std::fflush(stdout);
            }
    } catch (const std::exception &problem) {
        std::fprintf(stderr, "trees: %s\n", problem.what());
        return 1;
    }
}
