/* Budgets from wanted numbers, paths, groups, the running worst loss and who carries the weight: as in contract.cpp, against
 * the C functions. */
#include "support.hpp"

#include <array>
#include <limits>
#include <vector>

template <class T>
static constexpr bool is_float = sizeof(T) == sizeof(float);

/* Those of these options. */
static hrw_options c_options(const hrw::options &from)
{
    hrw_options to;
    hrw_options_init(&to, sizeof to);
    to.alpha = from.alpha;
    to.r = from.r;
    to.worst_loss = from.worst_loss;
    to.ordering = static_cast<std::int32_t>(from.ordering);
    return to;
}

static hrw_report c_report()
{
    hrw_report report;
    hrw_report_init(&report, sizeof report);
    return report;
}

static std::vector<double> copied(hrw::view<const double> view)
{
    return std::vector<double>(view.data(), view.data() + view.size());
}

static bool same(const std::vector<double> &a, const std::vector<double> &b)
{
    bool all = a.size() == b.size();
    for (std::size_t i = 0; all && i < a.size(); i++)
        all = same(a[i], b[i]);
    return all;
}

template <class T>
static void calibrations()
{
    const std::vector<T> losses = some_losses<T>(), base = some_base<T>();
    const hrw::options options{0.05, 0.1, 5.0, hrw::ordering::hr};
    const hrw_options c = c_options(options);
    const std::size_t n = losses.size();
    std::vector<T> expected(n), out(n);
    hrw_report report = c_report();
    double budget, range[2];

    if constexpr (is_float<T>)
        CHECK(hrw_calibrate_r_f32(&c, losses.data(), base.data(), n, HRW_ROBUST_LOSS, 2.5, expected.data(), &report, &budget,
                                  range) == HRW_OK);
    else
        CHECK(hrw_calibrate_r_f64(&c, losses.data(), base.data(), n, HRW_ROBUST_LOSS, 2.5, expected.data(), &report, &budget,
                                  range) == HRW_OK);
    const auto r = hrw::calibrate_r(losses, hrw::quantity::robust_loss, 2.5, options, base);
    CHECK(r.weights == expected && r.budget == budget && same(r.report, report));
    CHECK(r.range.none == range[0] && r.range.all == range[1]);
    CHECK(std::fabs(r.report.robust_loss - 2.5) < 1e-6);
    CHECK(allocated([&] {
              const auto into = hrw::calibrate_r_into(losses, out, hrw::quantity::robust_loss, 2.5, options, base);
              CHECK(into.budget == budget && same(into.report, report));
          }) == 0);
    CHECK(out == expected);

    if constexpr (is_float<T>)
        CHECK(hrw_calibrate_alpha_f32(&c, losses.data(), nullptr, n, HRW_ROBUST_LOSS, 2.5, expected.data(), &report, &budget,
                                      range) == HRW_OK);
    else
        CHECK(hrw_calibrate_alpha_f64(&c, losses.data(), nullptr, n, HRW_ROBUST_LOSS, 2.5, expected.data(), &report, &budget,
                                      range) == HRW_OK);
    const auto alpha = hrw::calibrate_alpha(losses, hrw::quantity::robust_loss, 2.5, options);
    CHECK(alpha.weights == expected && alpha.budget == budget && alpha.budget != r.budget && same(alpha.report, report));
    CHECK(hrw::calibrate_alpha_into(losses, out, hrw::quantity::robust_loss, 2.5, options).budget == budget);

    /* Each quantity is the one that it says. */
    const auto samples = hrw::calibrate_r(losses, hrw::quantity::effective_samples, 5.0);
    CHECK(std::fabs(samples.report.effective_samples - 5.0) < 1e-5);
    const auto largest = hrw::calibrate_r(losses, hrw::quantity::largest_weight, 0.4);
    CHECK(std::fabs(double(largest.weights[7]) - 0.4) < 1e-6);

    const auto beyond = hrw::try_calibrate_r(losses, hrw::quantity::effective_samples, 100.0);
    CHECK(!beyond && beyond.error().code == hrw::status::target);
    CHECK(std::fabs(beyond.error().range.none - 8.0) < 1e-6 && std::fabs(beyond.error().range.all - 1.0) < 1e-6);
    try {
        (void)hrw::calibrate_alpha(losses, hrw::quantity::robust_loss, 4.5);
        check(false, "a target out of reach was met", __FILE__, __LINE__);
    } catch (const hrw::error &caught) {
        CHECK(caught.code() == hrw::status::target && std::fabs(caught.range().all - 4.0) < 1e-6);
    }
    CHECK(std::isnan(hrw::try_weights(losses, {2.0}).error().range.none));
    throws([&] { (void)hrw::calibrate_r(losses, static_cast<hrw::quantity>(9), 1.0); }, hrw::status::quantity);
    throws([&] { (void)hrw::calibrate_r(losses, hrw::quantity::robust_loss, 1.0, {-1.0}); }, hrw::status::alpha);
    throws([&] { (void)hrw::calibrate_r(std::vector<T>(), hrw::quantity::robust_loss, 1.0); }, hrw::status::empty);
    out.pop_back();
    throws([&] { (void)hrw::calibrate_r_into(losses, out, hrw::quantity::robust_loss, 1.0); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::calibrate_r(losses, hrw::quantity::robust_loss, 1.0, {}, out); }, hrw::status::size_mismatch);
    std::vector<T> bad = losses;
    bad[4] = std::numeric_limits<T>::quiet_NaN();
    throws([&] { (void)hrw::calibrate_alpha(bad, hrw::quantity::robust_loss, 1.0); }, hrw::status::non_finite_loss, 4);
}

