/* The contract of hr_weights.h, checked from the outside by a plain C99 program: one static function per rule.
 *
 * Rules that depend on the element type live in real_*.h, which are included twice below; a rule added to the list
 * REAL_RULES runs for float and for double. Rules without an element type are functions of this file, listed in RULES.
 *
 * A rule is about meaning, never about speed or about the last digits beyond what the header promises. The program
 * prints failures and one closing line, so that anything else in its output was printed by the library.
 */
#define _POSIX_C_SOURCE 200809L

#include "hr_weights.h"

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "check.h"
#include "meeting.h"
#include "support.h"

#define PASTE_(name, suffix) name##_##suffix
#define PASTE(name, suffix) PASTE_(name, suffix)
#define FN(name) PASTE(name, SUFFIX)
#define LIB(name) PASTE(hrw_##name, SUFFIX)

/* REAL_TOLERANCE: absolute, for weights (at most 1) against a closed form: the header's 2 ulp for float.
 * REPORT_TOLERANCE: for sums over such weights, per unit of loss. */
#define REAL float
#define SUFFIX f32
#define REAL_LARGEST FLT_MAX
#define REAL_SMALLEST 1.401298464324817e-45f
#define REAL_TOLERANCE (2.0 * FLT_EPSILON)
#define REPORT_TOLERANCE (8.0 * FLT_EPSILON)
#include "real.h"
#undef REAL
#undef SUFFIX
#undef REAL_LARGEST
#undef REAL_SMALLEST
#undef REAL_TOLERANCE
#undef REPORT_TOLERANCE

#define REAL double
#define SUFFIX f64
#define REAL_LARGEST DBL_MAX
#define REAL_SMALLEST 4.940656458412465e-324
#define REAL_TOLERANCE 1e-12
#define REPORT_TOLERANCE 1e-12
#include "real.h"

/* ---- versions and messages ---------------------------------------------------------------------------------------- */

static void versions(void)
{
    errno = ERRNO_MARK;
    CHECK(hrw_abi_version() == HRW_ABI_VERSION);
    CHECK(hrw_version() != NULL && strcmp(hrw_version(), "0.1.0") == 0);
    CHECK(hrw_version() == hrw_version());
    CHECK(errno == ERRNO_MARK);
}

static void status_messages(void)
{
    static const int32_t known[] = {HRW_OK,         HRW_NULL_POINTER, HRW_STRUCT_SIZE,     HRW_EMPTY,
                                    HRW_ALPHA,      HRW_R,            HRW_ORDERING,        HRW_WORST_LOSS,
                                    HRW_BASE_WEIGHTS, HRW_NON_FINITE_LOSS, HRW_DELTA,      HRW_OFFSETS,
                                    HRW_OVERLAP,    HRW_REDUCE,       HRW_THREADS,         HRW_GROUP,
                                    HRW_TARGET,     HRW_QUANTITY,     HRW_PANIC};
    static const int32_t unknown[] = {12345, -1, 18, 98, 100, INT32_MAX, INT32_MIN};
    size_t i, j;

    errno = ERRNO_MARK;
    for (i = 0; i < COUNT(known); i++) {
        const char *message = hrw_status_message(known[i]);
        check_about("status %ld", (long)known[i]);
        CHECK(message != NULL && message[0] != '\0');
        CHECK(message == hrw_status_message(known[i]));
        for (j = 0; j < i; j++)
            CHECK(strcmp(message, hrw_status_message(known[j])) != 0);
    }
    for (i = 0; i < COUNT(unknown); i++) {
        const char *message = hrw_status_message(unknown[i]);
        check_about("status %ld", (long)unknown[i]);
        CHECK(message != NULL && message[0] != '\0');
        for (j = 0; j < COUNT(known); j++)
            CHECK(strcmp(message, hrw_status_message(known[j])) != 0);
    }
    CHECK(errno == ERRNO_MARK);
}

