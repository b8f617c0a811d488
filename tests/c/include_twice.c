/* A consumer in the common subset of C99 and C++11: the header comes first, needs nothing before it, may come twice, and
 * may be included by several files of one program (include_other.c is the second). */
#include "hr_weights.h"
#include "hr_weights.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
double robust_mean(const double *losses, size_t n);
#ifdef __cplusplus
}
#endif

int main(void)
{
    const double losses[] = {0.25, 1.5, 0.75, 3.0};
    const double want = 1.71875; /* the mean, after an eighth of all weight moved from 0.25 to 3 */
    const double got = robust_mean(losses, sizeof losses / sizeof losses[0]);

    if (hrw_abi_version() != HRW_ABI_VERSION) {
        printf("the header is of ABI %d, the library of %u\n", HRW_ABI_VERSION, (unsigned)hrw_abi_version());
        return 1;
    }
    if (!(got > want - 1e-12 && got < want + 1e-12)) {
        printf("robust mean %.17g, expected %.17g\n", got, want);
        return 1;
    }
    return 0;
}
