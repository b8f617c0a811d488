/* What hr_weights.hpp promises, checked against the C functions that it calls: the same bits, every option passed on, every
 * error told, nothing allocated but the output. */
#include "support.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#if __cplusplus >= 202002L
#include <span>
#endif

/* ---- allocations: not counted where a tool has its own operator new ---- */

#if !defined(FOREIGN_ALLOCATOR)

/* Not inline, or GCC takes the pair of new and free for a mistake. */
[[gnu::noinline]] void *operator new(std::size_t size)
{
    allocations++;
    if (void *memory = std::malloc(size ? size : 1))
        return memory;
    throw std::bad_alloc();
}

[[gnu::noinline]] void operator delete(void *memory) noexcept
{
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void *memory, std::size_t) noexcept
{
    std::free(memory);
}

#endif

/* ---- the C functions, to compare with ---- */

static std::int32_t c_weights(const hrw_options &options, const float *losses, const float *base, std::size_t n, float *weights,
                              hrw_report &report)
{
    return hrw_weights_f32(&options, losses, base, n, weights, &report);
}

static std::int32_t c_weights(const hrw_options &options, const double *losses, const double *base, std::size_t n,
                              double *weights, hrw_report &report)
{
    return hrw_weights_f64(&options, losses, base, n, weights, &report);
}

/* ---- the checks ---- */

template <class T>
static void agrees_with_c(const hrw::options &options, bool with_base)
{
    const std::vector<T> losses = some_losses<T>(), base = some_base<T>();
    hrw_options c;
    hrw_options_init(&c, sizeof c);
    c.alpha = options.alpha;
    c.r = options.r;
    c.worst_loss = options.worst_loss;
    c.ordering = options.ordering == hrw::ordering::hr ? HRW_HR : HRW_HD;
    hrw_report report;
    hrw_report_init(&report, sizeof report);
    std::vector<T> expected(losses.size());
    CHECK(c_weights(c, losses.data(), with_base ? base.data() : nullptr, losses.size(), expected.data(), report) == HRW_OK);

    hrw::base_weights<T> maybe_base;
    if (with_base)
        maybe_base = base;
    CHECK(hrw::weights(losses, options, maybe_base) == expected);
    const hrw::solution<T> solution = hrw::solve(losses, options, maybe_base);
    CHECK(solution.weights == expected);
    CHECK(same(solution.report, report));
    std::vector<T> into(losses.size());
    CHECK(same(hrw::weights_into(losses, into, options, maybe_base), report));
    CHECK(into == expected);
}

/* Every option, one at a time: one that was dropped on the way would give the weights of another row. */
template <class T>
static void options_arrive()
{
    std::vector<hrw::options> rows(7);
    rows[1].alpha = 0.2;
    rows[2].r = 0.1;
    rows[3].alpha = 0.2;
    rows[3].r = 0.1;
    rows[4] = rows[3];
    rows[4].worst_loss = 6.0;
    rows[5] = rows[4];
    rows[5].ordering = hrw::ordering::hr;
    rows[6] = rows[3];
    rows[6].ordering = hrw::ordering::hr;
    for (const hrw::options &row : rows) {
        agrees_with_c<T>(row, false);
        agrees_with_c<T>(row, true);
    }
    const std::vector<T> losses = some_losses<T>();
    CHECK(hrw::weights(losses, rows[1]) != hrw::weights(losses, rows[0]));
    CHECK(hrw::weights(losses, rows[2]) != hrw::weights(losses, rows[0]));
    CHECK(hrw::weights(losses, rows[4]) != hrw::weights(losses, rows[3]));
    CHECK(hrw::weights(losses, rows[5]) != hrw::weights(losses, rows[4]));
    CHECK(hrw::weights(losses, rows[0], some_base<T>()) != hrw::weights(losses, rows[0]));

    hrw::options threads;
    threads.threads = -1;
    CHECK(hrw::try_weights(losses, threads).error().code == hrw::status::threads);
}