/* ---- the initialisers --------------------------------------------------------------------------------------------- */

static void options_init(void)
{
    size_t size;

    CHECK(hrw_options_init(NULL, sizeof(hrw_options)) == HRW_NULL_POINTER);
    for (size = 0; size <= sizeof(hrw_options) + SPARE; size++) {
        roomy_options room;
        int32_t code;
        check_about("size %lu", (unsigned long)size);
        memset(&room, POISON, sizeof room);
        errno = ERRNO_MARK;
        code = hrw_options_init(&room.options, size);
        CHECK(errno == ERRNO_MARK);
        if (!is_options_size(size)) {
            CHECK(code == HRW_STRUCT_SIZE);
            CHECK(all_bytes(&room, sizeof room, POISON));
            continue;
        }
        CHECK(code == HRW_OK);
        CHECK(room.options.struct_size == size);
        CHECK(room.options.alpha == 0.0 && room.options.r == 0.0);
        if (size >= END_OF(hrw_options, worst_loss))
            CHECK(isnan(room.options.worst_loss));
        if (size >= END_OF(hrw_options, ordering))
            CHECK(room.options.ordering == HRW_HD);
        if (size >= END_OF(hrw_options, threads))
            CHECK(room.options.threads == 1);
        CHECK(all_bytes(room.bytes + size, sizeof room - size, POISON));
    }
}

static void report_init(void)
{
    size_t size;

    CHECK(hrw_report_init(NULL, sizeof(hrw_report)) == HRW_NULL_POINTER);
    for (size = 0; size <= sizeof(hrw_report) + SPARE; size++) {
        roomy_report room;
        int32_t code;
        check_about("size %lu", (unsigned long)size);
        memset(&room, POISON, sizeof room);
        errno = ERRNO_MARK;
        code = hrw_report_init(&room.report, size);
        CHECK(errno == ERRNO_MARK);
        if (is_report_size(size)) {
            CHECK(code == HRW_OK);
            CHECK(room.report.struct_size == size);
            CHECK(all_bytes(room.bytes + size, sizeof room - size, POISON));
            /* Every field is zero but these two. */
            if (size >= END_OF(hrw_report, bad_index)) {
                CHECK(room.report.bad_index == no_index);
                room.report.bad_index = 0;
            }
            room.report.struct_size = 0;
            CHECK(all_bytes(&room, size < REPORT_BYTES ? size : REPORT_BYTES, 0));
        } else {
            CHECK(code == HRW_STRUCT_SIZE);
            CHECK(all_bytes(&room, sizeof room, POISON));
        }
    }
}

/* ---- the certified radius ----------------------------------------------------------------------------------------- */

static void certified_r_formula(void)
{
    static const uint64_t counts[] = {1, 2, 20, 1000, UINT64_C(1000000000), UINT64_MAX};
    static const double deltas[] = {0.5, 0.1, 0.05, 1e-6, 1e-300};
    size_t i, j;
    for (i = 0; i < COUNT(counts); i++) {
        for (j = 0; j < COUNT(deltas); j++) {
            const double want = certified_r(counts[i], deltas[j]);
            double r = -1.0;
            check_about("n %.17g, delta %g", (double)counts[i], deltas[j]);
            errno = ERRNO_MARK;
            CHECK(hrw_certified_r(counts[i], deltas[j], &r) == HRW_OK);
            CHECK(errno == ERRNO_MARK);
            CHECK(near(r, want, 1e-14 * want));
        }
    }
}

