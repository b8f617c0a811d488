/* With include_other.cpp: the header twice in one file, and in two files of one program. */
#include <hr_weights.hpp>
#include <hr_weights.hpp>

double other(const std::vector<float> &losses);

int main()
{
    const std::vector<float> losses = {1, 2, 3};
    const hr_weights::result<std::vector<float>> weights = hr_weights::try_weights(losses, {0.1, 0.1});
    return weights && (*weights)[2] == static_cast<float>(other(losses)) ? 0 : 1;
}
