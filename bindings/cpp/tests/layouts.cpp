/* Which ranges hr_weights.hpp takes, by what they declare of their memory: Eigen's, and those of other libraries in miniature. That
 * what is refused has a clear message is a matter of refused.cpp. */
#include "support.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <valarray>
#if __cplusplus >= 202002L
#include <ranges>
#include <span>
#endif

/* As losses and as output. */
template <class Range>
inline constexpr bool accepted =
    std::is_constructible_v<hrw::view<const float>, Range> && std::is_convertible_v<Range, hrw::view<float>>;

/* Also where it is const. */
template <class Range>
inline constexpr bool refused =
    !std::is_constructible_v<hrw::view<float>, Range> && !std::is_constructible_v<hrw::view<const float>, const Range &> &&
    !std::is_constructible_v<hrw::base_weights<float>, Range>;

/* ---- Eigen ---- */

using by_columns = Eigen::MatrixXf;
using by_rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using fixed = Eigen::Matrix<float, 3, 4>;
template <class T>
T &some();
template <class Plain, class Stride>
using mapped = Eigen::Map<Plain, 0, Stride>;

/* Vectors and whole matrices. */
static_assert(accepted<Eigen::VectorXf &> && accepted<Eigen::RowVectorXf &> && accepted<Eigen::Vector4f &>);
static_assert(accepted<Eigen::ArrayXf &> && accepted<Eigen::ArrayXXf &>);
static_assert(accepted<by_columns &> && accepted<by_rows &> && accepted<fixed &>);
static_assert(std::is_constructible_v<hrw::view<const float>, const Eigen::VectorXf &>);
static_assert(!std::is_constructible_v<hrw::view<float>, const Eigen::VectorXf &>);
/* Where rows, or columns, are vectors without gaps. */
static_assert(accepted<decltype(some<by_columns>().col(0))> && refused<decltype(some<by_columns>().row(0))>);
static_assert(accepted<decltype(some<by_rows>().row(0))> && refused<decltype(some<by_rows>().col(0))>);
static_assert(accepted<decltype(some<fixed>().col(0))> && refused<decltype(some<fixed>().row(0))>);
static_assert(accepted<decltype(some<by_columns>().col(0).transpose())>);
static_assert(accepted<decltype(some<by_columns>().col(0).array())>);
/* Parts of vectors, and of such rows and columns. */
static_assert(accepted<decltype(some<Eigen::VectorXf>().segment(1, 2))> && accepted<decltype(some<Eigen::VectorXf>().head<2>())>);
static_assert(accepted<decltype(some<by_columns>().col(0).tail(2))> && refused<decltype(some<by_columns>().row(0).tail(2))>);
static_assert(refused<decltype(some<by_columns>().row(0).array())> && refused<decltype(some<by_columns>().row(0).transpose())>);
/* Blocks, the diagonal, every second element. */
static_assert(refused<decltype(some<by_columns>().block(0, 0, 2, 2))> && refused<decltype(some<by_rows>().block(0, 0, 2, 2))>);
static_assert(refused<decltype(some<by_columns>().topRows(2))> && refused<decltype(some<by_rows>().leftCols(2))>);
static_assert(refused<decltype(some<fixed>().block<2, 2>(0, 0))> && refused<decltype(some<by_columns>().diagonal())>);
static_assert(accepted<decltype(some<fixed>().block<3, 2>(0, 1))>); /* whole columns, and the type says so */
static_assert(refused<decltype(some<Eigen::VectorXcf>().real())>);
static_assert(refused<decltype(some<Eigen::VectorXf>().reverse())> && refused<decltype(some<Eigen::VectorXf>() * 2)>);
#if EIGEN_VERSION_AT_LEAST(3, 4, 0)
static_assert(refused<decltype(some<Eigen::VectorXf>()(Eigen::seq(0, 4, 2)))>);
static_assert(refused<decltype(some<by_columns>().block(0, 0, 2, 2).reshaped())>);
#endif
/* Somebody else's memory. */
static_assert(accepted<Eigen::Map<Eigen::VectorXf>> && accepted<Eigen::Map<by_columns>> && accepted<Eigen::Map<by_rows> &>);
static_assert(accepted<mapped<Eigen::VectorXf, Eigen::InnerStride<1>>>);
static_assert(refused<mapped<Eigen::VectorXf, Eigen::InnerStride<2>>> && refused<mapped<Eigen::VectorXf, Eigen::InnerStride<>>>);
static_assert(refused<mapped<by_columns, Eigen::OuterStride<>>> && refused<mapped<by_columns, Eigen::OuterStride<7>>>);
static_assert(refused<mapped<by_columns, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>>);
static_assert(refused<mapped<fixed, Eigen::OuterStride<5>>> && accepted<mapped<fixed, Eigen::OuterStride<3>>>);
static_assert(accepted<Eigen::Ref<Eigen::VectorXf>> && refused<Eigen::Ref<Eigen::VectorXf, 0, Eigen::InnerStride<>>>);
static_assert(refused<Eigen::Ref<by_columns>>);
static_assert(std::is_constructible_v<hrw::view<const float>, const Eigen::Ref<const Eigen::VectorXf> &>);
/* A class of the program's own that is a vector. */
struct named_losses : Eigen::VectorXf {
    using Eigen::VectorXf::VectorXf;
};
static_assert(accepted<named_losses &>);

