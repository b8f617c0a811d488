// The same from C++: exits with 0 if the header, the C header beside it and the library belong together.
#include <hr_weights.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>

int main()
{
    const std::vector<double> losses = {3.0, 1.0, 5.0, 2.0, 4.0};
    const hr_weights::solution<double> solution = hr_weights::solve(losses, {0.2});
    const bool right = hr_weights::abi_matches() && std::strcmp(hr_weights::version(), EXPECTED_VERSION) == 0 &&
                       std::fabs(solution.report.robust_loss - 3.8) < 1e-12 && std::fabs(solution.weights[2] - 0.4) < 1e-12;
    bool thrown = false;
    try {
        (void)hr_weights::weights(losses, {1.5});
    } catch (const hr_weights::error &error) {
        thrown = error.code() == hr_weights::status::alpha;
    }
    if (!right || !thrown)
        std::fprintf(stderr, "consumer.cpp: right %d, thrown %d\n", right, thrown);
    return right && thrown ? 0 : 1;
}
