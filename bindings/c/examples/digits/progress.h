/* A progress line on stderr. */
#ifndef DIGITS_PROGRESS_H
#define DIGITS_PROGRESS_H

#include <stddef.h>

struct progress {
    size_t total;
    double start, shown; /* seconds */
    int terminal;        /* on a terminal one line is rewritten; elsewhere a new line now and then */
};

void progress_start(struct progress *progress, size_t total);

/* Shows how much of the total is done, when it is time to. */
void progress_show(struct progress *progress, size_t done);

/* Leaves a clean line behind and returns the seconds since the start. */
double progress_end(struct progress *progress);

#endif
