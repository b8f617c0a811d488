/* Many threads, signals and forks at once: every answer must have the bits of the one computed at the start.
 *
 *   stress SECONDS
 *
 * 64 threads call with sizes from 1 to 200,000, in both widths and orderings, on one thread and on the library's pool. A timer
 * interrupts them all the while, without SA_RESTART, and its handler calls the library too. Meanwhile the main thread forks, and
 * each child and its own child make calls of both kinds. At the beginning, children are forked while the pool is just being
 * started. */
#define _GNU_SOURCE
#include "hr_weights.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

/* The sizes around 65,536 are those from which a pool is used. An emulator or a sanitizer may want fewer threads. */
#ifndef WORKERS
#define WORKERS 64
#endif
static const size_t sizes[] = {1, 2, 3, 7, 8, 17, 64, 127, 128, 1000, 4096, 16385, 65535, 65536, 70001, 131072, 200000};
enum { LARGEST = 200000, PROBLEMS = 4 * (int)(sizeof sizes / sizeof *sizes), SMALL = 33, SMALL_PROBLEMS = 4, LATE = 60 /* seconds: a call that hangs */ };

typedef struct problem {
    hrw_options options;
    size_t n;
    int wide;
    const void *losses;
    void *weights;
    hrw_report report;
} problem;

static problem problems[PROBLEMS];
static problem small[SMALL_PROBLEMS];
static atomic_int stop;
static atomic_ulong calls, wrong, signals, wrong_in_handler;

/* Solves again and says whether the bits are those of the first time. */
static int agrees(const problem *p, int32_t threads, void *weights)
{
    const size_t bytes = p->n * (p->wide ? sizeof(double) : sizeof(float));
    hrw_options options = p->options;
    hrw_report report;
    int32_t status = hrw_report_init(&report, sizeof report);
    options.threads = threads;
    memset(weights, 0xA5, bytes);
    if (status == HRW_OK)
        status = p->wide ? hrw_weights_f64(&options, (const double *)p->losses, NULL, p->n, (double *)weights, &report)
                         : hrw_weights_f32(&options, (const float *)p->losses, NULL, p->n, (float *)weights, &report);
    return status == HRW_OK && memcmp(weights, p->weights, bytes) == 0 &&
           memcmp(&report, &p->report, offsetof(hrw_report, iterations) + sizeof report.iterations) == 0;
}

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        exit(2);
    return memory;
}

/* Exponential losses. */
static double next_loss(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return -log(((double)(*state >> 11) + 0.5) / 9007199254740992.0);
}

static size_t next_below(uint64_t *state, size_t limit)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(*state >> 33) % limit;
}

static void prepare(problem *p, size_t n, int wide, int32_t ordering, const void *losses)
{
    CHECK(hrw_options_init(&p->options, sizeof p->options) == HRW_OK);
    p->options.alpha = 0.05;
    p->options.r = 0.1;
    p->options.ordering = ordering;
    p->n = n;
    p->wide = wide;
    p->losses = losses;
    p->weights = allocate(n * sizeof(double));
    CHECK(hrw_report_init(&p->report, sizeof p->report) == HRW_OK);
    CHECK((wide ? hrw_weights_f64(&p->options, (const double *)losses, NULL, n, (double *)p->weights, &p->report)
                : hrw_weights_f32(&p->options, (const float *)losses, NULL, n, (float *)p->weights, &p->report)) == HRW_OK);
}

static void prepare_all(void)
{
    float *narrow = (float *)allocate(LARGEST * sizeof *narrow);
    double *wide = (double *)allocate(LARGEST * sizeof *wide);
    uint64_t state = 1;
    size_t i, at = 0;
    for (i = 0; i < LARGEST; i++) {
        wide[i] = next_loss(&state);
        narrow[i] = (float)wide[i];
    }
    for (i = 0; i < PROBLEMS / 4; i++) {
        prepare(&problems[at++], sizes[i], 0, HRW_HD, narrow);
        prepare(&problems[at++], sizes[i], 0, HRW_HR, narrow);
        prepare(&problems[at++], sizes[i], 1, HRW_HD, wide);
        prepare(&problems[at++], sizes[i], 1, HRW_HR, wide);
    }
    for (i = 0; i < SMALL_PROBLEMS; i++)
        prepare(&small[i], SMALL, i % 2 == 1, i < 2 ? HRW_HD : HRW_HR, i % 2 == 1 ? (void *)wide : (void *)narrow);
}

static void on_signal(int number)
{
    double weights[SMALL];
    const unsigned long count = atomic_fetch_add(&signals, 1);
    const int saved = errno;
    (void)number;
    errno = EDOM;
    if (!agrees(&small[count % SMALL_PROBLEMS], (int32_t)(count / SMALL_PROBLEMS % 2), weights) || errno != EDOM)
        atomic_fetch_add(&wrong_in_handler, 1);
    errno = saved;
}

