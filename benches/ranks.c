/* Many participants in one process: how many all-reduces a sharded problem takes, of how many bytes, and what its passes
 * cost.
 *
 *     ranks [--quick]
 *
 * The participants are stepped one after another, and their messages joined between the steps, so the time of their
 * steps is pure computation: divided by the losses, it is what one loss costs its own host. With the latency of an engine
 * that gives the time of a problem on real hosts. Every answer is compared with that of one machine. Prints CSV and a
 * closing line. */
#define _POSIX_C_SOURCE 200809L

#include "hr_weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_RANKS = 1024 };

typedef struct {
    int rounds;
    size_t bytes;      /* of all messages of one participant */
    size_t largest;    /* message, in bytes */
    double seconds;    /* of the steps of all participants */
    double difference; /* the largest one of a weight to that of one machine */
} cost;

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return memory;
}

/* The time of this process: others on the machine do not count. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void join(double *const *values, size_t ranks, size_t count, int32_t op)
{
    size_t place, rank;
    for (place = 0; place < count; place++) {
        double joined = values[0][place];
        for (rank = 1; rank < ranks; rank++)
            joined = op == HRW_SUM ? joined + values[rank][place] : fmax(joined, values[rank][place]);
        for (rank = 0; rank < ranks; rank++)
            values[rank][place] = joined;
    }
}

/* Solves with so many participants of equal size. */
static cost solve(const hrw_options *options, const float *losses, size_t n, size_t ranks, float *weights,
                  const float *single, const hrw_report *whole)
{
    static hrw_sharded *solvers[MOST_RANKS];
    static double *values[MOST_RANKS];
    cost spent = {0, 0, 0, 0.0, 0.0};
    hrw_report report;
    size_t rank, i, count;
    int32_t op = HRW_SUM;

    hrw_report_init(&report, sizeof report);
    for (rank = 0; rank < ranks; rank++) {
        solvers[rank] = allocate(hrw_sharded_size());
        hrw_sharded_init(solvers[rank], hrw_sharded_size());
    }
    for (;;) {
        const double start = now();
        count = 0;
        for (rank = 0; rank < ranks; rank++) {
            const size_t first = rank * n / ranks, end = (rank + 1) * n / ranks;
            const int32_t status = hrw_sharded_step_f32(solvers[rank], options, losses + first, NULL, end - first,
                                                        weights + first, &report, &values[rank], &count, &op);
            if (status != HRW_OK) {
                fprintf(stderr, "%s\n", hrw_status_message(status));
                exit(1);
            }
        }
        spent.seconds += now() - start;
        if (count == 0)
            break;
        join(values, ranks, count, op);
        spent.rounds++;
        spent.bytes += count * sizeof(double);
        if (count * sizeof(double) > spent.largest)
            spent.largest = count * sizeof(double);
    }
    for (rank = 0; rank < ranks; rank++)
        free(solvers[rank]);
    for (i = 0; i < n; i++)
        spent.difference =
            fmax(spent.difference, fabs((double)weights[i] - (double)single[i]) / fmax(single[i], 1e-30f));
    if (!(fabs(report.robust_loss - whole->robust_loss) <= 1e-13 * whole->worst_loss))
        spent.difference = INFINITY;
    return spent;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"HD", "HR"};
    static const struct {
        const char *name;
        double latency;   /* seconds a round */
        double bandwidth; /* bytes a second */
    } engines[] = {{"MPI, one host", 0.3e-6, 1e10},
                   {"MPI, network", 20e-6, 1e9},
                   {"gloo", 1e-3, 1e9},
                   {"JAX, processes", 5e-3, 1e9}};
    const int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    const size_t n = quick ? (size_t)1 << 16 : (size_t)1 << 24;
    float *losses = allocate(n * sizeof *losses), *weights = allocate(n * sizeof *weights);
    float *single = allocate(n * sizeof *single);
    uint64_t state = 1;
    double worst = 0.0;
    int most = 0;
    size_t i, ranks, e;
    hrw_options options;
    hrw_report whole;

    for (i = 0; i < n; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        losses[i] = (float)-log(((double)(state >> 11) + 0.5) / 9007199254740992.0);
    }
    hrw_options_init(&options, sizeof options);
    hrw_report_init(&whole, sizeof whole);
    options.alpha = 0.05;
    options.r = 0.1;
    printf("# make bench-ranks, hr-weights %s; alpha %g, r %g, exponential losses, f32\n", hrw_version(), options.alpha,
           options.r);
    printf("ordering,ranks,losses,rounds,bytes_per_rank,largest_message,ns_per_loss,weight_difference\n");
    for (options.ordering = HRW_HD; options.ordering <= HRW_HR; options.ordering++) {
        cost spent = {0, 0, 0, 0.0, 0.0}, large = spent;
        double start = now(), alone;
        hrw_weights_f32(&options, losses, NULL, n, single, &whole);
        start = now();
        hrw_weights_f32(&options, losses, NULL, n, single, &whole);
        alone = now() - start;
        printf("%s,1,%lu,0,0,0,%.2f,0\n", names[options.ordering], (unsigned long)n, 1e9 * alone / (double)n);
        for (ranks = 2; ranks <= MOST_RANKS; ranks *= 2) {
            spent = solve(&options, losses, n, ranks, weights, single, &whole);
            if (ranks == 2)
                large = spent;
            printf("%s,%lu,%lu,%d,%lu,%lu,%.2f,%.1e\n", names[options.ordering], (unsigned long)ranks, (unsigned long)n,
                   spent.rounds, (unsigned long)spent.bytes, (unsigned long)spent.largest,
                   1e9 * spent.seconds / (double)n, spent.difference);
            worst = fmax(worst, spent.difference);
            if (spent.rounds > most)
                most = spent.rounds;
        }
        /* The latency is that of a whole all-reduce; its bytes cross the network about twice. */
        for (e = 0; e < sizeof engines / sizeof engines[0]; e++) {
            const double compute = 1e9 / 64 * large.seconds / (double)n;
            const double network = large.rounds * engines[e].latency + 2.0 * (double)large.bytes / engines[e].bandwidth;
            printf("# %s, 10^9 losses on 64 hosts, one thread each, %s: %.1f ms of passes + %.2f ms of messages\n",
                   names[options.ordering], engines[e].name, 1e3 * compute, 1e3 * network);
        }
    }
    printf("ranks: 2 to %d participants, at most %d all-reduces, largest relative difference of a weight %.1e\n",
           MOST_RANKS, most, worst);
    free(losses);
    free(weights);
    free(single);
    return !(worst <= 2.4e-7);
}
