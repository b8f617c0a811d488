/* What a program without an operating system's library asks of the machine it runs on. One file for each machine implements
 * it: linux_x86_64.c with system calls alone, mps2_an386.c for a Cortex-M4F. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdint.h>

/* The program itself: the platform calls it once and ends with what it returns, 0 for success. */
int program(void);

/* Prints a text. */
void platform_put(const char *text);

/* A clock that counts up and wraps round, in the unit that PLATFORM_CLOCK_UNIT names. */
uint32_t platform_clock(void);
extern const char PLATFORM_CLOCK_UNIT[];

#endif
