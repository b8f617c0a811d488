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
 * Errors. Each function has two forms. The plain one throws `error`. The one called try_* returns a `result`, which is the
 *   value or a `failure`, and throws nothing of its own; it is the only one where exceptions are switched off.
 * Memory. Functions that return std::vectors allocate each of them once, and nothing else; functions called *_into
 *   allocate nothing (sharded ones 64 KiB), and on failure leave the weights untouched (but see HRW_REDUCE and HRW_PANIC).
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

struct failure {
    status code = status::ok;
    std::uint64_t bad_index = UINT64_MAX; /* the first offending sample of non_finite_loss and base_weights */
    std::uint64_t bad_row = UINT64_MAX;   /* of a batch with reports: the row whose sample that is */

    [[nodiscard]] const char *message() const noexcept { return hr_weights::message(code); }
};

class error : public std::exception {
public:
    explicit error(const failure &why) noexcept : why_(why) {}

    [[nodiscard]] const char *what() const noexcept override { return why_.message(); }
    [[nodiscard]] status code() const noexcept { return why_.code; }
    [[nodiscard]] std::uint64_t bad_index() const noexcept { return why_.bad_index; }
    [[nodiscard]] std::uint64_t bad_row() const noexcept { return why_.bad_row; }

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
    std::optional<T> value_;
    failure why_;
};

/* ---- ranges ------------------------------------------------------------------------------------------------------- */

namespace detail {

template <class Range>
using pointee = std::remove_pointer_t<decltype(std::data(std::declval<Range &>()))>;

/* Whether Range is contiguous and its elements can be seen as T: no conversion but that to const. */
template <class Range, class T, class = void>
struct is_range_of : std::false_type {};

template <class Range, class T>
struct is_range_of<Range, T, std::void_t<pointee<Range>, decltype(std::size(std::declval<Range &>()))>>
    : std::is_convertible<pointee<Range> (*)[], T (*)[]> {};

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