template <class T>
static void paths()
{
    const std::vector<T> losses = some_losses<T>(), base = some_base<T>();
    const std::array<double, 2> alphas = {0.0, 0.1};
    const std::vector<double> rs = {0.01, 0.1, 1.0};
    const hrw::options options{9.0, 9.0, 5.0, hrw::ordering::hr}; /* its alpha and r are not used */
    const hrw::grid grid = hrw::path(losses, alphas, rs, options, base);
    CHECK(grid.reports.size() == 6 && grid.rs == 3);
    for (std::size_t i = 0; i < 2; i++)
        for (std::size_t j = 0; j < 3; j++) {
            const hrw::options of_pair{alphas[i], rs[j], 5.0, hrw::ordering::hr};
            const double robust_loss = hrw::solve(losses, of_pair, base).report.robust_loss;
            CHECK(std::fabs(grid(i, j).robust_loss - robust_loss) < 1e-12);
        }
    std::vector<T> scratch(losses.size());
    std::vector<hrw_report> reports(6);
    CHECK(allocated([&] { CHECK(hrw::path_into(losses, alphas, rs, scratch, reports, options, base) == 6); }) == 0);
    for (std::size_t i = 0; i < 6; i++)
        CHECK(same(reports[i], grid.reports[i]));
    const std::vector<double> none;
    CHECK(hrw::path(losses, alphas, none).reports.empty());

    const std::vector<double> bad_rs = {0.1, -1.0};
    throws([&] { (void)hrw::path(losses, alphas, bad_rs); }, hrw::status::r);
    throws([&] { (void)hrw::path(losses, bad_rs, rs); }, hrw::status::alpha);
    throws([&] { (void)hrw::path(std::vector<T>(), alphas, rs); }, hrw::status::empty);
    reports.pop_back();
    throws([&] { (void)hrw::path_into(losses, alphas, rs, scratch, reports); }, hrw::status::size_mismatch);
    scratch.pop_back();
    throws([&] { (void)hrw::path(losses, alphas, rs, {}, scratch); }, hrw::status::size_mismatch);
    std::vector<T> bad = losses;
    bad[4] = std::numeric_limits<T>::infinity();
    throws([&] { (void)hrw::path(bad, alphas, rs); }, hrw::status::non_finite_loss, 4);
}

template <class T>
static void groups()
{
    const std::vector<T> losses = some_losses<T>();
    const std::uint32_t groups[] = {0, 1, 0, 3, 0, 3, 1, 0}; /* nobody is in the third */
    const std::array<double, 4> base = {1.0, 2.0, 5.0, 0.5};
    const hrw::options options{0.05, 0.3, 5.0, hrw::ordering::hr};
    const hrw_options c = c_options(options);
    std::vector<T> expected(8), out(8);
    std::vector<double> table(12), own(12);
    hrw_report report = c_report();
    if constexpr (is_float<T>)
        CHECK(hrw_weights_groups_f32(&c, losses.data(), groups, 8, base.data(), 4, expected.data(), table.data(), &report) ==
              HRW_OK);
    else
        CHECK(hrw_weights_groups_f64(&c, losses.data(), groups, 8, base.data(), 4, expected.data(), table.data(), &report) ==
              HRW_OK);
    const hrw::group_solution<T> solution = hrw::solve_groups(losses, groups, 4, options, base);
    CHECK(solution.weights == expected && same(solution.report, report) && same(solution.table, table));
    CHECK(std::isnan(solution.group_losses().data()[2]) && solution.group_losses().size() == 4);
    CHECK(same(copied(solution.group_weights()), std::vector<double>(table.begin() + 4, table.begin() + 8)));
    CHECK(copied(solution.group_sizes()) == std::vector<double>({4.0, 2.0, 0.0, 2.0}));
    CHECK(allocated([&] { CHECK(same(hrw::weights_groups_into(losses, groups, out, own, options, base), report)); }) == 0);
    CHECK(out == expected && same(own, table));
    CHECK(hrw::solve_groups(losses, groups, 4, options).weights != expected);

    const std::vector<T> untouched = out;
    throws([&] { (void)hrw::solve_groups(losses, groups, 3); }, hrw::status::group, 3);
    throws([&] { (void)hrw::solve_groups(losses, groups, 0); }, hrw::status::group, 0);
    throws([&] { (void)hrw::solve_groups(losses, groups, std::numeric_limits<std::size_t>::max() / 3 + 2); },
           hrw::status::offsets);
    throws([&] { (void)hrw::solve_groups(losses, groups, 5, {}, base); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::solve_groups(losses, hrw::view(groups, 7), 4); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::weights_groups_into(losses, groups, out, hrw::view(own.data(), 11)); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::weights_groups_into(losses, groups, hrw::view(out.data(), 7), own); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::solve_groups(losses, groups, 4, {2.0}); }, hrw::status::alpha);
    const std::array<double, 4> negative = {1.0, -1.0, 1.0, 1.0};
    throws([&] { (void)hrw::weights_groups_into(losses, groups, out, own, {}, negative); }, hrw::status::base_weights, 1);
    CHECK(out == untouched);
}

