#include "matmul.h"

/* A tile of c is summed in registers while the rows of b stream by: four rows share each load of b, and the constant
 * bounds let the compiler unroll and vectorise without being told how (and without -ffast-math, as no sum changes its
 * order). */
enum { ROWS = 4 };

static void four_rows(size_t n, size_t k, const float *a, size_t a_row, size_t a_column, const float *restrict b,
                      float *restrict c)
{
    float sum[ROWS][MATMUL_COLUMNS] = {{0.0f}};
    for (size_t depth = 0; depth < k; depth++)
        for (size_t i = 0; i < ROWS; i++) {
            float factor = a[i * a_row + depth * a_column];
            for (size_t j = 0; j < MATMUL_COLUMNS; j++)
                sum[i][j] += factor * b[depth * n + j];
        }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < MATMUL_COLUMNS; j++)
            c[i * n + j] = sum[i][j];
}

static void one_row(size_t n, size_t k, const float *a, size_t a_column, const float *restrict b, float *restrict c)
{
    float sum[MATMUL_COLUMNS] = {0.0f};
    for (size_t depth = 0; depth < k; depth++)
        for (size_t j = 0; j < MATMUL_COLUMNS; j++)
            sum[j] += a[depth * a_column] * b[depth * n + j];
    for (size_t j = 0; j < MATMUL_COLUMNS; j++)
        c[j] = sum[j];
}

void matmul(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column, const float *restrict b,
            float *restrict c)
{
    for (size_t column = 0; column < n; column += MATMUL_COLUMNS) {
        size_t row = 0;
        for (; row + ROWS <= m; row += ROWS)
            four_rows(n, k, a + row * a_row, a_row, a_column, b + column, c + row * n + column);
        for (; row < m; row++)
            one_row(n, k, a + row * a_row, a_column, b + column, c + row * n + column);
    }
}
