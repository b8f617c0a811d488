/* What the trainings measured, as a table and in words. */
#ifndef DIGITS_REPORT_H
#define DIGITS_REPORT_H

#include "trainer.h"

#include <stddef.h>

/* results[recipe * seeds + seed], as pool_run fills them. */
struct report {
    const struct plan *plan;
    const struct recipe *recipes;
    size_t count, seeds;
    const struct result *results;
};

/* Every recipe at every checkpoint: mean +- standard error over the seeds. */
void report_table(const struct report *report);

/* One sentence: what HR does to a training that stops early, and why. */
void report_why(const struct report *report);

/* Every robust recipe against the plain average on the same images, and what follows. Nothing is taken for granted:
 * each sentence is chosen by the numbers. */
void report_findings(const struct report *report);

#endif
