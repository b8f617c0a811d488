// A block that computes fair weights and weights `w` from losses and classes, and plots a value.
#include <hr_weights.hpp>

#include <cmath>

namespace hrw = hr_weights;

static const std::uint64_t batches_per_epoch = 10;

static void use(double budget, const std::vector<float> &weights)
{
    if (!(budget > 0.0) || weights.size() != 500)
        std::abort();
}

static void plot(double value)
{
    if (!std::isfinite(value))
        std::abort();
}

int main()
{
    std::vector<float> losses(500);
    std::vector<std::uint32_t> classes(500);
    for (std::size_t i = 0; i < losses.size(); i++) {
        losses[i] = -std::log((static_cast<float>(i) + 0.5f) / 500.0f);
        classes[i] = static_cast<std::uint32_t>(i % 10);
    }
BLOCK
    return fair.weights.size() != losses.size() || w.weights.size() != losses.size() || top.indices.size() != 40 ||
           !(shares.ratios().data()[3] > 0.0);
}
