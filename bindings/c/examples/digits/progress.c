#define _POSIX_C_SOURCE 200809L

#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const double TERMINAL_INTERVAL = 0.2, LOG_INTERVAL = 10.0;
enum { BAR = 30 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_start(struct progress *progress, size_t total)
{
    double now = seconds();
    *progress = (struct progress){.total = total, .start = now, .shown = now, .terminal = isatty(STDERR_FILENO)};
}

void progress_show(struct progress *progress, size_t done)
{
    double now = seconds(), elapsed = now - progress->start;
    if (now - progress->shown < (progress->terminal ? TERMINAL_INTERVAL : LOG_INTERVAL) || done == 0)
        return;
    progress->shown = now;
    double share = (double)done / (double)progress->total;
    double left = elapsed * (1.0 - share) / share;
    if (progress->terminal) {
        char bar[BAR + 1] = {0};
        for (int i = 0; i < BAR; i++)
            bar[i] = i < (int)(share * BAR) ? '#' : '.';
        fprintf(stderr, "\rtraining [%s] %3.0f%%, %.0f s, about %.0f s left   ", bar, 100.0 * share, elapsed, left);
    } else {
        fprintf(stderr, "training %3.0f%%, %.0f s, about %.0f s left\n", 100.0 * share, elapsed, left);
    }
    fflush(stderr);
}

double progress_end(struct progress *progress)
{
    if (progress->terminal)
        fprintf(stderr, "\r%*s\r", 79, "");
    return seconds() - progress->start;
}
