/* What must not compile, one case at a time; case 0 must. run.sh knows what the compiler should say to each. */
#include <hr_weights.hpp>

#include <list>

namespace hrw = hr_weights;

void program(std::vector<float> &losses, const std::vector<float> &constant, std::vector<double> &wide,
             std::vector<int> &integers, std::list<float> &list);
void program(std::vector<float> &losses, const std::vector<float> &constant, std::vector<double> &wide,
             std::vector<int> &integers, std::list<float> &list)
{
    (void)constant, (void)wide, (void)integers, (void)list;
#if CASE == 0
    (void)hrw::try_weights_into(constant, losses);
#elif CASE == 1
    (void)hrw::try_weights(integers);
#elif CASE == 2
    (void)hrw::try_weights(list);
#elif CASE == 3
    (void)hrw::try_weights_into(losses, constant);
#elif CASE == 4
    (void)hrw::try_weights_into(losses, wide);
#elif CASE == 5
    (void)hrw::try_weights(losses, {}, wide);
#elif CASE == 6
    hrw::try_weights(losses);
#elif CASE == 7
    hrw::weights(losses);
#elif CASE == 8
    hrw::certified_r(10, 0.1);
#endif
}
