/* What the contract's files share: checks that are counted, allocations that are counted, and problems. */
#ifndef SUPPORT_HPP
#define SUPPORT_HPP

#include <hr_weights.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

namespace hrw = hr_weights;

inline int passed = 0, failed = 0;

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

inline void check(bool condition, const char *text, const char *file, int line)
{
    (condition ? passed : failed)++;
    if (!condition)
        std::printf("%s:%d: %s\n", file, line, text);
}

/* Counted by the operator new of contract.cpp, unless a tool has its own. */
inline std::size_t allocations = 0;

template <class Function>
std::size_t allocated(Function function)
{
    const std::size_t before = allocations;
    function();
    return allocations - before;
}

inline bool same(double a, double b)
{
    return a == b || (std::isnan(a) && std::isnan(b));
}

inline bool same(const hrw_report &a, const hrw_report &b)
{
    return a.struct_size == b.struct_size && same(a.robust_loss, b.robust_loss) && same(a.dual_bound, b.dual_bound) &&
           same(a.worst_loss, b.worst_loss) && same(a.worst_weight, b.worst_weight) && same(a.eta, b.eta) &&
           same(a.trim_loss, b.trim_loss) && same(a.d_alpha, b.d_alpha) && same(a.d_r, b.d_r) && same(a.kl, b.kl) &&
           same(a.tv, b.tv) && same(a.effective_samples, b.effective_samples) && a.trimmed == b.trimmed &&
           a.bad_index == b.bad_index && a.iterations == b.iterations;
}

template <class T>
std::vector<T> some_losses()
{
    return {T(0.1), T(0.2), T(0.2), T(0.4), T(0.7), T(1.1), T(1.8), T(4)};
}

template <class T>
std::vector<T> some_base()
{
    return {T(1), T(2), T(0), T(1), T(0.5), T(3), T(1), T(1)};
}

template <class Call>
void throws(Call call, hrw::status code, std::uint64_t bad_index = UINT64_MAX)
{
    try {
        call();
        check(false, "nothing was thrown", __FILE__, __LINE__);
    } catch (const std::exception &caught) {
        const auto *error = dynamic_cast<const hrw::error *>(&caught);
        CHECK(error != nullptr);
        if (!error)
            return;
        CHECK(error->code() == code);
        CHECK(error->bad_index() == bad_index);
        CHECK(std::strcmp(caught.what(), hrw::message(code)) == 0);
    }
}

/* The rules of calibration.cpp. */
void calibration_contract();

#endif
