/* With include_other.cpp: the header twice in one file, and in two files of one program. */
#include <hr_weights.hpp>
#include <hr_weights.hpp>

double other(const std::vector<float> &losses);

int main()
{
    const std::vector<float> losses = {1, 2, 3};
    const hr_weights::result<std::vector<float>> weights = hr_weights::try_weights(losses, {0.1, 0.1});
    /* Without exceptions too. */
    hr_weights::running_worst worst;
    const std::vector<std::uint32_t> groups = {0, 1, 1};
    const std::vector<double> budgets = {0.0, 0.1};
    if (!hr_weights::try_calibrate_r(losses, hr_weights::quantity::robust_loss, 2.5) ||
        !hr_weights::try_calibrate_alpha(losses, hr_weights::quantity::robust_loss, 2.5) ||
        !hr_weights::try_path(losses, budgets, budgets) || !hr_weights::try_solve_groups(losses, groups, 2) ||
        !worst.try_update(losses) || !hr_weights::try_top_samples(losses, 2) ||
        !hr_weights::try_group_shares(losses, groups, 2))
        return 2;
    return weights && (*weights)[2] == static_cast<float>(other(losses)) ? 0 : 1;
}