    template <class Range, class = std::enable_if_t<!std::is_same_v<std::decay_t<Range>, view> &&
                                                    detail::is_range_of<std::remove_reference_t<Range>, T>::value>>
    constexpr view(Range &&range) noexcept
        : data_(std::data(range)), size_(static_cast<std::size_t>(std::size(range)))
    {
    }

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

/* ---- the C functions, by width ------------------------------------------------------------------------------------ */

namespace detail {

inline std::int32_t solve(const hrw_options *options, const float *losses, const float *base, std::size_t n,
                          float *weights, hrw_report *report) noexcept
{
    return ::hrw_weights_f32(options, losses, base, n, weights, report);
}

inline std::int32_t solve(const hrw_options *options, const double *losses, const double *base, std::size_t n,
                          double *weights, hrw_report *report) noexcept
{
    return ::hrw_weights_f64(options, losses, base, n, weights, report);
}

inline std::int32_t solve_batch(const hrw_options *options, const float *losses, const float *base, std::size_t rows,
                                std::size_t cols, float *weights, hrw_report *reports) noexcept
{
    return ::hrw_weights_batch_f32(options, losses, base, rows, cols, weights, reports);
}

inline std::int32_t solve_batch(const hrw_options *options, const double *losses, const double *base, std::size_t rows,
                                std::size_t cols, double *weights, hrw_report *reports) noexcept
{
    return ::hrw_weights_batch_f64(options, losses, base, rows, cols, weights, reports);
}

inline std::int32_t solve_ragged(const hrw_options *options, const float *losses, const float *base,
                                 const std::size_t *offsets, std::size_t rows, float *weights, hrw_report *reports) noexcept
{
    return ::hrw_weights_ragged_f32(options, losses, base, offsets, rows, weights, reports);
}

inline std::int32_t solve_ragged(const hrw_options *options, const double *losses, const double *base,
                                 const std::size_t *offsets, std::size_t rows, double *weights, hrw_report *reports) noexcept
{
    return ::hrw_weights_ragged_f64(options, losses, base, offsets, rows, weights, reports);
}

inline std::int32_t solve_sharded(const hrw_options *options, const float *losses, const float *base, std::size_t n,
                                  float *weights, hrw_report *report, hrw_allreduce allreduce, void *context) noexcept
{
    return ::hrw_weights_sharded_f32(options, losses, base, n, weights, report, allreduce, context);
}

inline std::int32_t solve_sharded(const hrw_options *options, const double *losses, const double *base, std::size_t n,
                                  double *weights, hrw_report *report, hrw_allreduce allreduce, void *context) noexcept
{
    return ::hrw_weights_sharded_f64(options, losses, base, n, weights, report, allreduce, context);
}

inline std::int32_t certify(const float *losses, std::size_t n, double alpha, double delta, double worst_loss,
                            double *bound) noexcept
{
    return ::hrw_certify_f32(losses, n, alpha, delta, worst_loss, bound);
}

inline std::int32_t certify(const double *losses, std::size_t n, double alpha, double delta, double worst_loss,
                            double *bound) noexcept
{
    return ::hrw_certify_f64(losses, n, alpha, delta, worst_loss, bound);
}

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
result<report> try_weights_into(const Losses &losses, view<element_t<Losses>> weights, const options &opts = {},
                                base_weights<element_t<Losses>> base = std::nullopt) noexcept
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
    code = detail::solve(&to, from.data(), base ? base->data() : nullptr, from.size(), weights.data(), &proof);
    if (code != HRW_OK)
        return detail::failed(code, proof.bad_index);
    return proof;
}

/* The weights and the report. */
template <class Losses>
result<solution<element_t<Losses>>> try_solve(const Losses &losses, const options &opts = {},
                                              base_weights<element_t<Losses>> base = std::nullopt)
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
                                                   base_weights<element_t<Losses>> base = std::nullopt)
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
result<std::size_t> try_weights_batch_into(const Losses &losses, std::size_t cols, view<element_t<Losses>> weights,
                                           const options &opts = {}, base_weights<element_t<Losses>> base = std::nullopt,
                                           view<hrw_report> reports = {}) noexcept
{
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
        code = detail::solve_batch(&to, from.data(), base ? base->data() : nullptr, rows, cols, weights.data(),
                                   reports.size() != 0 ? reports.data() : nullptr);
    if (code != HRW_OK)
        return detail::failed(code, reports);
    return rows;
}

/* The same for rows of different lengths: row i has the losses from offsets[i] up to offsets[i + 1]. The first offset is 0,
 * the last the number of losses. Nothing is written for an empty row; its report is the initial one. */
template <class Losses>
result<std::size_t> try_weights_ragged_into(const Losses &losses, view<const std::size_t> offsets,
                                            view<element_t<Losses>> weights, const options &opts = {},
                                            base_weights<element_t<Losses>> base = std::nullopt,
                                            view<hrw_report> reports = {}) noexcept
{
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
        code = detail::solve_ragged(&to, from.data(), base ? base->data() : nullptr, offsets.data(), rows, weights.data(),
                                    reports.size() != 0 ? reports.data() : nullptr);
    if (code != HRW_OK)
        return detail::failed(code, reports);
    return rows;
}

template <class Losses>
result<solutions<element_t<Losses>>> try_solve_batch(const Losses &losses, std::size_t cols, const options &opts = {},
                                                     base_weights<element_t<Losses>> base = std::nullopt)
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
                                                      base_weights<element_t<Losses>> base = std::nullopt)
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
 * allreduce: called as allreduce(view<double> values, op how), at most 16 times (24 with ordering::hr) by every participant
 *   alike: it joins the values over the participants, in place, and all must end with the same ones. It returns nothing, or
 *   a bool: false if it failed, which is status::reduce. What it throws comes out of this function, whichever its form; its
 *   engine must see to it that the others' calls fail as well.
 *
 * What is wrong with one participant's input is told to all in the first call of allreduce, and all fail with its code
 * (with null_pointer where that one has size_mismatch). */
