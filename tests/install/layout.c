/* The layout of the structures on every kind of platform, checked by the compiler alone: compile it for one, and a
 * difference is an error. Three kinds: 64-bit pointers; 32-bit pointers with 64-bit numbers aligned to 8 bytes, as on ARM;
 * and the same aligned to 4 bytes, as on i386. */
#include "hr_weights.h"

#include <stddef.h>
#include <stdint.h>

struct alignment {
    char before;
    double number;
};

enum {
    KIND = UINTPTR_MAX == UINT64_MAX ? 0 : offsetof(struct alignment, number) == 8 ? 1 : 2,
    POINTER = sizeof(void *)
};

#define OF_KIND(lp64, ilp32, i386) (KIND == 0 ? (lp64) : KIND == 1 ? (ilp32) : (i386))

#define FIELD(structure, field, size, lp64, ilp32, i386)                                                               \
    _Static_assert(offsetof(structure, field) == OF_KIND(lp64, ilp32, i386), #structure "." #field " has moved");      \
    _Static_assert(sizeof(((structure *)0)->field) == (size), #structure "." #field " has another size")
#define SIZE(structure, lp64, ilp32, i386)                                                                             \
    _Static_assert(sizeof(structure) == OF_KIND(lp64, ilp32, i386), #structure " has another size")

FIELD(hrw_options, struct_size, POINTER, 0, 0, 0);
FIELD(hrw_options, alpha, 8, 8, 8, 4);
FIELD(hrw_options, r, 8, 16, 16, 12);
FIELD(hrw_options, worst_loss, 8, 24, 24, 20);
FIELD(hrw_options, ordering, 4, 32, 32, 28);
FIELD(hrw_options, threads, 4, 36, 36, 32);
SIZE(hrw_options, 40, 40, 36);

FIELD(hrw_report, struct_size, POINTER, 0, 0, 0);
FIELD(hrw_report, robust_loss, 8, 8, 8, 4);
FIELD(hrw_report, dual_bound, 8, 16, 16, 12);
FIELD(hrw_report, worst_loss, 8, 24, 24, 20);
FIELD(hrw_report, worst_weight, 8, 32, 32, 28);
FIELD(hrw_report, eta, 8, 40, 40, 36);
FIELD(hrw_report, trim_loss, 8, 48, 48, 44);
FIELD(hrw_report, d_alpha, 8, 56, 56, 52);
FIELD(hrw_report, d_r, 8, 64, 64, 60);
FIELD(hrw_report, kl, 8, 72, 72, 68);
FIELD(hrw_report, tv, 8, 80, 80, 76);
FIELD(hrw_report, effective_samples, 8, 88, 88, 84);
FIELD(hrw_report, trimmed, 8, 96, 96, 92);
FIELD(hrw_report, bad_index, 8, 104, 104, 100);
FIELD(hrw_report, iterations, 4, 112, 112, 108);
SIZE(hrw_report, 120, 120, 112);

_Static_assert(KIND == EXPECTED_KIND, "the compiler's target is of another kind than the test believes");
