/* Loads and unloads the library again and again, with a call each time, some of them on its pool.
 *
 *   unload LIBRARY ROUNDS
 *
 * Memory, mappings and threads may not grow, and the pool's threads may not lose the code that they run. */
#define _GNU_SOURCE
#include "hr_weights.h"

#include <dirent.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { N = 70001 };

typedef int32_t init_function(hrw_options *, size_t);
typedef int32_t weights_function(const hrw_options *, const double *, const double *, size_t, double *, hrw_report *);

/* Not a cast between pointers to data and to functions, which strict C does not have. */
static void find(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);
    CHECK(symbol != NULL);
    memcpy(function, &symbol, size);
}

/* The sum of the weights of a call; 0 if anything fails. */
static double one_call(const char *path, size_t n, int32_t threads)
{
    static double losses[N], weights[N];
    init_function *init = NULL;
    weights_function *solve = NULL;
    hrw_options options;
    double sum = 0.0;
    size_t i;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        printf("%s\n", dlerror());
        return 0.0;
    }
    find(library, "hrw_options_init", &init, sizeof init);
    find(library, "hrw_weights_f64", &solve, sizeof solve);
    for (i = 0; i < n; i++)
        losses[i] = (double)(i * 7 % 1009);
    if (init(&options, sizeof options) == HRW_OK) {
        options.alpha = 0.05;
        options.r = 0.1;
        options.threads = threads;
        if (solve(&options, losses, NULL, n, weights, NULL) == HRW_OK)
            for (i = 0; i < n; i++)
                sum += weights[i];
    }
    CHECK(dlclose(library) == 0);
    return sum;
}

static unsigned long lines(const char *path)
{
    unsigned long count = 0;
    int c;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while ((c = getc(file)) != EOF)
        count += c == '\n';
    fclose(file);
    return count;
}

static unsigned long threads_of_this_process(void)
{
    unsigned long count = 0;
    DIR *directory = opendir("/proc/self/task");
    if (directory == NULL)
        return 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static unsigned long resident_kilobytes(void)
{
    unsigned long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (unsigned long)(sysconf(_SC_PAGESIZE) / 1024);
}

static void rounds(const char *path, unsigned count)
{
    unsigned i;
    const struct timespec moment = {0, 2000000};
    for (i = 0; i < count; i++) {
        const int pooled = i % 10 == 9;
        CHECK(fabs(one_call(path, pooled ? N : 1 + i % 500, pooled ? 0 : 1) - 1.0) < 1e-9);
        /* The pool's threads go to sleep, or find that their code has gone. */
        if (pooled)
            nanosleep(&moment, NULL);
    }
}

int main(int count, char **arguments)
{
    const unsigned wanted = count > 2 ? (unsigned)atoi(arguments[2]) : 1000;
    unsigned long memory, mappings, threads;
    check_begin("unload");
    if (count < 2)
        return 2;
    /* The first ones pay for what stays: the pool, the heap, the loader's own. */
    rounds(arguments[1], 20);
    memory = resident_kilobytes();
    mappings = lines("/proc/self/maps");
    threads = threads_of_this_process();
    CHECK(memory > 0 && mappings > 0 && threads > 0);
    rounds(arguments[1], wanted);
    printf("%u times: %lu to %lu KB, %lu to %lu mappings, %lu to %lu threads\n", wanted, memory, resident_kilobytes(), mappings,
           lines("/proc/self/maps"), threads - 2, threads_of_this_process() - 2);
    /* A page or a mapping that each of a thousand calls leaves behind would be far more than this. */
    CHECK(resident_kilobytes() <= memory + 1024);
    CHECK(lines("/proc/self/maps") <= mappings + 16);
    CHECK(threads_of_this_process() <= threads);
    return check_summary();
}