/* Matrices in one call: what is stored in another order than the losses is neither output nor base weights nor groups. */
template <class Losses, class Range>
inline constexpr bool fits_beside =
    std::is_convertible_v<Range, hrw::weights_for<Losses>> && std::is_convertible_v<Range, hrw::base_for<Losses>>;
static_assert(fits_beside<by_columns, by_columns &> && fits_beside<by_rows, by_rows &>);
static_assert(fits_beside<by_columns, fixed &> && fits_beside<by_columns, Eigen::Map<by_columns>>);
static_assert(!fits_beside<by_columns, by_rows &> && !fits_beside<by_rows, by_columns &>);
static_assert(!std::is_convertible_v<by_rows &, hrw::weights_for<by_columns>> &&
              !std::is_convertible_v<by_rows &, hrw::base_for<by_columns>>);
static_assert(!fits_beside<by_rows, Eigen::Map<by_columns>> && !fits_beside<Eigen::Map<const by_rows>, fixed &>);
static_assert(fits_beside<by_rows, Eigen::VectorXf &> && fits_beside<by_columns, std::vector<float> &>);
static_assert(fits_beside<Eigen::RowVectorXf, by_columns &> && fits_beside<std::vector<float>, by_rows &>);
static_assert(fits_beside<by_rows, hrw::view<float>> && std::is_convertible_v<hrw::base_weights<float>, hrw::base_for<by_rows>>);
using groups_by_rows = Eigen::Matrix<std::uint32_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
static_assert(std::is_convertible_v<groups_by_rows &, hrw::groups_for<by_rows>> &&
              !std::is_convertible_v<groups_by_rows &, hrw::groups_for<by_columns>>);
/* Batches lie by rows, whatever holds the losses. */
static_assert(std::is_convertible_v<by_rows &, hrw::weights_by_rows<std::vector<float>>> &&
              !std::is_convertible_v<by_columns &, hrw::weights_by_rows<std::vector<float>>>);
static_assert(std::is_convertible_v<by_rows &, hrw::base_by_rows<std::vector<float>>> &&
              !std::is_convertible_v<by_columns &, hrw::base_by_rows<std::vector<float>>>);

/* ---- the standard library ---- */

