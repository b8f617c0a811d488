/* hr_weights.hpp: holistic robust (HR) importance weights for C++17 and later; header-only, over hr_weights.h.
 *
 *     #include <hr_weights.hpp>
 *     namespace hrw = hr_weights;
 *
 *     std::vector<float> w = hrw::weights(losses, {0.05, 0.1});                      // C++17: alpha, r
 *     std::vector<float> w = hrw::weights(losses, {.alpha = 0.05, .r = 0.1});        // C++20
 *
 * then multiply the gradient of each sample's loss by its weight, in place of 1/n, treating the weight as a constant.
 * What the quantities mean, and what is promised about them, is in hr_weights.h; here is what C++ adds.
 *
 * Ranges. Losses, base weights and outputs are contiguous ranges of float or of double, all of one width: a std::vector, a
 *   std::array, a C array, a std::span, anything with data() and size(), or view(pointer, size). Nothing is copied.
 *   What declares strides does not compile, such as a row of an Eigen matrix that is stored column by
 *   column; nor does what knows its strides only when the program runs, nor matrices in one call of
 *   which some are stored by rows and some by columns.
 * Errors. Each function has two forms. The plain one throws `error`. The one called try_* returns a `result`, which is the
 *   value or a `failure`, and throws nothing of its own; it is the only one where exceptions are switched off.
 * Memory. Functions that return std::vectors allocate each of them once, and nothing else; functions called *_into
 *   allocate nothing (sharded ones 110 KB), and on failure leave the weights untouched (but see HRW_REDUCE, HRW_TARGET and
 *   HRW_PANIC). path() also allocates its scratch.
 * Threads. As in hr_weights.h: any function at any time. */
#ifndef HR_WEIGHTS_HPP
#define HR_WEIGHTS_HPP

#include "hr_weights.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <limits>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#if !defined(__cpp_deduction_guides)
#error "hr_weights.hpp needs C++17 or later"
#endif

namespace hr_weights {

/* ---- options and report ------------------------------------------------------------------------------------------- */

/* Which of the two robust programs is solved: see hrw_ordering. */
enum class ordering : std::int32_t { hd = HRW_HD, hr = HRW_HR };

/* The ambiguity set; the fields are those of hrw_options, with their defaults. */
struct options {
    double alpha = 0.0;                                            /* poisoned fraction, in [0, 1] */
    double r = 0.0;                                                /* sampling error in nats, in [0, inf] */
    double worst_loss = std::numeric_limits<double>::quiet_NaN();  /* NaN: the largest loss of the call */
    hr_weights::ordering ordering = hr_weights::ordering::hd;
    std::int32_t threads = 1;                                      /* 1: the calling thread; 0: as many as useful */
};

/* The proof of optimality and the diagnostics: see hr_weights.h. */
using report = hrw_report;

/* ---- errors ------------------------------------------------------------------------------------------------------- */

/* Why a call failed. The values are those of hrw_status; a code that a newer library adds is kept as its number. */
enum class status : std::int32_t {
    size_mismatch = -1, /* two ranges of one call differ in length: found by this header, which never makes the call */
    ok = HRW_OK,
    null_pointer = HRW_NULL_POINTER,
    struct_size = HRW_STRUCT_SIZE,
    empty = HRW_EMPTY,
    alpha = HRW_ALPHA,
    r = HRW_R,
    ordering = HRW_ORDERING,
    worst_loss = HRW_WORST_LOSS,
    base_weights = HRW_BASE_WEIGHTS,
    non_finite_loss = HRW_NON_FINITE_LOSS,
    delta = HRW_DELTA,
    offsets = HRW_OFFSETS,
    overlap = HRW_OVERLAP,
    reduce = HRW_REDUCE,
    threads = HRW_THREADS,
    group = HRW_GROUP,
    target = HRW_TARGET,
    quantity = HRW_QUANTITY,
    panic = HRW_PANIC
};

/* A static English sentence without a period; never null. */
[[nodiscard]] inline const char *message(status code) noexcept
{
    return code == status::size_mismatch ? "two ranges of one call differ in length"
                                         : ::hrw_status_message(static_cast<std::int32_t>(code));
}

/* What a quantity is with no budget, and with the largest one: what a calibration can attain. */
struct attainable {
    double none = std::numeric_limits<double>::quiet_NaN();
    double all = std::numeric_limits<double>::quiet_NaN();
};

struct failure {
    status code = status::ok;
    std::uint64_t bad_index = UINT64_MAX; /* the first offending sample of non_finite_loss, base_weights and group */
    std::uint64_t bad_row = UINT64_MAX;   /* of a batch with reports: the row whose sample that is */
    attainable range = {};                /* of target: between which numbers it may lie */

    [[nodiscard]] const char *message() const noexcept { return hr_weights::message(code); }
};

class error : public std::exception {
public:
    explicit error(const failure &why) noexcept : why_(why) {}

    [[nodiscard]] const char *what() const noexcept override { return why_.message(); }
    [[nodiscard]] status code() const noexcept { return why_.code; }
    [[nodiscard]] std::uint64_t bad_index() const noexcept { return why_.bad_index; }
    [[nodiscard]] std::uint64_t bad_row() const noexcept { return why_.bad_row; }
    [[nodiscard]] attainable range() const noexcept { return why_.range; }

private:
    failure why_;
};

/* The value of a call or why there is none, with the interface of std::expected as far as it goes. `*` and `->` may only be
 * used where there is a value, error() only where there is none. */
template <class T>
class [[nodiscard]] result {
public:
    result(T value) : value_(std::move(value)) {}
    result(const failure &why) noexcept : why_(why) {}

    [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] T &operator*() & noexcept { return *value_; }
    [[nodiscard]] const T &operator*() const & noexcept { return *value_; }
    [[nodiscard]] T &&operator*() && noexcept { return *std::move(value_); }
    [[nodiscard]] T *operator->() noexcept { return &*value_; }
    [[nodiscard]] const T *operator->() const noexcept { return &*value_; }

