/* An all-reduce over threads, for the rules of sharded problems: everybody waits for everybody, the sums are in the
 * order of the ranks, and whoever fails wakes up the rest. */
#ifndef HRW_TEST_MEETING_H
#define HRW_TEST_MEETING_H

#include <pthread.h>

#include "support.h"

enum { MOST_RANKS = 5, MOST_VALUES = 3004, MOST_CALLS = 64 };
#define NEVER ((size_t)-1)

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t turned;
    size_t ranks, arrived, round;
    double *values[MOST_RANKS];
    size_t count;
    int32_t op;
    size_t largest;     /* the most values of a call so far */
    int unsound;        /* calls that did not fit together, or values that are NaN */
    int broken;
    size_t fail_rank;   /* whose call fails, */
    size_t fail_round;  /* and in which round: NEVER if none is to */
} meeting;

typedef struct {
    meeting *where;
    size_t rank;
} seat;

static void meeting_open(meeting *where, size_t ranks)
{
    memset(where, 0, sizeof *where);
    where->ranks = ranks;
    where->fail_rank = where->fail_round = NEVER;
    CHECK(pthread_mutex_init(&where->lock, NULL) == 0 && pthread_cond_init(&where->turned, NULL) == 0);
}

static void meeting_close(meeting *where)
{
    pthread_cond_destroy(&where->turned);
    pthread_mutex_destroy(&where->lock);
}

/* Joins what the ranks brought, and gives it to all of them. */
static void join(double *const *values, size_t ranks, size_t count, int32_t op, int *unsound)
{
    size_t place, rank;
    for (place = 0; place < count; place++) {
        double joined = values[0][place];
        for (rank = 1; rank < ranks; rank++) {
            const double value = values[rank][place];
            joined = op == HRW_SUM ? joined + value : value > joined ? value : joined;
        }
        *unsound |= isnan(joined);
        for (rank = 0; rank < ranks; rank++)
            values[rank][place] = joined;
    }
}

/* The hrw_allreduce of a seat. */
static int32_t meet(void *context, double *values, size_t count, int32_t op)
{
    const seat *own = (const seat *)context;
    meeting *where = own->where;
    int broken;

    pthread_mutex_lock(&where->lock);
    if (own->rank == where->fail_rank && where->round == where->fail_round) {
        where->broken = 1;
        pthread_cond_broadcast(&where->turned);
    } else if (!where->broken) {
        const size_t round = where->round;
        if (where->arrived == 0) {
            where->count = count;
            where->op = op;
            if (count > where->largest)
                where->largest = count;
        }
        where->unsound |= count == 0 || count > MOST_VALUES || count != where->count;
        where->unsound |= (op != HRW_SUM && op != HRW_MAX) || op != where->op;
        where->values[own->rank] = values;
        if (++where->arrived == where->ranks) {
            if (!where->unsound)
                join(where->values, where->ranks, count, op, &where->unsound);
            where->arrived = 0;
            where->round++;
            pthread_cond_broadcast(&where->turned);
        }
        while (where->round == round && !where->broken)
            pthread_cond_wait(&where->turned, &where->lock);
    }
    broken = where->broken;
    pthread_mutex_unlock(&where->lock);
    return broken ? -1 : 0;
}

#endif