static_assert(accepted<std::vector<float> &> && accepted<std::array<float, 3> &> && accepted<float (&)[3]>);
static_assert(accepted<hrw::view<float>> && std::is_constructible_v<hrw::view<const float>, std::initializer_list<float>>);
static_assert(refused<std::deque<float>> && refused<std::valarray<float>> && refused<std::vector<bool>>);
static_assert(refused<decltype(some<std::valarray<float>>()[std::slice(0, 2, 2)])> && refused<std::vector<std::vector<float>>>);
#if __cplusplus >= 202002L
static_assert(accepted<std::span<float>> && accepted<std::span<float, 3>>);
static_assert(accepted<decltype(some<std::vector<float>>() | std::views::drop(1))>);
static_assert(refused<decltype(some<std::vector<float>>() | std::views::reverse)>);
#endif

/* ---- what types of other libraries declare ---- */

struct elements {
    float *data() const { return nullptr; }
    std::size_t size() const { return 0; }
};
static_assert(accepted<elements>); /* nothing but data() and size() */

struct says_yes : elements {
    static constexpr bool is_contiguous = true;
    std::size_t stride(std::size_t) const { return 1; }
};
struct says_no : elements {
    static constexpr bool is_contiguous = false;
};
struct function_says_yes : elements {
    static constexpr bool is_contiguous() { return true; }
};
struct function_says_no : elements {
    static constexpr bool is_contiguous() { return false; }
};
struct knows_at_run_time : elements {
    bool is_contiguous() const { return true; }
};
static_assert(accepted<says_yes> && refused<says_no>);
static_assert(accepted<function_says_yes> && refused<function_says_no> && refused<knows_at_run_time>);

/* As std::mdspan, with the size and the pointer under the names that ranges have. */
template <bool Exhaustive>
struct like_mdspan : elements {
    static constexpr bool is_always_exhaustive() { return Exhaustive; }
    std::size_t stride(std::size_t) const { return 1; }
};
static_assert(accepted<like_mdspan<true>> && refused<like_mdspan<false>>);

template <bool Contiguous>
struct like_xtensor : elements {
    static constexpr bool contiguous_layout = Contiguous;
    const std::array<std::ptrdiff_t, 1> &strides() const;
};
static_assert(accepted<like_xtensor<true>> && refused<like_xtensor<false>>);
/* A part of a tensor: data() is the whole's. */
struct part_of_xtensor {
    std::size_t data_offset() const { return 2; }
    const float *data() const { return whole; }
    std::size_t size() const { return 3; }
    float whole[5];
};

enum class layout { dynamic, row_major, column_major };
template <layout Layout>
struct xtensor_of : like_xtensor<true> {
    static constexpr layout static_layout = Layout;
};
static_assert(fits_beside<xtensor_of<layout::row_major>, by_rows &> && !fits_beside<xtensor_of<layout::row_major>, by_columns &>);
static_assert(!fits_beside<xtensor_of<layout::row_major>, xtensor_of<layout::column_major>>);
static_assert(!std::is_convertible_v<xtensor_of<layout::column_major>, hrw::weights_by_rows<std::vector<float>>>);

/* As ublas, whose data() is an object of its own, and a class with a smart pointer. */
struct storage {};
template <class Data>
struct with_data {
    Data &data() const;
    std::size_t size() const { return 0; }
};
static_assert(refused<with_data<storage>> && refused<with_data<std::unique_ptr<float[]>>> && accepted<with_data<float *>>);

struct like_pybind11 : elements {
    const std::ptrdiff_t *strides() const { return nullptr; }
};
struct like_blaze : elements {
    std::size_t spacing() const { return 0; }
};
struct with_stride : elements {
    std::ptrdiff_t stride() const { return 2; }
};
struct with_members : elements {
    std::ptrdiff_t stride = 2;
};
struct with_array : elements {
    std::array<std::ptrdiff_t, 2> strides = {};
};
static_assert(refused<like_pybind11> && refused<like_blaze> && refused<with_stride> && refused<with_members> && refused<with_array>);