template <class Losses, class Allreduce>
result<report> try_weights_sharded_into(const Losses &losses, view<element_t<Losses>> weights, Allreduce &&allreduce,
                                        const options &opts = {}, base_weights<element_t<Losses>> base = std::nullopt)
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
    code = fits ? detail::solve_sharded(&to, from.data(), base ? base->data() : nullptr, from.size(), weights.data(), &proof,
                                        &reducer.meet, &reducer)
                : detail::solve_sharded(&to, static_cast<const element *>(nullptr), nullptr, 1, nullptr, &proof,
                                        &reducer.meet, &reducer);
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
                                                      base_weights<element_t<Losses>> base = std::nullopt)
{
    solution<element_t<Losses>> solved{std::vector<element_t<Losses>>(view<const element_t<Losses>>(losses).size()), {}};
    const result<report> proof = try_weights_sharded_into(losses, solved.weights, allreduce, opts, base);
    if (!proof)
        return proof.error();
    solved.report = *proof;
    return solved;
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
    const std::int32_t code = detail::certify(from.data(), from.size(), terms.alpha, terms.delta,
                                              terms.worst_loss, &bound);
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
report weights_into(const Losses &losses, view<element_t<Losses>> weights, const options &opts = {},
                    base_weights<element_t<Losses>> base = std::nullopt)
{
    return try_weights_into(losses, weights, opts, base).value();
}

template <class Losses>
[[nodiscard]] solution<element_t<Losses>> solve(const Losses &losses, const options &opts = {},
                                                base_weights<element_t<Losses>> base = std::nullopt)
{
    return try_solve(losses, opts, base).value();
}

template <class Losses>
[[nodiscard]] std::vector<element_t<Losses>> weights(const Losses &losses, const options &opts = {},
                                                     base_weights<element_t<Losses>> base = std::nullopt)
{
    return try_weights(losses, opts, base).value();
}

template <class Losses>
std::size_t weights_batch_into(const Losses &losses, std::size_t cols, view<element_t<Losses>> weights,
                               const options &opts = {}, base_weights<element_t<Losses>> base = std::nullopt,
                               view<hrw_report> reports = {})
{
    return try_weights_batch_into(losses, cols, weights, opts, base, reports).value();
}

template <class Losses>
std::size_t weights_ragged_into(const Losses &losses, view<const std::size_t> offsets, view<element_t<Losses>> weights,
                                const options &opts = {}, base_weights<element_t<Losses>> base = std::nullopt,
                                view<hrw_report> reports = {})
{
    return try_weights_ragged_into(losses, offsets, weights, opts, base, reports).value();
}

template <class Losses>
[[nodiscard]] solutions<element_t<Losses>> solve_batch(const Losses &losses, std::size_t cols, const options &opts = {},
                                                       base_weights<element_t<Losses>> base = std::nullopt)
{
    return try_solve_batch(losses, cols, opts, base).value();
}

template <class Losses>
[[nodiscard]] solutions<element_t<Losses>> solve_ragged(const Losses &losses, view<const std::size_t> offsets,
                                                        const options &opts = {},
                                                        base_weights<element_t<Losses>> base = std::nullopt)
{
    return try_solve_ragged(losses, offsets, opts, base).value();
}

template <class Losses, class Allreduce>
report weights_sharded_into(const Losses &losses, view<element_t<Losses>> weights, Allreduce &&allreduce,
                            const options &opts = {}, base_weights<element_t<Losses>> base = std::nullopt)
{
    return try_weights_sharded_into(losses, weights, allreduce, opts, base).value();
}

template <class Losses, class Allreduce>
[[nodiscard]] solution<element_t<Losses>> solve_sharded(const Losses &losses, Allreduce &&allreduce,
                                                        const options &opts = {},
                                                        base_weights<element_t<Losses>> base = std::nullopt)
{
    return try_solve_sharded(losses, allreduce, opts, base).value();
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
