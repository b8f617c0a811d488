/* The one matrix product that the network is made of. */
#ifndef DIGITS_MATMUL_H
#define DIGITS_MATMUL_H

#include <stddef.h>

enum { MATMUL_COLUMNS = 32 };

/* c = a b, with a of m x k, b of k x n and c of m x n. b and c are dense and row-major, and n is a multiple of
 * MATMUL_COLUMNS. Entry (i, j) of a is a[i * a_row + j * a_column], so that a transposed matrix needs no copy.
 * c must not overlap a or b. */
void matmul(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column, const float *restrict b,
            float *restrict c);

#endif