/* Iterators tell it too; before C++20 no more than that they have random access. */
struct with_pointers : elements {
    float *begin() const { return nullptr; }
};
template <class Category>
struct iterator {
    using iterator_category = Category;
    using value_type = float;
    using difference_type = std::ptrdiff_t;
    using pointer = float *;
    using reference = float &;
};
template <class Iterator>
struct with_iterators : elements {
    Iterator begin() const { return {}; }
};
static_assert(accepted<with_pointers> && accepted<with_iterators<std::vector<float>::iterator>>);
/* As gsl::span has it. */
static_assert(accepted<with_iterators<iterator<std::random_access_iterator_tag>>>);
static_assert(refused<with_iterators<iterator<std::bidirectional_iterator_tag>>>);
#if __cplusplus >= 202002L
struct strided_iterator : iterator<std::random_access_iterator_tag> {
    using iterator_concept = std::random_access_iterator_tag;
};
static_assert(refused<with_iterators<strided_iterator>>);
#endif

/* ---- the answers ---- */

/* What is accepted is read and written where it lies, and nothing beside it. */
template <class Matrix>
static void rows_and_columns()
{
    const std::vector<float> losses = some_losses<float>(), expected = hrw::weights(losses, {0.05, 0.1});
    const auto n = static_cast<Eigen::Index>(losses.size());
    const Eigen::Map<const Eigen::VectorXf> values(losses.data(), n), weights(expected.data(), n);
    Matrix matrix = Matrix::Constant(n, n, 9), out = Matrix::Constant(n, n, -1);
    const auto line = [](Matrix &of, Eigen::Index i) {
        if constexpr (Matrix::IsRowMajor)
            return of.row(i);
        else
            return of.col(i);
    };
    line(matrix, 2) = values;
    (void)hrw::weights_into(line(matrix, 2), line(out, 3), {0.05, 0.1});
    Matrix wanted = Matrix::Constant(n, n, -1);
    line(wanted, 3) = weights;
    CHECK(out == wanted);
    Eigen::VectorXf apart(n + 2);
    apart << 7, values, 7;
    CHECK(hrw::weights(apart.segment(1, n), {0.05, 0.1}) == expected);

    const part_of_xtensor part = {{7, 7, 1, 2, 3}};
    CHECK(hrw::weights(part, {0.05, 0.1}) == hrw::weights(std::vector<float>{1, 2, 3}, {0.05, 0.1}));

    /* A problem per row. */
    by_rows batch(2, n);
    batch << values.transpose(), 3 * values.transpose();
    const hrw::solutions<float> both = hrw::solve_batch(batch, losses.size(), {0.05, 0.1});
    CHECK(std::vector<float>(both.weights.begin(), both.weights.begin() + n) == expected);
    CHECK(both.reports[1].worst_loss == 3 * 4);
    by_rows batch_out(2, n);
    (void)hrw::weights_batch_into(batch, losses.size(), batch_out, {0.05, 0.1});
    CHECK(batch_out.row(0) == weights.transpose());
    /* A matrix beside another one of its order, and beside a vector. */
    Matrix square = Matrix::Constant(2, n / 2, 0), of_square = square;
    std::copy(losses.begin(), losses.end(), square.data());
    (void)hrw::weights_into(square, of_square, {0.05, 0.1}, square.cwiseAbs().eval());
    CHECK(hrw::weights(losses, {0.05, 0.1}, losses) == std::vector<float>(of_square.data(), of_square.data() + n));
    (void)hrw::weights_into(losses, of_square, {0.05, 0.1});
    CHECK(std::vector<float>(of_square.data(), of_square.data() + n) == expected);
    /* A whole matrix is a vector. */
    const Eigen::Map<const Matrix> whole(losses.data(), 2, n / 2);
    CHECK(hrw::weights(whole, {0.05, 0.1}) == expected);
}

int main()
{
    rows_and_columns<by_columns>();
    rows_and_columns<by_rows>();
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