    [[nodiscard]] const failure &error() const noexcept { return why_; }

#if defined(__cpp_exceptions)
    /* The value; throws hr_weights::error if there is none. */
    [[nodiscard]] T &value() &
    {
        check();
        return **this;
    }
    [[nodiscard]] const T &value() const &
    {
        check();
        return **this;
    }
    [[nodiscard]] T &&value() &&
    {
        check();
        return *std::move(*this);
    }

private:
    void check() const
    {
        if (!has_value())
            throw hr_weights::error(why_);
    }
#endif

private:
    std::optional<T> value_{};
    failure why_{};
};

/* ---- ranges ------------------------------------------------------------------------------------------------------- */

namespace detail {

/* What data() points to; it means something only if that returns a pointer. */
template <class Range>
using pointer_of = std::remove_reference_t<decltype(std::data(std::declval<Range &>()))>;
template <class Range>
using pointee = std::remove_pointer_t<std::enable_if_t<std::is_pointer_v<pointer_of<Range>>, pointer_of<Range>>>;

/* Whether What<Range> means something: Range declares that. */
template <template <class> class What, class Range, class = void>
struct declares : std::false_type {};

template <template <class> class What, class Range>
struct declares<What, Range, std::void_t<What<Range>>> : std::true_type {};

/* Constants that say whether there are gaps: of many libraries, as a constant or as a function; of
 * std::mdspan; of xtensor. */
template <class Range>
using own_constant = std::bool_constant<(Range::is_contiguous)>;
template <class Range>
using own_function = std::bool_constant<(Range::is_contiguous())>;
template <class Range>
using mdspan_function = std::bool_constant<(Range::is_always_exhaustive())>;
template <class Range>
using xtensor_constant = std::bool_constant<(Range::contiguous_layout)>;

/* Answers that only the running program knows: of multi-dimensional arrays of all kinds, of Blaze,
 * of tensors. */
template <class Range>
using strides_function = decltype(std::declval<Range &>().strides());
template <class Range>
using strides_member = decltype(std::declval<Range &>().strides);
template <class Range>
using stride_function = decltype(std::declval<Range &>().stride());
template <class Range>
using stride_of_dimension = decltype(std::declval<Range &>().stride(0));
template <class Range>
using stride_member = decltype(std::declval<Range &>().stride);
template <class Range>
using spacing_function = decltype(std::declval<Range &>().spacing());
template <class Range>
using asked_function = decltype(std::declval<Range &>().is_contiguous());

/* The strides of Eigen's types. */
template <class Range>
using eigen = std::integral_constant<int, static_cast<int>(Range::InnerStrideAtCompileTime)>;

/* An Eigen::Map or Ref whose columns, or rows, follow each other. */
template <class Range, class = void>
struct maps_all : std::false_type {};

template <template <class, int, class> class Map, class Plain, int Options, class Stride>
struct maps_all<Map<Plain, Options, Stride>, std::enable_if_t<(Stride::OuterStrideAtCompileTime == 0)>> : std::true_type {};

template <class Range>
constexpr bool eigen_is_contiguous()
{
    constexpr int stride = static_cast<int>(Range::OuterStrideAtCompileTime);
    constexpr int size = static_cast<int>(Range::InnerSizeAtCompileTime); /* of a column; negative: not known */
    return eigen<Range>::value == 1 && (Range::IsVectorAtCompileTime || std::is_base_of_v<typename Range::PlainObject, Range> ||
                                        maps_all<Range>::value || (size > 0 && stride == size));
}

template <class Range>
using iterator_of = decltype(std::begin(std::declval<Range &>()));
template <class Iterator>
using concept_of = typename Iterator::iterator_concept;

/* Whether an iterator may go through memory without gaps. One from before C++20 says no more than that it has random
 * access. */
template <class Iterator>
constexpr bool may_be_contiguous()
{
#if defined(__cpp_lib_concepts)
    if constexpr (declares<concept_of, Iterator>::value)
        return std::is_base_of_v<std::contiguous_iterator_tag, concept_of<Iterator>>;
    else
#endif
        return std::is_base_of_v<std::random_access_iterator_tag, typename std::iterator_traits<Iterator>::iterator_category>;
}

/* Whether the elements of Range, which has data() and size(), lie one after another, by what Range
 * declares. One that declares nothing is taken at its word: that is what data() and size() mean. */
template <class Range>
constexpr bool is_contiguous()
{
    if constexpr (declares<eigen, Range>::value)
        return eigen_is_contiguous<std::remove_cv_t<Range>>();
    else if constexpr (declares<own_constant, Range>::value)
        return own_constant<Range>::value;
    else if constexpr (declares<own_function, Range>::value)
        return own_function<Range>::value;
    else if constexpr (declares<mdspan_function, Range>::value)
        return mdspan_function<Range>::value;
    else if constexpr (declares<xtensor_constant, Range>::value)
        return xtensor_constant<Range>::value;
    else if constexpr (declares<strides_function, Range>::value || declares<strides_member, Range>::value ||
                       declares<stride_function, Range>::value || declares<stride_of_dimension, Range>::value ||
                       declares<stride_member, Range>::value || declares<spacing_function, Range>::value ||
                       declares<asked_function, Range>::value)
        return false;
    else if constexpr (declares<iterator_of, Range>::value)
        return may_be_contiguous<iterator_of<Range>>();
    else
        return true;
}

/* A part of a tensor of xtensor has the data() of the whole, and says how far in it begins. */
template <class Range>
using offset_function = decltype(std::declval<Range &>().data_offset());

template <class Range>
constexpr auto first_element(Range &range) noexcept
{
    if constexpr (declares<offset_function, Range>::value)
        return std::data(range) + range.data_offset();
    else
        return std::data(range);
}

/* Whether Range has data() and size(), and its elements can be seen as T: no conversion but that to
 * const. */
template <class Range, class T, class = void>
struct has_elements : std::false_type {};

template <class Range, class T>
struct has_elements<Range, T, std::void_t<pointee<Range>, decltype(std::size(std::declval<Range &>()))>>
    : std::is_convertible<pointee<Range> (*)[], T (*)[]> {};

template <class Range, class T>
constexpr bool is_range_of()
{
    if constexpr (has_elements<Range, T>::value)
        return is_contiguous<Range>();
    return false;
}

/* A range with the right elements, and gaps between them. */
template <class Range, class T>
constexpr bool has_gaps()
{
    return has_elements<Range, T>::value && !is_range_of<Range, T>();
}

/* How the elements of a range lie: those of a matrix by rows or by columns, those of one dimension
 * in the only way. */
enum class order { plain, rows, columns };

/* As xtensor has it: how a matrix is stored, and whether it is a vector. */
template <class Range>
using xtensor_layout = std::bool_constant<(Range::static_layout == std::decay_t<decltype(Range::static_layout)>::column_major)>;
template <class Range>
using xtensor_vector = std::bool_constant<(std::tuple_size<typename Range::shape_type>::value == 1)>;

template <class Range>
constexpr order order_of()
{
    if constexpr (declares<eigen, Range>::value)
        return Range::IsVectorAtCompileTime ? order::plain : Range::IsRowMajor ? order::rows : order::columns;
    else if constexpr (declares<xtensor_layout, Range>::value) {
        if constexpr (declares<xtensor_vector, Range>::value)
            if (xtensor_vector<Range>::value)
                return order::plain;
        return xtensor_layout<Range>::value ? order::columns : order::rows;
    }
    else
        return order::plain;
}

constexpr bool can_be_beside(order one, order other)
{
    return one == other || one == order::plain || other == order::plain;
}

template <class Range, class = void>
struct element {
    static_assert(!std::is_same_v<Range, Range>,
                  "hr_weights: a contiguous range is needed, such as std::vector, std::span or view(pointer, size)");
};

template <class Range>
struct element<Range, std::void_t<pointee<Range>>> {
    using type = std::remove_cv_t<pointee<Range>>;
    static_assert(std::is_same_v<type, float> || std::is_same_v<type, double>,
                  "hr_weights: the elements must be float or double");
    static_assert(is_contiguous<Range>(),
                  "hr_weights: the elements must lie one after another, and this type has strides or does not say at compile "
                  "time that it has none: copy them, or pass view(pointer, size) of memory that is contiguous");
};

} // namespace detail

/* float or double. */
template <class Range>
using element_t = typename detail::element<std::remove_reference_t<Range>>::type;

/* Somebody else's contiguous memory: a pointer and a number of elements. It must outlive the view. */
template <class T>
class view {
public:
    constexpr view() noexcept = default;
    constexpr view(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

    template <class Range, std::enable_if_t<!std::is_same_v<std::decay_t<Range>, view> &&
                                                detail::is_range_of<std::remove_reference_t<Range>, T>(),
                                            int> = 0>
    constexpr view(Range &&range) noexcept
        : data_(detail::first_element(range)), size_(static_cast<std::size_t>(std::size(range)))
    {
    }

    /* A range with strides, or one that does not say at compile time that it has none: see "Ranges"
     * above. */
    template <class Range, std::enable_if_t<!std::is_same_v<std::decay_t<Range>, view> &&
                                                detail::has_gaps<std::remove_reference_t<Range>, T>(),
                                            int> = 0>
    view(Range &&is_not_contiguous) = delete;

    [[nodiscard]] constexpr T *data() const noexcept { return data_; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

template <class Range>
view(Range &&) -> view<detail::pointee<std::remove_reference_t<Range>>>;

/* Base weights, or none: one each. An empty range is not "none". */
template <class T>
using base_weights = std::optional<view<const T>>;

namespace detail {

/* A view of what has an element for each of the losses, which lie in this order: a matrix that is
 * stored in the other one would give each its elements to another. */
template <class T, order Order>
class beside : public view<T> {
    template <class Range>
    static constexpr bool is_other = !std::is_base_of_v<view<T>, std::decay_t<Range>> && std::is_constructible_v<view<T>, Range>;
    template <class Range>
    static constexpr bool fits = can_be_beside(order_of<std::decay_t<Range>>(), Order);

public:
    constexpr beside(T *data, std::size_t size) noexcept : view<T>(data, size) {}
    constexpr beside(view<T> other) noexcept : view<T>(other) {}

    template <class Range, std::enable_if_t<is_other<Range> && fits<Range>, int> = 0>
    constexpr beside(Range &&range) noexcept : view<T>(range)
    {
    }

    template <class Range, std::enable_if_t<is_other<Range> && !fits<Range>, int> = 0>
    beside(Range &&is_stored_in_another_order_than_the_losses) = delete;

    template <class Range, std::enable_if_t<has_gaps<std::remove_reference_t<Range>, T>(), int> = 0>
    beside(Range &&is_not_contiguous) = delete;
};

} // namespace detail

/* What a function takes beside losses: each a range as above, and a matrix only if it is stored in
 * their order, by rows or by columns; for a batch, by rows. */
template <class Losses>
using weights_for = detail::beside<element_t<Losses>, detail::order_of<Losses>()>;
template <class Losses>
using base_for = std::optional<detail::beside<const element_t<Losses>, detail::order_of<Losses>()>>;
template <class Losses>
using groups_for = detail::beside<const std::uint32_t, detail::order_of<Losses>()>;
template <class Losses>
using weights_by_rows = detail::beside<element_t<Losses>, detail::order::rows>;
template <class Losses>
using base_by_rows = std::optional<detail::beside<const element_t<Losses>, detail::order::rows>>;

/* ---- the C functions, by width ------------------------------------------------------------------------------------ */

namespace detail {

template <class T>
struct c;

template <>
struct c<float> {
    static constexpr auto solve = ::hrw_weights_f32;
    static constexpr auto solve_batch = ::hrw_weights_batch_f32;
    static constexpr auto solve_ragged = ::hrw_weights_ragged_f32;
    static constexpr auto solve_sharded = ::hrw_weights_sharded_f32;
    static constexpr auto certify = ::hrw_certify_f32;
    static constexpr auto calibrate_r = ::hrw_calibrate_r_f32;
    static constexpr auto calibrate_alpha = ::hrw_calibrate_alpha_f32;
    static constexpr auto path = ::hrw_path_f32;
    static constexpr auto solve_groups = ::hrw_weights_groups_f32;
    static constexpr auto update_worst = ::hrw_running_worst_update_f32;
    static constexpr auto top_samples = ::hrw_top_samples_f32;
    static constexpr auto group_shares = ::hrw_group_shares_f32;
};

template <>
struct c<double> {
    static constexpr auto solve = ::hrw_weights_f64;
    static constexpr auto solve_batch = ::hrw_weights_batch_f64;
    static constexpr auto solve_ragged = ::hrw_weights_ragged_f64;
    static constexpr auto solve_sharded = ::hrw_weights_sharded_f64;
    static constexpr auto certify = ::hrw_certify_f64;
    static constexpr auto calibrate_r = ::hrw_calibrate_r_f64;
    static constexpr auto calibrate_alpha = ::hrw_calibrate_alpha_f64;
    static constexpr auto path = ::hrw_path_f64;
    static constexpr auto solve_groups = ::hrw_weights_groups_f64;
    static constexpr auto update_worst = ::hrw_running_worst_update_f64;
    static constexpr auto top_samples = ::hrw_top_samples_f64;
    static constexpr auto group_shares = ::hrw_group_shares_f64;
};

/* Starts from the library's defaults: a field that hr_weights.h has and `options` has not stays at its own. */
inline std::int32_t to_c(const options &from, hrw_options &to) noexcept
{
    const std::int32_t code = ::hrw_options_init(&to, sizeof to);
    if (code == HRW_OK) {
        to.alpha = from.alpha;
        to.r = from.r;
        to.worst_loss = from.worst_loss;
        to.ordering = static_cast<std::int32_t>(from.ordering);
        to.threads = from.threads;
    }
    return code;
}

inline failure failed(std::int32_t code, std::uint64_t bad_index = UINT64_MAX) noexcept
{
    return {static_cast<status>(code), bad_index};
}

/* The failure of a batch: the first report that names a sample tells the row. */
inline failure failed(std::int32_t code, view<const hrw_report> reports) noexcept
{
    for (std::size_t row = 0; row < reports.size(); row++)
        if (reports.data()[row].bad_index != UINT64_MAX)
            return {static_cast<status>(code), reports.data()[row].bad_index, row};
    return {static_cast<status>(code)};
}

/* What a batch needs before the call: the options, and reports that know their size. */
inline std::int32_t prepare(const options &from, hrw_options &to, view<hrw_report> reports) noexcept
{
    std::int32_t code = to_c(from, to);
    for (std::size_t row = 0; row < reports.size() && code == HRW_OK; row++)
        code = ::hrw_report_init(reports.data() + row, sizeof(hrw_report));
    return code;
}

} // namespace detail

/* ---- weights ------------------------------------------------------------------------------------------------------ */

template <class T>
struct solution {
    std::vector<T> weights;
    hrw_report report;
};

/* Writes the weights of `losses` to `weights`, which has as many elements and does not overlap them; returns the report. */
template <class Losses>
result<report> try_weights_into(const Losses &losses, weights_for<Losses> weights, const options &opts = {},
                                base_for<Losses> base = std::nullopt) noexcept
{
    const view<const element_t<Losses>> from(losses);
    if (weights.size() != from.size() || (base && base->size() != from.size()))
        return failure{status::size_mismatch};
    hrw_options to;
    hrw_report proof;
    std::int32_t code = detail::to_c(opts, to);
    if (code == HRW_OK)
        code = ::hrw_report_init(&proof, sizeof proof);
    if (code != HRW_OK)
        return detail::failed(code);
    code = detail::c<element_t<Losses>>::solve(&to, from.data(), base ? base->data() : nullptr, from.size(),
                                               weights.data(), &proof);
    if (code != HRW_OK)
        return detail::failed(code, proof.bad_index);
    return proof;
}

/* The weights and the report. */
template <class Losses>
result<solution<element_t<Losses>>> try_solve(const Losses &losses, const options &opts = {},
                                              base_for<Losses> base = std::nullopt)
{
    solution<element_t<Losses>> solved{std::vector<element_t<Losses>>(view<const element_t<Losses>>(losses).size()), {}};
    const result<report> proof = try_weights_into(losses, solved.weights, opts, base);
    if (!proof)
        return proof.error();
    solved.report = *proof;
    return solved;
}

/* The weights alone. */
template <class Losses>
result<std::vector<element_t<Losses>>> try_weights(const Losses &losses, const options &opts = {},
                                                   base_for<Losses> base = std::nullopt)
{
    std::vector<element_t<Losses>> solved(view<const element_t<Losses>>(losses).size());
    const result<report> proof = try_weights_into(losses, solved, opts, base);
    if (!proof)
        return proof.error();
    return solved;
}

/* ---- batches: every row is a problem of its own ------------------------------------------------------------------- */

template <class T>
struct solutions {
    std::vector<T> weights;          /* as the losses: row after row */
    std::vector<hrw_report> reports; /* one per row */
};

/* The weights of each row of `cols` losses; returns the number of rows. Reports are written if there is one per row; an
 * empty range of reports means that none is wanted. */
template <class Losses>
result<std::size_t> try_weights_batch_into(const Losses &losses, std::size_t cols, weights_by_rows<Losses> weights,
                                           const options &opts = {}, base_by_rows<Losses> base = std::nullopt,
                                           view<hrw_report> reports = {}) noexcept
{
    static_assert(detail::order_of<Losses>() != detail::order::columns,
                  "hr_weights: a batch lies row by row in memory, and this matrix is stored column by column: transpose it, or, if "
                  "each of its columns is a problem of its own, pass view(data, size) and the length of a column");
    const view<const element_t<Losses>> from(losses);
    if (cols == 0)
        return failure{status::empty};
    const std::size_t rows = from.size() / cols;
    if (rows * cols != from.size() || weights.size() != from.size() || (base && base->size() != from.size()) ||
        (reports.size() != 0 && reports.size() != rows))
        return failure{status::size_mismatch};
    hrw_options to;
    std::int32_t code = detail::prepare(opts, to, reports);
    if (code == HRW_OK)
        code = detail::c<element_t<Losses>>::solve_batch(&to, from.data(), base ? base->data() : nullptr, rows, cols,
                                                         weights.data(), reports.size() != 0 ? reports.data() : nullptr);
    if (code != HRW_OK)
        return detail::failed(code, reports);
    return rows;
}

/* The same for rows of different lengths: row i has the losses from offsets[i] up to offsets[i + 1]. The first offset is 0,
 * the last the number of losses. Nothing is written for an empty row; its report is the initial one. */
template <class Losses>
result<std::size_t> try_weights_ragged_into(const Losses &losses, view<const std::size_t> offsets,
                                            weights_by_rows<Losses> weights, const options &opts = {},
                                            base_by_rows<Losses> base = std::nullopt,
                                            view<hrw_report> reports = {}) noexcept
{
    static_assert(detail::order_of<Losses>() != detail::order::columns, "hr_weights: rows lie one after another in memory");
    const view<const element_t<Losses>> from(losses);
    if (offsets.size() == 0)
        return failure{status::offsets};
    const std::size_t rows = offsets.size() - 1;
    if (offsets.data()[rows] != from.size() || weights.size() != from.size() || (base && base->size() != from.size()) ||
        (reports.size() != 0 && reports.size() != rows))
        return failure{status::size_mismatch};
    hrw_options to;
    std::int32_t code = detail::prepare(opts, to, reports);
    if (code == HRW_OK)
        code = detail::c<element_t<Losses>>::solve_ragged(&to, from.data(), base ? base->data() : nullptr,
                                                          offsets.data(), rows, weights.data(),
                                                          reports.size() != 0 ? reports.data() : nullptr);
    if (code != HRW_OK)
        return detail::failed(code, reports);
    return rows;
}

template <class Losses>
result<solutions<element_t<Losses>>> try_solve_batch(const Losses &losses, std::size_t cols, const options &opts = {},
                                                     base_by_rows<Losses> base = std::nullopt)
{
    const std::size_t size = view<const element_t<Losses>>(losses).size();
    solutions<element_t<Losses>> solved{std::vector<element_t<Losses>>(size),
                                        std::vector<hrw_report>(cols != 0 ? size / cols : 0)};
    const result<std::size_t> rows = try_weights_batch_into(losses, cols, solved.weights, opts, base, solved.reports);
    if (!rows)
        return rows.error();
    return solved;
}

template <class Losses>
result<solutions<element_t<Losses>>> try_solve_ragged(const Losses &losses, view<const std::size_t> offsets,
                                                      const options &opts = {},
                                                      base_by_rows<Losses> base = std::nullopt)
{
    solutions<element_t<Losses>> solved{std::vector<element_t<Losses>>(view<const element_t<Losses>>(losses).size()),
                                        std::vector<hrw_report>(offsets.size() != 0 ? offsets.size() - 1 : 0)};
    const result<std::size_t> rows = try_weights_ragged_into(losses, offsets, solved.weights, opts, base, solved.reports);
    if (!rows)
        return rows.error();
    return solved;
}

/* ---- one problem over many processes ------------------------------------------------------------------------------ */

/* How an all-reduce joins the values of the participants. */
enum class op : std::int32_t { sum = HRW_SUM, max = HRW_MAX };

namespace detail {

/* The caller's all-reduce behind a C function: what it throws is kept until the library has returned. */
template <class Allreduce>
struct reducer {
    Allreduce *allreduce;
#if defined(__cpp_exceptions)
    std::exception_ptr thrown;
#endif

    static std::int32_t meet(void *context, double *values, std::size_t count, std::int32_t how) noexcept
    {
        reducer &own = *static_cast<reducer *>(context);
#if defined(__cpp_exceptions)
        try {
            return own.call(view<double>(values, count), static_cast<op>(how));
        } catch (...) {
            own.thrown = std::current_exception();
            return -1;
        }
#else
        return own.call(view<double>(values, count), static_cast<op>(how));
#endif
    }

private:
    std::int32_t call(view<double> values, op how)
    {
        using returned = decltype((*allreduce)(values, how));
        static_assert(std::is_void_v<returned> || std::is_same_v<returned, bool>,
                      "hr_weights: an all-reduce returns nothing, and throws if it fails, or whether it succeeded");
        if constexpr (std::is_void_v<returned>) {
            (*allreduce)(values, how);
            return 0;
        } else {
            return (*allreduce)(values, how) ? 0 : -1;
        }
    }
};

} // namespace detail

/* This participant's part of the weights of the losses of all participants; returns the report of the whole.
 *
 * Every participant must call this, with the same options (but for threads) and losses of one width; a participant may have
 * no losses as long as some has one. See hrw_weights_sharded_f32.
 *
 * allreduce: called as allreduce(view<double> values, op how), about five times and never more
 *   than 64 times, by every participant alike: it joins the values over the participants, in place, and all must end with the same ones. It returns nothing, or
 *   a bool: false if it failed, which is status::reduce. What it throws comes out of this function, whichever its form; its
 *   engine must see to it that the others' calls fail as well.
 *
 * What is wrong with one participant's input is told to all in the first call of allreduce, and all fail with its code
 * (with null_pointer where that one has size_mismatch). */
template <class Losses, class Allreduce>
result<report> try_weights_sharded_into(const Losses &losses, weights_for<Losses> weights, Allreduce &&allreduce,
                                        const options &opts = {}, base_for<Losses> base = std::nullopt)
{
    using element = element_t<Losses>;
    const view<const element> from(losses);
    hrw_options to;
    hrw_report proof;
    std::int32_t code = detail::to_c(opts, to);
    if (code == HRW_OK)
        code = ::hrw_report_init(&proof, sizeof proof);
    if (code != HRW_OK)
        return detail::failed(code);
    detail::reducer<std::remove_reference_t<Allreduce>> reducer{};
    reducer.allreduce = &allreduce;
    const bool fits = weights.size() == from.size() && (!base || base->size() == from.size());
    /* Ranges that do not fit must be told to the others, who would wait: as a NULL pointer. */
    code = fits ? detail::c<element>::solve_sharded(&to, from.data(), base ? base->data() : nullptr, from.size(),
                                                    weights.data(), &proof, &reducer.meet, &reducer)
                : detail::c<element>::solve_sharded(&to, nullptr, nullptr, 1, nullptr, &proof, &reducer.meet, &reducer);
#if defined(__cpp_exceptions)
    if (reducer.thrown)
        std::rethrow_exception(reducer.thrown);
#endif
    if (!fits && code != HRW_REDUCE)
        return failure{status::size_mismatch};
    if (code != HRW_OK)
        return detail::failed(code, proof.bad_index);
    return proof;
}

/* The same with weights of its own. */
template <class Losses, class Allreduce>
result<solution<element_t<Losses>>> try_solve_sharded(const Losses &losses, Allreduce &&allreduce, const options &opts = {},
                                                      base_for<Losses> base = std::nullopt)
{
    solution<element_t<Losses>> solved{std::vector<element_t<Losses>>(view<const element_t<Losses>>(losses).size()), {}};
    const result<report> proof = try_weights_sharded_into(losses, solved.weights, allreduce, opts, base);
    if (!proof)
        return proof.error();
    solved.report = *proof;
    return solved;
}

/* ---- choosing alpha and r ----------------------------------------------------------------------------------------- */

/* What a budget is calibrated to: see hrw_quantity. */
enum class quantity : std::int32_t {
    robust_loss = HRW_ROBUST_LOSS,             /* in the unit of the losses */
    effective_samples = HRW_EFFECTIVE_SAMPLES, /* 1 / sum w^2 */
    largest_weight = HRW_LARGEST_WEIGHT        /* in [0, 1] */
};

/* A budget that meets its target. */
struct calibration {
    double budget;     /* r in nats, or alpha */
    attainable range;
    hrw_report report; /* of the weights with this budget */
};

template <class T>
struct calibrated {
    std::vector<T> weights;
    double budget;
    attainable range;
    hrw_report report;
};

namespace detail {

template <class Losses, class Function>
result<calibration> calibrate(Function function, const Losses &losses, weights_for<Losses> weights, quantity what,
                              double target, const options &opts, base_for<Losses> base) noexcept
{
    const view<const element_t<Losses>> from(losses);
    if (weights.size() != from.size() || (base && base->size() != from.size()))
        return failure{status::size_mismatch};
    hrw_options to;
    calibration found{};
    std::int32_t code = to_c(opts, to);
    if (code == HRW_OK)
        code = ::hrw_report_init(&found.report, sizeof found.report);
    if (code != HRW_OK)
        return failed(code);
    double range[2] = {found.range.none, found.range.all};
    code = function(&to, from.data(), base ? base->data() : nullptr, from.size(), static_cast<std::int32_t>(what), target,
                    weights.data(), &found.report, &found.budget, range);
    found.range = {range[0], range[1]};
    if (code != HRW_OK) {
        failure why = failed(code, found.report.bad_index);
        why.range = found.range;
        return why;
    }
    return found;
}

template <class Losses, class Function>
result<calibrated<element_t<Losses>>> calibrate(Function function, const Losses &losses, quantity what, double target,
                                                const options &opts, base_for<Losses> base)
{
    std::vector<element_t<Losses>> weights(view<const element_t<Losses>>(losses).size());
    const result<calibration> found = calibrate(function, losses, view(weights), what, target, opts, base);
    if (!found)
        return found.error();
    return calibrated<element_t<Losses>>{std::move(weights), found->budget, found->range, found->report};
}

} // namespace detail

/* The r, in nats, with which the weights have a wanted robust loss, effective sample size or largest weight, and those
 * weights; the r of the options is not used. See hrw_calibrate_r_f32. A target that no r attains is status::target, and the
 * failure's range tells between which numbers it may lie; the weights may then have been used as scratch. */
template <class Losses>
result<calibration> try_calibrate_r_into(const Losses &losses, weights_for<Losses> weights, quantity what, double target,
                                         const options &opts = {}, base_for<Losses> base = std::nullopt) noexcept
{
    return detail::calibrate(detail::c<element_t<Losses>>::calibrate_r, losses, weights, what, target, opts, base);
}

template <class Losses>
result<calibrated<element_t<Losses>>> try_calibrate_r(const Losses &losses, quantity what, double target,
                                                      const options &opts = {},
                                                      base_for<Losses> base = std::nullopt)
{
    return detail::calibrate(detail::c<element_t<Losses>>::calibrate_r, losses, what, target, opts, base);
}

/* The same for alpha: that of the options is not used. */
template <class Losses>
result<calibration> try_calibrate_alpha_into(const Losses &losses, weights_for<Losses> weights, quantity what,
                                             double target, const options &opts = {},
                                             base_for<Losses> base = std::nullopt) noexcept
{
    return detail::calibrate(detail::c<element_t<Losses>>::calibrate_alpha, losses, weights, what, target, opts, base);
}

template <class Losses>
result<calibrated<element_t<Losses>>> try_calibrate_alpha(const Losses &losses, quantity what, double target,
                                                          const options &opts = {},
                                                          base_for<Losses> base = std::nullopt)
{
    return detail::calibrate(detail::c<element_t<Losses>>::calibrate_alpha, losses, what, target, opts, base);
}

/* The reports for every pair of an alpha and an r. */
struct grid {
    std::vector<hrw_report> reports; /* those of the first alpha first */
    std::size_t rs;                  /* how many there are for an alpha */

    [[nodiscard]] const hrw_report &operator()(std::size_t alpha, std::size_t r) const noexcept
    {
        return reports[alpha * rs + r];
    }
};

/* Writes the report for every pair of an alpha and an r on the same losses, those of the first alpha first; returns the number
 * of pairs, which is that of the reports. The alpha and r of the options are not used; scratch has as many elements as the
 * losses. See hrw_path_f32. */
template <class Losses>
result<std::size_t> try_path_into(const Losses &losses, view<const double> alphas, view<const double> rs,
                                  view<element_t<Losses>> scratch, view<hrw_report> reports, const options &opts = {},
                                  base_for<Losses> base = std::nullopt) noexcept
{
    const view<const element_t<Losses>> from(losses);
    const std::size_t pairs = alphas.size() * rs.size();
    if (scratch.size() != from.size() || (base && base->size() != from.size()) || reports.size() != pairs ||
        (rs.size() != 0 && pairs / rs.size() != alphas.size()))
        return failure{status::size_mismatch};
    hrw_options to;
    std::int32_t code = detail::prepare(opts, to, reports);
    if (code == HRW_OK)
        code = detail::c<element_t<Losses>>::path(&to, from.data(), base ? base->data() : nullptr, from.size(), alphas.data(),
                                                  alphas.size(), rs.data(), rs.size(), scratch.data(), reports.data());
    if (code != HRW_OK)
        return detail::failed(code, pairs != 0 ? reports.data()->bad_index : UINT64_MAX);
    return pairs;
}

template <class Losses>
result<grid> try_path(const Losses &losses, view<const double> alphas, view<const double> rs, const options &opts = {},
                      base_for<Losses> base = std::nullopt)
{
    std::vector<element_t<Losses>> scratch(view<const element_t<Losses>>(losses).size());
    grid solved{std::vector<hrw_report>(alphas.size() * rs.size()), rs.size()};
    const result<std::size_t> pairs = try_path_into(losses, alphas, rs, scratch, solved.reports, opts, base);
    if (!pairs)
        return pairs.error();
    return solved;
}

/* ---- groups ------------------------------------------------------------------------------------------------------- */

namespace detail {

/* A column of a table with three. */
inline view<const double> column(const std::vector<double> &table, std::size_t which) noexcept
{
    return {table.data() + table.size() / 3 * which, table.size() / 3};
}

/* Three columns of so many groups, unless there cannot be an array for them. */
inline result<std::vector<double>> columns(std::size_t group_count)
{
    if (group_count > std::numeric_limits<std::size_t>::max() / 2 / sizeof(double) / 3)
        return failure{status::offsets};
    return std::vector<double>(3 * group_count);
}

} // namespace detail

/* The weights of samples in groups; the report counts groups. */
template <class T>
struct group_solution {
    std::vector<T> weights; /* one per sample */
    hrw_report report;
    std::vector<double> table; /* what the groups have between them: the three columns below */

    [[nodiscard]] view<const double> group_losses() const noexcept { return detail::column(table, 0); }  /* their means */
    [[nodiscard]] view<const double> group_weights() const noexcept { return detail::column(table, 1); }
    [[nodiscard]] view<const double> group_sizes() const noexcept { return detail::column(table, 2); }
};

/* The weights of samples whose groups, not they themselves, are what HR chooses between: see hrw_weights_groups_f32.
 *
 * groups: for each sample the number of its group.
 * table: receives three numbers per group, whose number it tells: the mean losses, the weights of the groups, the numbers of
 *   samples; after a failure it may have been used as scratch.
 * base: one base weight per group; without, the number of its samples. */
template <class Losses>
result<report> try_weights_groups_into(const Losses &losses, groups_for<Losses> groups, weights_for<Losses> weights,
                                       view<double> table, const options &opts = {},
                                       base_weights<double> base = std::nullopt) noexcept
{
    const view<const element_t<Losses>> from(losses);
    const std::size_t group_count = table.size() / 3;
    if (weights.size() != from.size() || groups.size() != from.size() || table.size() % 3 != 0 ||
        (base && base->size() != group_count))
        return failure{status::size_mismatch};
    /* No group is not a missing table. */
    double none;
    hrw_options to;
    hrw_report proof;
    std::int32_t code = detail::to_c(opts, to);
    if (code == HRW_OK)
        code = ::hrw_report_init(&proof, sizeof proof);
    if (code != HRW_OK)
        return detail::failed(code);
    code = detail::c<element_t<Losses>>::solve_groups(&to, from.data(), groups.data(), from.size(),
                                                      base ? base->data() : nullptr, group_count, weights.data(),
                                                      group_count != 0 ? table.data() : &none, &proof);
    if (code != HRW_OK)
        return detail::failed(code, proof.bad_index);
    return proof;
}

template <class Losses>
result<group_solution<element_t<Losses>>> try_solve_groups(const Losses &losses, groups_for<Losses> groups,
                                                           std::size_t group_count, const options &opts = {},
                                                           base_weights<double> base = std::nullopt)
{
    result<std::vector<double>> table = detail::columns(group_count);
    if (!table)
        return table.error();
    group_solution<element_t<Losses>> solved{
        std::vector<element_t<Losses>>(view<const element_t<Losses>>(losses).size()), {}, *std::move(table)};
    const result<report> proof = try_weights_groups_into(losses, groups, solved.weights, solved.table, opts, base);
    if (!proof)
        return proof.error();
    solved.report = *proof;
    return solved;
}

/* ---- the worst loss of a training --------------------------------------------------------------------------------- */

/* The largest loss of the last batches, to be given as worst_loss to the next: see hrw_running_worst. One thread at a time may
 * use it; it holds no memory, and may be copied. */
class running_worst {
public:
    /* window: at least the last so many batches are remembered, and fewer than twice as many; 0: all. */
    explicit running_worst(std::uint64_t window = 0) noexcept
    {
        /* Fails only for a library of another ABI, which then refuses every update. */
        if (::hrw_running_worst_init(&state_, sizeof state_, window) != HRW_OK)
            state_.struct_size = 0;
    }

    /* Takes in the losses of a batch; returns the worst loss to use for it. Masked samples do not count; after a failure
     * nothing has been taken in. */
    template <class Losses>
    result<double> try_update(const Losses &losses, base_for<Losses> base = std::nullopt) noexcept
    {
        const view<const element_t<Losses>> from(losses);
        if (base && base->size() != from.size())
            return failure{status::size_mismatch};
        double worst;
        const std::int32_t code = detail::c<element_t<Losses>>::update_worst(
            &state_, from.data(), base ? base->data() : nullptr, from.size(), &worst);
        if (code != HRW_OK)
            return detail::failed(code);
        return worst;
    }

#if defined(__cpp_exceptions)
    template <class Losses>
    double update(const Losses &losses, base_for<Losses> base = std::nullopt)
    {
        return try_update(losses, base).value();
    }
#endif

    /* The largest loss that is remembered; minus infinity before the first batch. */
    [[nodiscard]] double worst_loss() const noexcept
    {
        return state_.current > state_.previous ? state_.current : state_.previous;
    }

private:
    hrw_running_worst state_{};
};

/* ---- who carries the weight --------------------------------------------------------------------------------------- */

/* The samples with the largest weights, the one with the largest first, and their share of all weight. */
struct concentration {
    std::vector<std::size_t> indices;
    double share;
};

/* Writes the samples with the largest weights, as many as there is room for, or all; returns their share of all weight, in
 * [0, 1]. See hrw_top_samples_f32: status::empty also without room, base_weights for a weight that is not sound. */
template <class Weights>
result<double> try_top_samples_into(const Weights &weights, view<std::size_t> indices) noexcept
{
    const view<const element_t<Weights>> from(weights);
    double share;
    const std::int32_t code =
        detail::c<element_t<Weights>>::top_samples(from.data(), from.size(), indices.size(), indices.data(), &share);
    if (code != HRW_OK)
        return detail::failed(code);
    return share;
}

/* The k samples with the largest weights; all if there are fewer. */
template <class Weights>
result<concentration> try_top_samples(const Weights &weights, std::size_t k)
{
    const std::size_t n = view<const element_t<Weights>>(weights).size();
    concentration top{std::vector<std::size_t>(k < n ? k : n), 0.0};
    const result<double> share = try_top_samples_into(weights, top.indices);
    if (!share)
        return share.error();
    top.share = *share;
    return top;
}

/* What each group has of the weight: the three columns of a table. */
struct share_table {
    std::vector<double> table;

    [[nodiscard]] view<const double> shares() const noexcept { return detail::column(table, 0); } /* they sum to one */
    /* Share of the weight over share of the samples; NaN for a group without samples. */
    [[nodiscard]] view<const double> ratios() const noexcept { return detail::column(table, 1); }
    [[nodiscard]] view<const double> sizes() const noexcept { return detail::column(table, 2); } /* numbers of samples */
};

/* Writes the share of all weight that each group has, its ratio to that of the samples, and the number of samples, three
 * numbers per group, whose number the table tells; returns it. See hrw_group_shares_f32. */
template <class Weights>
result<std::size_t> try_group_shares_into(const Weights &weights, groups_for<Weights> groups, view<double> table) noexcept
{
    const view<const element_t<Weights>> from(weights);
    const std::size_t group_count = table.size() / 3;
    if (groups.size() != from.size() || table.size() % 3 != 0)
        return failure{status::size_mismatch};
    double none;
    const std::int32_t code = detail::c<element_t<Weights>>::group_shares(
        from.data(), groups.data(), from.size(), group_count, group_count != 0 ? table.data() : &none);
    if (code != HRW_OK)
        return detail::failed(code);
    return group_count;
}

template <class Weights>
result<share_table> try_group_shares(const Weights &weights, groups_for<Weights> groups, std::size_t group_count)
{
    result<std::vector<double>> table = detail::columns(group_count);
    if (!table)
        return table.error();
    share_table shares{*std::move(table)};
    const result<std::size_t> groups_told = try_group_shares_into(weights, groups, shares.table);
    if (!groups_told)
        return groups_told.error();
    return shares;
}

/* ---- certificates ------------------------------------------------------------------------------------------------- */

/* What a bound on the expected loss is to hold against: see hrw_certify_f32. */
struct certificate {
    double alpha = 0.0;                                           /* poisoned fraction of the held-out samples */
    double delta = 0.05;                                          /* probability of failure, strictly between 0 and 1 */
    double worst_loss = std::numeric_limits<double>::quiet_NaN(); /* which no loss can exceed; has to be given */
};

/* An upper bound on the expected loss, from losses on samples that the model was not trained on. */
template <class Losses>
result<double> try_certify(const Losses &losses, const certificate &terms) noexcept
{
    const view<const element_t<Losses>> from(losses);
    double bound;
    const std::int32_t code = detail::c<element_t<Losses>>::certify(from.data(), from.size(), terms.alpha,
                                                                       terms.delta, terms.worst_loss, &bound);
    if (code != HRW_OK)
        return detail::failed(code);
    return bound;
}

/* The radius r in nats of a certificate from n held-out losses. */
[[nodiscard]] inline result<double> try_certified_r(std::uint64_t n, double delta) noexcept
{
    double r;
    const std::int32_t code = ::hrw_certified_r(n, delta, &r);
    if (code != HRW_OK)
        return detail::failed(code);
    return r;
}

/* ---- the same, throwing ------------------------------------------------------------------------------------------- */

#if defined(__cpp_exceptions)

template <class Losses>
report weights_into(const Losses &losses, weights_for<Losses> weights, const options &opts = {},
                    base_for<Losses> base = std::nullopt)
{
    return try_weights_into(losses, weights, opts, base).value();
}

template <class Losses>
[[nodiscard]] solution<element_t<Losses>> solve(const Losses &losses, const options &opts = {},
                                                base_for<Losses> base = std::nullopt)
{
    return try_solve(losses, opts, base).value();
}

template <class Losses>
[[nodiscard]] std::vector<element_t<Losses>> weights(const Losses &losses, const options &opts = {},
                                                     base_for<Losses> base = std::nullopt)
{
    return try_weights(losses, opts, base).value();
}

template <class Losses>
std::size_t weights_batch_into(const Losses &losses, std::size_t cols, weights_by_rows<Losses> weights,
                               const options &opts = {}, base_by_rows<Losses> base = std::nullopt,
                               view<hrw_report> reports = {})
{
    return try_weights_batch_into(losses, cols, weights, opts, base, reports).value();
}

template <class Losses>
std::size_t weights_ragged_into(const Losses &losses, view<const std::size_t> offsets, weights_by_rows<Losses> weights,
                                const options &opts = {}, base_by_rows<Losses> base = std::nullopt,
                                view<hrw_report> reports = {})
{
    return try_weights_ragged_into(losses, offsets, weights, opts, base, reports).value();
}

template <class Losses>
[[nodiscard]] solutions<element_t<Losses>> solve_batch(const Losses &losses, std::size_t cols, const options &opts = {},
                                                       base_by_rows<Losses> base = std::nullopt)
{
    return try_solve_batch(losses, cols, opts, base).value();
}

template <class Losses>
[[nodiscard]] solutions<element_t<Losses>> solve_ragged(const Losses &losses, view<const std::size_t> offsets,
                                                        const options &opts = {},
                                                        base_by_rows<Losses> base = std::nullopt)
{
    return try_solve_ragged(losses, offsets, opts, base).value();
}

template <class Losses, class Allreduce>
report weights_sharded_into(const Losses &losses, weights_for<Losses> weights, Allreduce &&allreduce,
                            const options &opts = {}, base_for<Losses> base = std::nullopt)
{
    return try_weights_sharded_into(losses, weights, allreduce, opts, base).value();
}

template <class Losses, class Allreduce>
[[nodiscard]] solution<element_t<Losses>> solve_sharded(const Losses &losses, Allreduce &&allreduce,
                                                        const options &opts = {},
                                                        base_for<Losses> base = std::nullopt)
{
    return try_solve_sharded(losses, allreduce, opts, base).value();
}

template <class Losses>
calibration calibrate_r_into(const Losses &losses, weights_for<Losses> weights, quantity what, double target,
                             const options &opts = {}, base_for<Losses> base = std::nullopt)
{
    return try_calibrate_r_into(losses, weights, what, target, opts, base).value();
}

template <class Losses>
[[nodiscard]] calibrated<element_t<Losses>> calibrate_r(const Losses &losses, quantity what, double target,
                                                        const options &opts = {},
                                                        base_for<Losses> base = std::nullopt)
{
    return try_calibrate_r(losses, what, target, opts, base).value();
}

template <class Losses>
calibration calibrate_alpha_into(const Losses &losses, weights_for<Losses> weights, quantity what, double target,
                                 const options &opts = {}, base_for<Losses> base = std::nullopt)
{
    return try_calibrate_alpha_into(losses, weights, what, target, opts, base).value();
}

template <class Losses>
[[nodiscard]] calibrated<element_t<Losses>> calibrate_alpha(const Losses &losses, quantity what, double target,
                                                            const options &opts = {},
                                                            base_for<Losses> base = std::nullopt)
{
    return try_calibrate_alpha(losses, what, target, opts, base).value();
}

template <class Losses>
std::size_t path_into(const Losses &losses, view<const double> alphas, view<const double> rs,
                      view<element_t<Losses>> scratch, view<hrw_report> reports, const options &opts = {},
                      base_for<Losses> base = std::nullopt)
{
    return try_path_into(losses, alphas, rs, scratch, reports, opts, base).value();
}

template <class Losses>
[[nodiscard]] grid path(const Losses &losses, view<const double> alphas, view<const double> rs, const options &opts = {},
                        base_for<Losses> base = std::nullopt)
{
    return try_path(losses, alphas, rs, opts, base).value();
}

template <class Losses>
report weights_groups_into(const Losses &losses, groups_for<Losses> groups, weights_for<Losses> weights,
                           view<double> table, const options &opts = {}, base_weights<double> base = std::nullopt)
{
    return try_weights_groups_into(losses, groups, weights, table, opts, base).value();
}

template <class Losses>
[[nodiscard]] group_solution<element_t<Losses>> solve_groups(const Losses &losses, groups_for<Losses> groups,
                                                             std::size_t group_count, const options &opts = {},
                                                             base_weights<double> base = std::nullopt)
{
    return try_solve_groups(losses, groups, group_count, opts, base).value();
}

template <class Weights>
double top_samples_into(const Weights &weights, view<std::size_t> indices)
{
    return try_top_samples_into(weights, indices).value();
}

template <class Weights>
[[nodiscard]] concentration top_samples(const Weights &weights, std::size_t k)
{
    return try_top_samples(weights, k).value();
}

template <class Weights>
std::size_t group_shares_into(const Weights &weights, groups_for<Weights> groups, view<double> table)
{
    return try_group_shares_into(weights, groups, table).value();
}

template <class Weights>
[[nodiscard]] share_table group_shares(const Weights &weights, groups_for<Weights> groups, std::size_t group_count)
{
    return try_group_shares(weights, groups, group_count).value();
}

template <class Losses>
[[nodiscard]] double certify(const Losses &losses, const certificate &terms)
{
    return try_certify(losses, terms).value();
}

[[nodiscard]] inline double certified_r(std::uint64_t n, double delta)
{
    return try_certified_r(n, delta).value();
}

#endif

/* ---- the library that is loaded ----------------------------------------------------------------------------------- */

/* Such as "0.1.0"; static. */
[[nodiscard]] inline const char *version() noexcept
{
    return ::hrw_version();
}

/* Whether the library that is loaded belongs to the header that was compiled. */
[[nodiscard]] inline bool abi_matches() noexcept
{
    return ::hrw_abi_version() == HRW_ABI_VERSION;
}

} // namespace hr_weights

#endif
