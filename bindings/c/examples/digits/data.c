#include "data.h"

#include "random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BRIGHTEST = 16 };

/* Room for one more image; the capacity doubles, so that reading stays linear. */
static int reserve(struct dataset *data, size_t *capacity)
{
    if (data->count < *capacity)
        return 0;
    size_t larger = *capacity ? 2 * *capacity : 1024;
    float *images = realloc(data->images, larger * PIXELS * sizeof *images);
    if (images)
        data->images = images;
    int *labels = realloc(data->labels, larger * sizeof *labels);
    if (labels)
        data->labels = labels;
    if (!images || !labels)
        return -1;
    *capacity = larger;
    return 0;
}

/* The integer at *text, at most `limit`, which must be followed by `end`; moves *text past that. -1 if it is not. */
static int field(char **text, long limit, char end)
{
    char *rest;
    long value = strtol(*text, &rest, 10);
    if (rest == *text || value < 0 || value > limit || *rest != end)
        return -1;
    *text = rest + 1;
    return (int)value;
}

static int parse(char *line, float *image, int *label)
{
    for (size_t pixel = 0; pixel < PIXELS; pixel++) {
        int value = field(&line, BRIGHTEST, ',');
        if (value < 0)
            return -1;
        image[pixel] = (float)value / BRIGHTEST;
    }
    *label = field(&line, CLASSES - 1, '\0');
    return *label < 0 ? -1 : 0;
}

int dataset_read(struct dataset *data, const char *path)
{
    *data = (struct dataset){0};
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "digits: cannot open %s: %s\n", path, strerror(errno));
        return -1;
    }
    char line[1024];
    size_t capacity = 0;
    const char *problem = NULL;
    while (!problem && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (reserve(data, &capacity) != 0)
            problem = "out of memory";
        else if (parse(line, data->images + data->count * PIXELS, data->labels + data->count) != 0)
            problem = "expected 64 pixels from 0 to 16 and a label from 0 to 9";
        else
            data->count++;
    }
    if (!problem && ferror(file))
        problem = "read error";
    fclose(file);
    if (problem) {
        fprintf(stderr, "digits: %s, line %zu: %s\n", path, data->count + 1, problem);
        dataset_free(data);
        return -1;
    }
    return 0;
}

void dataset_free(struct dataset *data)
{
    free(data->images);
    free(data->labels);
    *data = (struct dataset){0};
}

int split_draw(struct split *split, const struct dataset *data, size_t train, size_t wrong, uint64_t seed)
{
    *split = (struct split){.data = data, .train = train, .wrong = wrong};
    split->order = malloc(data->count * sizeof *split->order);
    split->given = malloc(data->count * sizeof *split->given);
    if (!split->order || !split->given) {
        split_free(split);
        return -1;
    }
    for (size_t i = 0; i < data->count; i++) {
        split->order[i] = i;
        split->given[i] = data->labels[i];
    }
    struct random_state random = random_seeded(seed, STREAM_SPLIT);
    random_shuffle(&random, split->order, data->count);
    /* The order is random, so the first of the training images are as good a sample of them as any. */
    for (size_t i = 0; i < wrong; i++) {
        int *label = &split->given[split->order[i]];
        *label = (*label + 1 + (int)random_below(&random, CLASSES - 1)) % CLASSES;
    }
    return 0;
}

void split_free(struct split *split)
{
    free(split->order);
    free(split->given);
    *split = (struct split){0};
}