/* A fifth of the mass moves from the smallest of five losses to the largest; by hand. */
static void known_answer()
{
    const double losses[] = {3.0, 1.0, 5.0, 2.0, 4.0};
    const std::vector<double> weights = hrw::weights(losses, {0.2});
    const double expected[] = {0.2, 0.0, 0.4, 0.2, 0.2};
    for (std::size_t i = 0; i < 5; i++)
        CHECK(std::fabs(weights[i] - expected[i]) < 1e-15);
    CHECK(std::fabs(hrw::solve(losses, {0.2}).report.robust_loss - 3.8) < 1e-14);
}

/* As containers of other libraries: a signed size. */
struct foreign {
    double *data() const { return memory; }
    std::ptrdiff_t size() const { return 8; }
    double *memory;
};

static void ranges()
{
    std::vector<double> vector = some_losses<double>();
    const std::vector<double> expected = hrw::weights(vector, {0.1, 0.1});
    double array[8];
    std::array<double, 8> modern;
    for (std::size_t i = 0; i < 8; i++)
        array[i] = modern[i] = vector[i];
    const std::array<double, 8> constant = modern;
    CHECK(hrw::weights(array, {0.1, 0.1}) == expected);
    CHECK(hrw::weights(modern, {0.1, 0.1}) == expected);
    CHECK(hrw::weights(constant, {0.1, 0.1}) == expected);
    CHECK(hrw::weights(hrw::view(array, 8), {0.1, 0.1}) == expected);
    CHECK(hrw::weights(hrw::view(vector), {0.1, 0.1}) == expected);
    CHECK(hrw::weights(hrw::view(constant), {0.1, 0.1}) == expected);
    CHECK(hrw::weights(foreign{vector.data()}, {0.1, 0.1}) == expected);
    CHECK(hrw::weights(some_losses<double>(), {0.1, 0.1}) == expected);
    CHECK(hrw::weights(hrw::view(array + 2, 3)).size() == 3);

    std::array<double, 8> out{};
    CHECK(hrw::weights_into(array, out, {0.1, 0.1}).trimmed == 0 || out[0] == 0.0);
    CHECK(std::vector<double>(out.begin(), out.end()) == expected);
    double raw[9] = {};
    raw[8] = 7.0;
    (void)hrw::weights_into(vector, hrw::view(raw, 8), {0.1, 0.1}, modern);
    CHECK(std::vector<double>(raw, raw + 8) == hrw::weights(vector, {0.1, 0.1}, vector));
    CHECK(raw[8] == 7.0);
#if __cplusplus >= 202002L
    CHECK(hrw::weights(std::span(vector), {.alpha = 0.1, .r = 0.1}) == expected);
    CHECK(hrw::weights(std::span<const double, 8>(array), {.alpha = 0.1, .r = 0.1}) == expected);
    (void)hrw::weights_into(vector, std::span(raw).first(8), {.alpha = 0.1, .r = 0.1});
    CHECK(std::vector<double>(raw, raw + 8) == expected);
#endif
}