static void certified_r_errors(void)
{
    static const double bad_deltas[] = {0.0, -0.5, 1.0, 1.5, NAN, INFINITY, -INFINITY};
    const double mark = 12.5;
    double r = mark;
    size_t i;

    errno = ERRNO_MARK;
    for (i = 0; i < COUNT(bad_deltas); i++) {
        check_about("delta %g", bad_deltas[i]);
        CHECK(hrw_certified_r(20, bad_deltas[i], &r) == HRW_DELTA);
        CHECK(r == mark);
    }
    CHECK(hrw_certified_r(20, 0.1, NULL) == HRW_NULL_POINTER);
    CHECK(hrw_certified_r(0, 0.1, &r) == HRW_EMPTY);
    CHECK(hrw_certified_r(0, 0.1, NULL) == HRW_EMPTY);
    CHECK(r == mark);
    CHECK(errno == ERRNO_MARK);
}

/* ---- both element types together ---------------------------------------------------------------------------------- */

/* The number of representable floats between two positive ones. */
static long float_distance(float a, float b)
{
    int32_t i, j;
    memcpy(&i, &a, sizeof i);
    memcpy(&j, &b, sizeof j);
    return labs((long)i - (long)j);
}

static void float_weights_are_rounded_double_weights(void)
{
    static const double alphas[] = {0.0, 0.05, 0.3};
    static const double radii[] = {0.0, 1e-6, 0.1, 3.0};
    enum { N = 257 };
    float losses32[N], weights32[N];
    double losses64[N], weights64[N];
    uint64_t state = 7;
    size_t i, a, k;
    int32_t ordering;

    for (i = 0; i < N; i++) {
        losses32[i] = (float)-log(next_uniform(&state));
        losses64[i] = (double)losses32[i];
    }
    for (ordering = HRW_HD; ordering <= HRW_HR; ordering++) {
        for (a = 0; a < COUNT(alphas); a++) {
            for (k = 0; k < COUNT(radii); k++) {
                const hrw_options options = options_of(alphas[a], radii[k], ordering);
                hrw_report report32 = poisoned_report(sizeof report32);
                hrw_report report64 = poisoned_report(sizeof report64);
                long distance = 0;
                check_about("ordering %d, alpha %g, r %g", (int)ordering, alphas[a], radii[k]);
                CHECK(hrw_weights_f32(&options, losses32, NULL, N, weights32, &report32) == HRW_OK);
                CHECK(hrw_weights_f64(&options, losses64, NULL, N, weights64, &report64) == HRW_OK);
                for (i = 0; i < N; i++) {
                    const long this_distance = float_distance(weights32[i], (float)weights64[i]);
                    if (this_distance > distance)
                        distance = this_distance;
                }
                CHECK(distance <= 2);
                CHECK(near(report32.robust_loss, report64.robust_loss, 1e-6));
                CHECK(near(report32.d_alpha, report64.d_alpha, 1e-6 * report64.d_alpha));
                CHECK(near(report32.d_r, report64.d_r, 1e-6 * report64.d_r));
                CHECK(near(report32.trim_loss, report64.trim_loss, 1e-6));
                CHECK(report32.trimmed == report64.trimmed);
            }
        }
    }
}

/* Standard output and standard error of a call of everything, in the good and in the bad, go through a pipe that must
 * stay empty. Nothing is checked while they are redirected, since a failure would print. */
static void nothing_is_printed(void)
{
    int ends[2], saved_out, saved_err;
    char bytes[256];
    double r;

    fflush(stdout);
    fflush(stderr);
    if (pipe(ends) != 0 || (saved_out = dup(1)) < 0 || (saved_err = dup(2)) < 0) {
        CHECK(!"the streams can be redirected");
        return;
    }
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    close(ends[1]);

    (void)hrw_abi_version();
    (void)hrw_version();
    (void)hrw_status_message(HRW_PANIC);
    (void)hrw_status_message(-7);
    (void)hrw_options_init(NULL, 0);
    (void)hrw_report_init(NULL, 3);
    (void)hrw_certified_r(0, 0.1, &r);
    (void)hrw_certified_r(3, 2.0, &r);
    (void)hrw_certified_r(3, 0.1, NULL);
    call_everything_f32();
    call_everything_f64();

    fflush(stdout);
    fflush(stderr);
    dup2(saved_out, 1);
    dup2(saved_err, 2);
    close(saved_out);
    close(saved_err);
    CHECK(read(ends[0], bytes, sizeof bytes) == 0);
    close(ends[0]);
}

