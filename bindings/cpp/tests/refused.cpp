/* What must not compile, one case at a time; case 0 must. run.sh knows what the compiler should say to each. */
#include <hr_weights.hpp>

#include <list>

#if CASE >= 9
#include <Eigen/Core>
static Eigen::MatrixXf matrix(2, 2);
[[maybe_unused]] static Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows(2, 2);
#endif

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
#elif CASE == 9
    (void)hrw::try_weights_into(matrix.row(0), losses);
#elif CASE == 10
    (void)hrw::try_weights(matrix.block(0, 0, 1, 2));
#elif CASE == 11
    (void)hrw::try_weights(Eigen::Map<Eigen::VectorXf, 0, Eigen::InnerStride<2>>(losses.data(), 2));
#elif CASE == 12
    (void)hrw::try_weights_into(losses, matrix.row(0));
#elif CASE == 13
    (void)hrw::try_weights(losses, {}, matrix.row(0));
#elif CASE == 14
    (void)hrw::try_weights(hrw::view(matrix.row(0)));
#elif CASE == 15
    (void)hrw::try_solve_batch(matrix, 2);
#elif CASE == 16
    (void)hrw::try_solve_ragged(matrix, std::vector<std::size_t>{0, 4});
#elif CASE == 17
    (void)hrw::try_weights_into(matrix, by_rows);
#elif CASE == 18
    (void)hrw::try_weights_batch_into(losses, 2, matrix);
#elif CASE == 19
    (void)hrw::try_weights(matrix, {}, by_rows);
#elif CASE == 20
    (void)hrw::try_solve_batch(losses, 2, {}, matrix);
#endif
}
