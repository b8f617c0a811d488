// The smallest complete program: eight losses in, eight weights out.
//
// The weights maximise the average loss over every distribution that differs from the uniform one by a poisoned fraction
// alpha (total variation) and a sampling error r (Kullback-Leibler, nats). They sum to one, so in a training step they
// take the place of 1/n.
#include <hr_weights.hpp>

#include <cstdio>
#include <vector>

namespace hrw = hr_weights;

int main()
{
    const std::vector<double> losses = {0.1, 0.2, 0.2, 0.4, 0.7, 1.1, 1.8, 4.0};
    try {
        hrw::options options;
        options.alpha = 0.2;
        options.r = 0.1;
        const hrw::solution<double> solution = hrw::solve(losses, options);

        std::printf("  loss   weight\n");
        for (std::size_t i = 0; i < losses.size(); i++)
            std::printf("%6.2f   %6.4f\n", losses[i], solution.weights[i]);
        std::printf("robust loss %.4f (no distribution in reach exceeds %.4f)\n", solution.report.robust_loss,
                    solution.report.dual_bound);
    } catch (const hrw::error &error) {
        std::fprintf(stderr, "first: %s\n", error.what());
        return 1;
    }
}
