/* Numbers as text, without a buffer that anyone has to own. */
#ifndef PRINT_H
#define PRINT_H

#include <stdint.h>

/* Decimal, right-aligned in a column of this width. */
void print_number(uint32_t value, int width);

/* All sixteen hexadecimal digits, or the last eight. */
void print_hex64(uint64_t value);
void print_hex32(uint32_t value);

/* A value from 0 to 999, with three decimals. */
void print_decimals(float value);

#endif
