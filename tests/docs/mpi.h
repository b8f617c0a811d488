// MPI as it is with one process; `make mpi-test` runs a program with the real one.
#include <string.h>

typedef int MPI_Comm;
enum { MPI_COMM_WORLD, MPI_DOUBLE, MPI_SUM, MPI_MAX, MPI_SUCCESS = 0 };
#define MPI_IN_PLACE NULL

static inline int MPI_Allreduce(const void *from, void *to, int count, int type, int operation, MPI_Comm communicator)
{
    (void)from, (void)to, (void)count, (void)type, (void)operation, (void)communicator;
    return MPI_SUCCESS;
}
