/* An all-reduce, and the call that it is passed to. */
#include <hr_weights.h>

#include "mpi.h"

BLOCK

int main(void)
{
    float losses[] = {0.3f, 2.0f, 0.1f, 0.7f};
    float weights[4];
    size_t n_local = 4;
    int32_t status;
    hrw_options options;
    hrw_report report;
    MPI_Comm communicator = MPI_COMM_WORLD;
    hrw_options_init(&options, sizeof options);
    hrw_report_init(&report, sizeof report);
BLOCK
    return status != HRW_OK;
}