static void errors()
{
    const double nan = std::nan("");
    const std::vector<double> losses = some_losses<double>();
    std::vector<double> out(losses.size(), -1.0), none;
    const std::vector<double> untouched = out;
    auto with = [&](const hrw::options &options) { return [&, options] { (void)hrw::weights_into(losses, out, options); }; };

    throws(with({-0.1}), hrw::status::alpha);
    throws(with({nan}), hrw::status::alpha);
    throws(with({0.1, -1.0}), hrw::status::r);
    throws(with({0.1, 0.1, 1.0}), hrw::status::worst_loss);
    throws(with({0.1, 0.1, nan, static_cast<hrw::ordering>(2)}), hrw::status::ordering);
    throws(with({0.1, 0.1, nan, hrw::ordering::hd, -1}), hrw::status::threads);
    throws([&] { (void)hrw::weights(none); }, hrw::status::empty);
    throws([&] { (void)hrw::solve(none); }, hrw::status::empty);
    throws([&] { (void)hrw::weights_into(losses, hrw::view(const_cast<double *>(losses.data()), 8)); }, hrw::status::overlap);

    std::vector<double> bad = losses;
    bad[5] = nan;
    throws([&] { (void)hrw::weights_into(bad, out); }, hrw::status::non_finite_loss, 5);
    throws([&] { (void)hrw::weights(bad); }, hrw::status::non_finite_loss, 5);
    throws([&] { (void)hrw::solve(bad); }, hrw::status::non_finite_loss, 5);
    std::vector<double> base = some_base<double>();
    base[3] = -1.0;
    throws([&] { (void)hrw::weights_into(losses, out, {}, base); }, hrw::status::base_weights, 3);

    /* Lengths that differ: no call is made, so nothing is read or written out of bounds. */
    std::vector<double> shorter(7, -1.0);
    throws([&] { (void)hrw::weights_into(losses, shorter); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::weights_into(losses, out, {}, shorter); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::weights(losses, {}, shorter); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::weights(losses, {}, none); }, hrw::status::size_mismatch);
    CHECK(out == untouched);
    CHECK(shorter == std::vector<double>(7, -1.0));

    /* A code that this header does not know stays what it is. */
    CHECK(std::strlen(hrw::message(static_cast<hrw::status>(12345))) > 0);
    CHECK(std::strcmp(hrw::message(hrw::status::size_mismatch), hrw_status_message(-1)) != 0);
}

static void results()
{
    const std::vector<float> losses = some_losses<float>();
    hrw::result<std::vector<float>> good = hrw::try_weights(losses, {0.1, 0.1});
    CHECK(good && good.has_value() && good->size() == losses.size() && (*good)[7] == hrw::weights(losses, {0.1, 0.1})[7]);
    const float *where = good->data();
    const std::vector<float> moved = *std::move(good);
    CHECK(moved.data() == where);

    hrw::result<std::vector<float>> bad = hrw::try_weights(losses, {2.0});
    CHECK(!bad && bad.error().code == hrw::status::alpha && bad.error().bad_index == UINT64_MAX);
    CHECK(std::strcmp(bad.error().message(), hrw_status_message(HRW_ALPHA)) == 0);
    throws([&] { (void)bad.value(); }, hrw::status::alpha);
    throws([&] { (void)std::move(bad).value(); }, hrw::status::alpha);
}

