// An all-reduce, and the call that it is passed to.
#include <hr_weights.hpp>

#include "mpi.h"

namespace hrw = hr_weights;

int main()
{
    const std::vector<float> losses{0.3f, 2.0f, 0.1f, 0.7f};
    const hrw::options options{0.05, 0.1};
BLOCK
    return weights.size() != losses.size() || report.iterations == 0;
}
