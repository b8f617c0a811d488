#include <hr_weights.hpp>

double other(const std::vector<float> &losses);
double other(const std::vector<float> &losses)
{
    const hr_weights::result<std::vector<float>> weights = hr_weights::try_weights(losses, {0.1, 0.1});
    return weights ? static_cast<double>((*weights)[2]) : -1.0;
}