static void *work(void *argument)
{
    uint64_t state = 1000 + (uint64_t)(uintptr_t)argument;
    void *weights = allocate(LARGEST * sizeof(double));
    while (!atomic_load(&stop)) {
        /* On the pool one call in four: it has a few threads for all 64. */
        const problem *p = &problems[next_below(&state, PROBLEMS)];
        if (!agrees(p, next_below(&state, 4) != 0, weights))
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&calls, 1);
    }
    free(weights);
    return NULL;
}

/* Where a forked child writes: it may not allocate. */
static double child_weights[LARGEST];

/* Its exit status is 0 if all of its calls agree, and those of the children that it forks in turn. */
static int child(unsigned round, int generations)
{
    unsigned i;
    pid_t grandchild;
    int status = 0;
    signal(SIGALRM, SIG_DFL);
    alarm(LATE);
    for (i = 0; i < 4; i++)
        if (!agrees(&problems[PROBLEMS - 1 - (4 * round + i) % 24], i % 2 == 0 ? 0 : 1, child_weights))
            return 1;
    if (generations == 0)
        return 0;
    grandchild = fork();
    if (grandchild == 0)
        _exit(child(round + 1, generations - 1));
    return grandchild < 0 || waitpid(grandchild, &status, 0) != grandchild || status != 0;
}

/* Whether a child that is forked now is well. */
static int fork_one(unsigned round)
{
    int status;
    const pid_t process = fork();
    if (process == 0)
        _exit(child(round, 1));
    if (process < 0)
        return 0;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return status == 0;
}

/* A pause that a signal does not shorten. */
static void nap(long nanoseconds)
{
    struct timespec left;
    left.tv_sec = 0;
    left.tv_nsec = nanoseconds;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void *first_call(void *argument)
{
    double *weights = (double *)argument;
    return agrees(&problems[PROBLEMS - 2], 0, weights) ? NULL : argument;
}

/* In a process without a pool, forks while another thread makes the first call that needs one. */
static int fork_during_the_first_call(unsigned round)
{
    pthread_t thread;
    void *failed;
    volatile unsigned wait;
    int well;
    double *weights = (double *)allocate(LARGEST * sizeof *weights);
    signal(SIGALRM, SIG_DFL);
    alarm(2 * LATE);
    if (pthread_create(&thread, NULL, first_call, weights) != 0)
        return 1;
    for (wait = 0; wait < 800 * (round % 100); wait++) {
    }
    well = fork_one(round);
    return pthread_join(thread, &failed) != 0 || failed != NULL || !well;
}

static unsigned long early_forks(unsigned rounds)
{
    unsigned long bad = 0;
    unsigned round;
    for (round = 0; round < rounds; round++) {
        int status = 0;
        const pid_t process = fork();
        if (process == 0)
            _exit(fork_during_the_first_call(round));
        bad += process < 0 || waitpid(process, &status, 0) != process || status != 0;
    }
    return bad;
}

int main(int count, char **arguments)
{
    const int seconds = count > 1 ? atoi(arguments[1]) : 5;
    time_t end;
    const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    pthread_t threads[WORKERS];
    struct sigaction action;
    sigset_t alarms;
    unsigned long forks = 0, failed_forks = 0, failed_early;
    const unsigned early = seconds < 30 ? 50 : 3000;
    size_t i;

    check_begin("stress");
    prepare_all();
    failed_early = early_forks(early);
    CHECK(failed_early == 0);
    end = time(NULL) + seconds;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    for (i = 0; i < WORKERS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (time(NULL) < end || forks == 0) {
        failed_forks += !fork_one((unsigned)forks++);
        /* Now and then on the other threads alone, the pool's among them: the main thread is the kernel's first choice. */
        sigemptyset(&alarms);
        sigaddset(&alarms, SIGALRM);
        pthread_sigmask(SIG_BLOCK, &alarms, NULL);
        nap(20000000);
        pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
        if (failed_forks > 3)
            break;
    }
    atomic_store(&stop, 1);
    for (i = 0; i < WORKERS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);

    CHECK(wrong == 0);
    CHECK(wrong_in_handler == 0);
    CHECK(failed_forks == 0);
    CHECK(calls > 0);
    CHECK(signals > 0);
    printf("%d threads, %d s: %lu calls, %lu signals with a call each, %u forks while the pool starts, %lu forks later\n", WORKERS,
           seconds, (unsigned long)calls, (unsigned long)signals, early, forks);
    return check_summary();
}
