/* A digit that is rare in training and not later: what plain averages, HR weights and groups that
 * count the same make of it. */
#ifndef DIGITS_RARE_H
#define DIGITS_RARE_H

#include "data.h"

/* Trains a linear classifier on real images with each way to weigh its losses, on random splits, and
 * prints a table and what follows from it: each sentence is chosen by the numbers. Takes a second.
 * Returns NULL, or a static message that says what went wrong; then nothing is printed. */
const char *rare_table(const struct dataset *data);

#endif