/* Rows are those of the single solver, whatever the batch. */
template <class T>
static void batches()
{
    const std::vector<T> row = some_losses<T>(), base_row = some_base<T>();
    std::vector<T> losses, base;
    for (int i = 0; i < 3; i++) {
        for (const T loss : row)
            losses.push_back(loss * T(i + 1));
        base.insert(base.end(), base_row.begin(), base_row.end());
    }
    const hrw::options options{0.1, 0.1};
    const hrw::solutions<T> batch = hrw::solve_batch(losses, 8, options, base);
    const std::size_t offsets[] = {0, 8, 8, 16, 24};
    const hrw::solutions<T> ragged = hrw::solve_ragged(losses, offsets, options, base);
    CHECK(batch.weights.size() == 24 && batch.reports.size() == 3);
    CHECK(ragged.weights == batch.weights && ragged.reports.size() == 4 && ragged.reports[1].robust_loss == 0.0);
    for (std::size_t i = 0; i < 3; i++) {
        const hrw::solution<T> single = hrw::solve(hrw::view(losses.data() + 8 * i, 8), options, base_row);
        CHECK(single.weights == std::vector<T>(batch.weights.begin() + static_cast<std::ptrdiff_t>(8 * i),
                                               batch.weights.begin() + static_cast<std::ptrdiff_t>(8 * i + 8)));
        CHECK(same(single.report, batch.reports[i]));
        CHECK(same(single.report, ragged.reports[i == 0 ? 0 : i + 1]));
    }

    std::vector<T> out(24);
    CHECK(allocated([&] { CHECK(hrw::weights_batch_into(losses, 8, out, options, base) == 3); }) == 0);
    CHECK(out == batch.weights);
    out.assign(24, T(0));
    std::vector<hrw_report> reports(4);
    CHECK(allocated([&] { CHECK(hrw::weights_ragged_into(losses, offsets, out, options, base, reports) == 4); }) == 0);
    CHECK(out == batch.weights && same(reports[3], batch.reports[2]));

    hrw::options threads = options;
    threads.threads = 2;
    CHECK(hrw::solve_batch(losses, 8, threads, base).weights == batch.weights);

    const std::vector<T> none;
    const std::size_t nothing[] = {0};
    CHECK(hrw::solve_batch(none, 8).reports.empty());
    CHECK(hrw::solve_ragged(none, nothing).reports.empty());

    /* Nothing is written, and the first offender is named, when one row is bad. */
    std::vector<T> bad = losses;
    bad[8 + 5] = std::numeric_limits<T>::infinity();
    const hrw::result<hrw::solutions<T>> refused = hrw::try_solve_batch(bad, 8);
    CHECK(!refused && refused.error().code == hrw::status::non_finite_loss);
    CHECK(!refused && refused.error().bad_row == 1 && refused.error().bad_index == 5);
    CHECK(hrw::try_solve_ragged(bad, offsets).error().bad_row == 2);
    const std::vector<T> untouched = out;
    throws([&] { (void)hrw::weights_batch_into(bad, 8, out); }, hrw::status::non_finite_loss);
    CHECK(out == untouched);

    const std::size_t beyond[] = {0, 8, 32}, back[] = {0, 16, 8, 24}, later[] = {1, 24};
    const hrw::view<const std::size_t> no_offsets;
    std::vector<hrw_report> two(2);
    throws([&] { (void)hrw::solve_batch(losses, 7); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::solve_batch(losses, 0); }, hrw::status::empty);
    throws([&] { (void)hrw::solve_batch(losses, 8, {}, row); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::weights_batch_into(losses, 8, hrw::view(out.data(), 23)); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::weights_batch_into(losses, 8, out, {}, std::nullopt, two); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::weights_ragged_into(losses, offsets, out, {}, std::nullopt, two); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::solve_ragged(losses, beyond); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::solve_ragged(losses, back); }, hrw::status::offsets);
    throws([&] { (void)hrw::solve_ragged(losses, later); }, hrw::status::offsets);
    throws([&] { (void)hrw::solve_ragged(losses, no_offsets); }, hrw::status::offsets);
    CHECK(out == untouched);
}

static void certificates()
{
    const std::vector<float> losses = some_losses<float>();
    double expected;
    CHECK(hrw_certify_f32(losses.data(), losses.size(), 0.05, 0.1, 5.0, &expected) == HRW_OK);
    CHECK(hrw::certify(losses, {0.05, 0.1, 5.0}) == expected);
    const std::vector<double> wide = some_losses<double>();
    CHECK(hrw_certify_f64(wide.data(), wide.size(), 0.05, 0.1, 5.0, &expected) == HRW_OK);
    CHECK(*hrw::try_certify(wide, {0.05, 0.1, 5.0}) == expected);
    throws([&] { (void)hrw::certify(losses, {0.05, 0.1}); }, hrw::status::worst_loss);
    throws([&] { (void)hrw::certify(losses, {0.05, 1.0, 5.0}); }, hrw::status::delta);

    CHECK(hrw_certified_r(1000, 0.05, &expected) == HRW_OK);
    CHECK(hrw::certified_r(1000, 0.05) == expected);
    throws([&] { (void)hrw::certified_r(0, 0.05); }, hrw::status::empty);
}

