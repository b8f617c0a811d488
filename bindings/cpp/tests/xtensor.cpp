/* Tensors of xtensor and their parts, whose data() is that of the whole: what compiles has the right elements, and what has gaps does
 * not compile. */
#include "support.hpp"

#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

template <class Range>
inline constexpr bool taken = std::is_constructible_v<hrw::view<const float>, Range &> && std::is_convertible_v<Range &, hrw::view<float>>;

int main()
{
    const std::vector<float> losses = some_losses<float>(), expected = hrw::weights(losses, {0.05, 0.1});
    const std::size_t n = losses.size();
    using xt::all;

    xt::xtensor<float, 2> rows(std::array<std::size_t, 2>{3, n}, 9.0f), out(std::array<std::size_t, 2>{3, n}, -1.0f), wanted = out;
    xt::xtensor<float, 2, xt::layout_type::column_major> columns(std::array<std::size_t, 2>{n, 3}, 9.0f);
    xt::xtensor<float, 1> apart(std::array<std::size_t, 1>{n + 2}, 7.0f);
    auto row = xt::view(rows, 1, all());
    auto column = xt::view(columns, all(), 2);
    auto part = xt::view(apart, xt::range(1, n + 1));
    auto last = xt::view(out, 2, all());
    std::copy(losses.begin(), losses.end(), row.begin());
    std::copy(losses.begin(), losses.end(), column.begin());
    std::copy(losses.begin(), losses.end(), part.begin());
    std::copy(expected.begin(), expected.end(), xt::view(wanted, 2, all()).begin());

    static_assert(taken<decltype(row)> && taken<decltype(column)> && taken<decltype(part)> && taken<decltype(rows)>);
    CHECK(hrw::weights(row, {0.05, 0.1}) == expected);
    CHECK(hrw::weights(column, {0.05, 0.1}) == expected);
    CHECK(hrw::weights(part, {0.05, 0.1}) == expected);
    (void)hrw::weights_into(column, last, {0.05, 0.1}, xt::xtensor<float, 1>(std::array<std::size_t, 1>{n}, 1.0f));
    CHECK(out == wanted);
    const auto row_by_row = hrw::solve_batch(xt::view(rows, xt::range(1, 3), all()), n, {0.05, 0.1});
    CHECK(std::vector<float>(row_by_row.weights.begin(), row_by_row.weights.begin() + static_cast<std::ptrdiff_t>(n)) == expected);

    static_assert(!taken<decltype(xt::view(rows, all(), 0))> && !taken<decltype(xt::view(columns, 0, all()))>);
    static_assert(!taken<decltype(xt::view(rows, all(), xt::range(0, 2)))> && !taken<decltype(xt::view(apart, xt::range(0, 4, 2)))>);
    static_assert(!std::is_convertible_v<decltype(columns) &, hrw::weights_for<decltype(rows)>>);
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
