/* Many trainings on a few threads. */
#ifndef DIGITS_POOL_H
#define DIGITS_POOL_H

#include "trainer.h"

#include <stddef.h>

/* Trains every recipe with the seeds 0, ..., seeds - 1, one training per thread at a time, and shows the progress.
 * results[recipe * seeds + seed] receives each result, whatever the number of threads; *seconds the time it took.
 * Returns NULL or a static message; after a failure results are incomplete. */
const char *pool_run(const struct plan *plan, const struct recipe *recipes, size_t count, size_t seeds, size_t threads,
                     struct result *results, double *seconds);

#endif