/* Two threads that meet: the all-reduce of the smallest cluster there is. */
class couple {
public:
    void allreduce(hrw::view<double> values, hrw::op how)
    {
        std::unique_lock<std::mutex> lock(mutex);
        if (first == nullptr) {
            const std::size_t round = rounds;
            first = values.data();
            turned.wait(lock, [&] { return rounds != round || broken; });
            if (broken)
                throw std::runtime_error("the other one has left");
            return;
        }
        for (std::size_t i = 0; i < values.size(); i++) {
            double &one = first[i], &other = values.data()[i];
            one = other = how == hrw::op::sum ? one + other : one < other ? other : one;
        }
        first = nullptr;
        rounds++;
        turned.notify_all();
    }

    void leave()
    {
        const std::lock_guard<std::mutex> lock(mutex);
        broken = true;
        turned.notify_all();
    }

    std::size_t rounds = 0;

private:
    std::mutex mutex;
    std::condition_variable turned;
    double *first = nullptr;
    bool broken = false;
};

template <class One, class Other>
static void together(One one, Other other)
{
    std::thread thread(other);
    one();
    thread.join();
}

template <class T>
static void sharded()
{
    const std::vector<T> losses = some_losses<T>(), base = some_base<T>();
    const hrw::view<const T> upper(losses.data(), 3), lower(losses.data() + 3, losses.size() - 3);
    const hrw::base_weights<T> upper_base = hrw::view<const T>(base.data(), 3);
    const hrw::base_weights<T> lower_base = hrw::view<const T>(base.data() + 3, base.size() - 3);
    for (const hrw::ordering ordering : {hrw::ordering::hd, hrw::ordering::hr}) {
        hrw::options options;
        options.alpha = 0.1;
        options.r = 0.2;
        options.ordering = ordering;
        const hrw::solution<T> whole = hrw::solve(losses, options, base);
        couple pair;
        const auto meet = [&](hrw::view<double> values, hrw::op how) { pair.allreduce(values, how); };
        std::vector<T> weights(losses.size());
        hrw::report one{}, other{};
        together(
            [&] {
                const hrw::solution<T> solved = hrw::solve_sharded(upper, meet, options, upper_base);
                std::copy(solved.weights.begin(), solved.weights.end(), weights.begin());
                one = solved.report;
            },
            [&] {
                const hrw::view<T> out(weights.data() + 3, weights.size() - 3);
                /* As a bool, and by reference. */
                auto counted = [&](hrw::view<double> values, hrw::op how) {
                    pair.allreduce(values, how);
                    return true;
                };
                other = hrw::weights_sharded_into(lower, out, counted, options, lower_base);
            });
        CHECK(same(one, other));
        CHECK(pair.rounds >= 3 && pair.rounds <= 64);
        CHECK(std::abs(one.robust_loss - whole.report.robust_loss) < 1e-12);
        for (std::size_t i = 0; i < losses.size(); i++)
            CHECK(std::abs(double(weights[i]) - double(whole.weights[i])) <= (sizeof(T) == 4 ? 1e-7 : 1e-13));
    }
    /* Nobody but one. */
    const auto alone = [](hrw::view<double>, hrw::op) {};
    CHECK(hrw::solve_sharded(losses, alone, {0.1, 0.2}).weights.size() == losses.size());
    /* One has no sample. */
    couple pair;
    const auto meet = [&](hrw::view<double> values, hrw::op how) { pair.allreduce(values, how); };
    together([&] { CHECK(hrw::solve_sharded(losses, meet, {0.1, 0.2}).report.robust_loss > 1.0); },
             [&] { CHECK(hrw::solve_sharded(std::vector<T>(), meet, {0.1, 0.2}).weights.empty()); });
}

