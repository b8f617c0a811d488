#define _POSIX_C_SOURCE 200809L

#include "pool.h"

#include "progress.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct pool {
    const struct plan *plan;
    const struct recipe *recipes;
    size_t jobs, seeds;
    struct result *results;
    atomic_size_t next, idle; /* jobs handed out; threads that found none left */
    struct control control;
    _Atomic(const char *) problem;
};

static void *work(void *argument)
{
    struct pool *pool = argument;
    while (!atomic_load(&pool->control.stop)) {
        size_t job = atomic_fetch_add(&pool->next, 1);
        if (job >= pool->jobs)
            break;
        /* The costly recipes stand last in the table and are trained first, so that no thread ends with a long one. */
        size_t slot = pool->jobs - 1 - job;
        const char *problem = trainer_run(pool->plan, &pool->recipes[slot / pool->seeds], slot % pool->seeds,
                                          &pool->control, &pool->results[slot]);
        if (problem) {
            atomic_store(&pool->problem, problem);
            atomic_store(&pool->control.stop, 1);
        }
    }
    atomic_fetch_add(&pool->idle, 1);
    return NULL;
}

/* The calling thread only watches; it costs the others nothing. */
static double watch(struct pool *pool, size_t threads)
{
    size_t total = 0;
    for (size_t i = 0; i < pool->jobs; i++)
        total += trainer_work(pool->plan, &pool->recipes[i / pool->seeds]);
    struct progress progress;
    progress_start(&progress, total);
    while (atomic_load(&pool->idle) < threads) {
        const struct timespec pause = {0, 20 * 1000 * 1000};
        nanosleep(&pause, NULL);
        progress_show(&progress, atomic_load(&pool->control.done));
    }
    return progress_end(&progress);
}

const char *pool_run(const struct plan *plan, const struct recipe *recipes, size_t count, size_t seeds, size_t threads,
                     struct result *results, double *seconds)
{
    struct pool pool = {.plan = plan, .recipes = recipes, .jobs = count * seeds, .seeds = seeds, .results = results};
    pthread_t *workers = malloc(threads * sizeof *workers);
    if (!workers)
        return "out of memory";
    size_t started = 0;
    while (started < threads && pthread_create(&workers[started], NULL, work, &pool) == 0)
        started++;
    if (started < threads) {
        atomic_store(&pool.problem, "cannot start a thread");
        atomic_store(&pool.control.stop, 1);
    }
    *seconds = watch(&pool, started);
    for (size_t i = 0; i < started; i++)
        pthread_join(workers[i], NULL);
    free(workers);
    return atomic_load(&pool.problem);
}
