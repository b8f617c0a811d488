// A block that returns when a loss is not finite.
#include <hr_weights.hpp>

#include <cmath>

namespace hrw = hr_weights;

static int skip_step(std::uint64_t sample)
{
    return sample == 1 ? 0 : 1;
}

int main()
{
    const std::vector<float> losses{0.3f, NAN};
    std::vector<float> w(2);
    const hrw::options options{0.05, 0.1};
BLOCK
    return 1;
}