static void sharded_errors()
{
    const std::vector<double> losses = some_losses<double>(), untouched(losses.size(), 7.0);
    std::vector<double> bad = losses, out = untouched;
    bad[2] = std::nan("");
    couple pair;
    const auto meet = [&](hrw::view<double> values, hrw::op how) { pair.allreduce(values, how); };
    /* What is wrong with one is told to the other, whether it is the library that finds it or the header. */
    together(
        [&] {
            const auto refused = hrw::try_solve_sharded(bad, meet, {0.1, 0.2});
            CHECK(refused.error().code == hrw::status::non_finite_loss && refused.error().bad_index == 2);
        },
        [&] {
            const auto refused = hrw::try_weights_sharded_into(losses, out, meet, {0.1, 0.2});
            CHECK(refused.error().code == hrw::status::non_finite_loss && refused.error().bad_index == UINT64_MAX);
        });
    together(
        [&] {
            std::vector<double> small(2, 7.0);
            const auto refused = hrw::try_weights_sharded_into(losses, small, meet, {0.1, 0.2});
            CHECK(refused.error().code == hrw::status::size_mismatch);
        },
        [&] {
            const auto refused = hrw::try_weights_sharded_into(losses, out, meet, {0.1, 0.2});
            CHECK(refused.error().code == hrw::status::null_pointer);
        });
    together([&] { CHECK(hrw::try_solve_sharded(losses, meet, {0.1, 0.2}).error().code == hrw::status::alpha); },
             [&] { CHECK(hrw::try_solve_sharded(losses, meet, {0.2, 0.2}).error().code == hrw::status::alpha); });
    CHECK(out == untouched && pair.rounds == 3);
    throws([&] { (void)hrw::solve_sharded(losses, [](hrw::view<double>, hrw::op) { return false; }); },
           hrw::status::reduce);
    /* What an all-reduce throws comes out, of both forms. */
    int caught = 0;
    together(
        [&] {
            try {
                (void)hrw::try_solve_sharded(losses, [&](hrw::view<double>, hrw::op) -> bool {
                    pair.leave();
                    throw std::logic_error("mine");
                });
            } catch (const std::logic_error &) {
                caught += 1;
            }
        },
        [&] {
            try {
                (void)hrw::solve_sharded(losses, meet);
            } catch (const std::runtime_error &) {
                caught += 10;
            }
        });
    CHECK(caught == 11);
}

static void memory()
{
    const std::vector<double> losses = some_losses<double>();
    std::vector<double> out(losses.size());
    CHECK(allocated([&] { (void)hrw::weights_into(losses, out, {0.1, 0.1}, losses); }) == 0);
    CHECK(allocated([&] { (void)hrw::try_weights_into(losses, out, {9.0}); }) == 0);
    CHECK(allocated([&] { (void)hrw::certify(losses, {0.0, 0.05, 5.0}); }) == 0);
#if !defined(FOREIGN_ALLOCATOR)
    CHECK(allocated([&] { (void)hrw::weights(losses, {0.1, 0.1}); }) == 1);
    CHECK(allocated([&] { (void)hrw::try_weights(losses, {0.1, 0.1}); }) == 1);
    CHECK(allocated([&] { (void)hrw::solve(losses, {0.1, 0.1}); }) == 1);
#endif

    static_assert(noexcept(hrw::try_weights_into(losses, out)));
    static_assert(noexcept(hrw::try_certify(losses, hrw::certificate{})));
    static_assert(std::is_nothrow_copy_constructible_v<hrw::error>);
    static_assert(std::is_trivially_copyable_v<hrw::failure>);
    static_assert(std::is_aggregate_v<hrw::options>);
    static_assert(std::is_aggregate_v<hrw::certificate>);
}

int main()
{
    CHECK(hrw::abi_matches());
    CHECK(hrw::version() == std::string(hrw_version()));
    options_arrive<float>();
    options_arrive<double>();
    known_answer();
    ranges();
    errors();
    results();
    batches<float>();
    batches<double>();
    certificates();
    sharded<float>();
    sharded<double>();
    sharded_errors();
    calibration_contract();
    memory();
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