/* ---- the list ----------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define RULES(RULE)                             \
    RULE(versions)                              \
    RULE(status_messages)                       \
    RULE(options_init)                          \
    RULE(report_init)                           \
    RULE(certified_r_formula)                   \
    RULE(certified_r_errors)                    \
    RULE(float_weights_are_rounded_double_weights) \
    RULE(nothing_is_printed)

#define REAL_RULES(RULE)                        \
    RULE(null_pointers)                         \
    RULE(empty_input)                           \
    RULE(alpha_domain)                          \
    RULE(r_domain)                              \
    RULE(ordering_domain)                       \
    RULE(threads_domain)                        \
    RULE(worst_loss_domain)                     \
    RULE(base_domain)                           \
    RULE(loss_domain)                           \
    RULE(masked_samples)                        \
    RULE(overlap)                               \
    RULE(first_error_wins)                      \
    RULE(options_sizes)                         \
    RULE(options_defaults_when_short)           \
    RULE(report_sizes)                          \
    RULE(report_sizes_on_error)                 \
    RULE(no_budget_returns_the_base_weights)    \
    RULE(pure_trimming)                         \
    RULE(unlimited_budget)                      \
    RULE(equal_losses)                          \
    RULE(single_sample)                         \
    RULE(two_losses)                            \
    RULE(trimmed_to_two_losses)                 \
    RULE(given_worst_loss)                      \
    RULE(hd_optimality)                         \
    RULE(solutions_are_consistent)              \
    RULE(sensitivities)                         \
    RULE(same_bits_for_every_thread_count)      \
    RULE(same_bits_for_every_alignment)         \
    RULE(same_bits_from_concurrent_callers)     \
    RULE(forked_child_can_call)                 \
    RULE(same_bits_in_every_mode)               \
    RULE(callbacks_keep_the_mode)               \
    RULE(batch_is_its_rows)                     \
    RULE(ragged_is_its_rows)                    \
    RULE(batch_of_nothing)                      \
    RULE(batch_of_no_columns)                   \
    RULE(batch_null_pointers)                   \
    RULE(batch_offsets)                         \
    RULE(batch_options)                         \
    RULE(first_bad_row_wins)                    \
    RULE(batch_overlap)                         \
    RULE(batch_report_sizes)                    \
    RULE(batch_reports_of_unequal_sizes)        \
    RULE(certify_null_pointers)                 \
    RULE(certify_empty_input)                   \
    RULE(certify_errors)                        \
    RULE(certify_closed_forms)                  \
    RULE(certify_is_the_hd_bound)               \
    RULE(calibration_meets_its_target)          \
    RULE(calibration_errors)                    \
    RULE(path_is_its_solutions)                 \
    RULE(running_worst_loss)                    \
    RULE(groups_are_their_means)                \
    RULE(groups_errors)                         \
    RULE(top_samples_are_those_of_a_sort)       \
    RULE(top_samples_errors)                    \
    RULE(group_shares_are_sums)                 \
    RULE(group_shares_errors)                   \
    RULE(sharded_is_the_whole)                  \
    RULE(sharded_threads)                       \
    RULE(sharded_base_of_some)                  \
    RULE(sharded_errors)                        \
    RULE(sharded_reduce_fails)                  \
    RULE(sharded_pointers)
/* clang-format on */

#define ROW(rule) {#rule, rule},
#define REAL_ROWS(rule) {#rule "_f32", rule##_f32}, {#rule "_f64", rule##_f64},

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } rules[] = {RULES(ROW) REAL_RULES(REAL_ROWS)};
    size_t i;

    for (i = 0; i < COUNT(rules); i++) {
        check_begin(rules[i].name);
        rules[i].run();
    }
    return check_summary();
}