template <class T>
static void running_worst_losses()
{
    hrw::running_worst worst(2), ever;
    CHECK(worst.worst_loss() == -std::numeric_limits<double>::infinity());
    const std::array<T, 5> batches = {T(3), T(1), T(1), T(1), T(1)};
    const double expected[] = {3.0, 3.0, 3.0, 3.0, 1.0};
    for (std::size_t i = 0; i < 5; i++) {
        const std::array<T, 2> batch = {batches[i], T(0.5)};
        CHECK(allocated([&] { CHECK(worst.update(batch) == expected[i]); }) == 0);
        CHECK(*ever.try_update(batch) == 3.0);
    }
    const hrw::running_worst copy = worst;
    const std::array<T, 2> masked = {T(9), T(2)}, base = {T(0), T(1)};
    CHECK(worst.update(masked, base) == 2.0 && worst.worst_loss() == 2.0 && copy.worst_loss() == 1.0);
    /* Bad batches change nothing. */
    const std::array<T, 2> bad = {T(9), std::numeric_limits<T>::quiet_NaN()};
    throws([&] { (void)worst.update(bad); }, hrw::status::non_finite_loss);
    throws([&] { (void)worst.update(std::vector<T>()); }, hrw::status::empty);
    throws([&] { (void)worst.update(masked, std::vector<T>(3)); }, hrw::status::size_mismatch);
    CHECK(worst.worst_loss() == 2.0);
}

template <class T>
static void diagnostics()
{
    const std::vector<T> weights = {T(0.125), T(0.5), T(0.125), T(0.25)};
    const hrw::concentration top = hrw::top_samples(weights, 3);
    CHECK(top.indices == std::vector<std::size_t>({1, 3, 0}) && top.share == 0.875);
    CHECK(hrw::top_samples(weights, std::numeric_limits<std::size_t>::max()).indices.size() == 4);
    std::array<std::size_t, 2> indices{};
    CHECK(allocated([&] { CHECK(hrw::top_samples_into(weights, indices) == 0.75); }) == 0);
    CHECK(indices[0] == 1 && indices[1] == 3);

    const std::uint32_t groups[] = {0, 1, 0, 0};
    const hrw::share_table shares = hrw::group_shares(weights, groups, 3);
    CHECK(copied(shares.shares()) == std::vector<double>({0.5, 0.5, 0.0}));
    CHECK(same(copied(shares.ratios()), {0.5 / 0.75, 2.0, std::nan("")}));
    CHECK(copied(shares.sizes()) == std::vector<double>({3.0, 1.0, 0.0}));
    std::array<double, 9> table{};
    CHECK(allocated([&] { CHECK(hrw::group_shares_into(weights, groups, table) == 3); }) == 0);
    CHECK(same(std::vector<double>(table.begin(), table.end()), shares.table));

    throws([&] { (void)hrw::top_samples(weights, 0); }, hrw::status::empty);
    throws([&] { (void)hrw::top_samples(std::vector<T>(), 1); }, hrw::status::empty);
    throws([&] { (void)hrw::group_shares(weights, groups, 1); }, hrw::status::group);
    throws([&] { (void)hrw::group_shares(weights, groups, 0); }, hrw::status::group);
    throws([&] { (void)hrw::group_shares(weights, hrw::view(groups, 3), 3); }, hrw::status::size_mismatch);
    throws([&] { (void)hrw::group_shares_into(weights, groups, hrw::view(table.data(), 8)); }, hrw::status::size_mismatch);
    const std::vector<T> negative = {T(0.5), T(-0.5)};
    throws([&] { (void)hrw::top_samples(negative, 1); }, hrw::status::base_weights);
    throws([&] { (void)hrw::group_shares(negative, hrw::view(groups, 2), 2); }, hrw::status::base_weights);
}

template <class T>
static void each_width()
{
    calibrations<T>();
    paths<T>();
    groups<T>();
    running_worst_losses<T>();
    diagnostics<T>();
}

void calibration_contract()
{
    each_width<float>();
    each_width<double>();
}
