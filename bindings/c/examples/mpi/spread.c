/* One problem spread over the processes of MPI: each has its own losses, and gets its part of the weights of all.
 *
 *     mpicc -std=c11 -Iinclude spread.c -lhr_weights -lm -o spread
 *     mpirun -n 3 ./spread [n]
 *
 * Everything that a program needs is in allreduce() and solve(); the rest makes losses, and compares on the first rank
 * with the answer of one machine. Exits with 0 if all agree. */
#include <hr_weights.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

/* How often the library asked, and for how many bytes. */
typedef struct {
    MPI_Comm communicator;
    int calls;
    size_t bytes;
} cluster;

/* The all-reduce of the library, by MPI's. The communicator must return errors, or MPI ends the program here. */
static int32_t allreduce(void *context, double *values, size_t count, int32_t op)
{
    cluster *own = context;
    own->calls++;
    own->bytes += count * sizeof *values;
    return MPI_Allreduce(MPI_IN_PLACE, values, (int)count, MPI_DOUBLE, op == HRW_SUM ? MPI_SUM : MPI_MAX,
                         own->communicator) != MPI_SUCCESS;
}

static int32_t solve(cluster *own, const hrw_options *options, const double *losses, size_t n, double *weights,
                     hrw_report *report)
{
    hrw_report_init(report, sizeof *report);
    own->calls = 0;
    own->bytes = 0;
    return hrw_weights_sharded_f64(options, losses, NULL, n, weights, report, allreduce, own);
}

/* Exponential losses, by their number: every rank can make those of every other. */
static double loss_of(size_t number)
{
    uint64_t state = (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15) + 1;
    state = (state ^ (state >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    state = (state ^ (state >> 27)) * UINT64_C(0x94D049BB133111EB);
    return -log(((double)((state ^ (state >> 31)) >> 11) + 0.5) / 9007199254740992.0);
}

/* Where the losses of a rank start: the later the rank, the more it has; of three or more the second one has none. */
static size_t start_of(int rank, int ranks, size_t n)
{
    const size_t of = (size_t)ranks, at = (size_t)(rank >= 2 || ranks < 3 ? rank : rank == 0 ? 0 : 2);
    return at * at * n / (of * of);
}

static void *allocate(size_t count)
{
    void *memory = malloc((count == 0 ? 1 : count) * sizeof(double));
    if (memory == NULL)
        MPI_Abort(MPI_COMM_WORLD, 2);
    return memory;
}

/* The largest difference between the weights of all ranks and those of one machine; on rank 0. */
static double compare(const hrw_options *options, size_t n, const double *weights, int rank, int ranks,
                      const hrw_report *report)
{
    int *counts = malloc((size_t)ranks * sizeof *counts), *starts = malloc((size_t)ranks * sizeof *starts);
    double *all = NULL, *losses = NULL, *single = NULL, worst = 0.0;
    hrw_report whole;
    int i;

    if (counts == NULL || starts == NULL)
        MPI_Abort(MPI_COMM_WORLD, 2);
    for (i = 0; i < ranks; i++) {
        starts[i] = (int)start_of(i, ranks, n);
        counts[i] = (int)(start_of(i + 1, ranks, n) - start_of(i, ranks, n));
    }
    if (rank == 0)
        all = allocate(n);
    MPI_Gatherv(weights, counts[rank], MPI_DOUBLE, all, counts, starts, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        size_t k;
        losses = allocate(n);
        single = allocate(n);
        for (k = 0; k < n; k++)
            losses[k] = loss_of(k);
        hrw_report_init(&whole, sizeof whole);
        if (hrw_weights_f64(options, losses, NULL, n, single, &whole) != HRW_OK)
            worst = INFINITY;
        for (k = 0; k < n; k++)
            worst = fmax(worst, fabs(all[k] - single[k]));
        worst = fmax(worst, fabs(report->robust_loss - whole.robust_loss) / whole.worst_loss);
        if (report->trimmed != whole.trimmed || report->worst_loss != whole.worst_loss)
            worst = INFINITY;
    }
    free(counts);
    free(starts);
    free(all);
    free(losses);
    free(single);
    return worst;
}

/* What is wrong on one rank is told to all: none waits for ever. */
static int faults(cluster *own, hrw_options options, double *losses, size_t n, double *weights, int rank, int ranks)
{
    hrw_report report;
    const double kept = n > 0 ? losses[n - 1] : 0.0;
    int right;

    if (rank == ranks - 1)
        losses[n - 1] = NAN;
    right = solve(own, &options, losses, n, weights, &report) == HRW_NON_FINITE_LOSS && own->calls == 1 &&
            report.bad_index == (rank == ranks - 1 ? n - 1 : UINT64_MAX);
    if (n > 0)
        losses[n - 1] = kept;
    if (ranks > 1) {
        options.alpha = rank == 0 ? 0.1 : 0.2;
        right &= solve(own, &options, losses, n, weights, &report) == HRW_ALPHA && own->calls == 1;
    }
    return right;
}

int main(int argc, char **argv)
{
    static const double budgets[][2] = {{0.0, 0.0}, {0.05, 0.0}, {0.0, 1e-4}, {0.05, 0.1}, {0.3, 2.0}};
    int rank, ranks, failed = 0, most_calls = 0;
    double worst = 0.0, *losses, *weights;
    size_t n, first, own_n, k, i;
    cluster own;
    hrw_options options;
    hrw_report report;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Comm_dup(MPI_COMM_WORLD, &own.communicator);
    MPI_Comm_set_errhandler(own.communicator, MPI_ERRORS_RETURN);
    n = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) : 100000;
    first = start_of(rank, ranks, n);
    own_n = start_of(rank + 1, ranks, n) - first;
    losses = allocate(own_n);
    weights = allocate(own_n);
    for (k = 0; k < own_n; k++)
        losses[k] = loss_of(first + k);

    hrw_options_init(&options, sizeof options);
    for (i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
            int32_t status;
            options.alpha = budgets[i][0];
            options.r = budgets[i][1];
            status = solve(&own, &options, losses, own_n, weights, &report);
            if (status != HRW_OK) {
                fprintf(stderr, "rank %d: %s\n", rank, hrw_status_message(status));
                failed = 1;
            }
            worst = fmax(worst, compare(&options, n, weights, rank, ranks, &report));
            if (own.calls > most_calls)
                most_calls = own.calls;
            failed |= own.calls > 64 || own.bytes > (size_t)own.calls * 32768;
        }
    }
    options.ordering = HRW_HD;
    failed |= !faults(&own, options, losses, own_n, weights, rank, ranks);
    failed |= !(worst <= 1e-13);
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    if (rank == 0)
        printf("%s: %lu losses on %d ranks, at most %d all-reduces, largest difference to one machine %.1e\n",
               failed ? "FAILED" : "mpi", (unsigned long)n, ranks, most_calls, worst);
    free(losses);
    free(weights);
    MPI_Comm_free(&own.communicator);
    MPI_Finalize();
    return failed;
}
