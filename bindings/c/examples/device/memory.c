/* The four functions that compilers expect of every environment, even one without a library (C11 leaves them to the
 * implementation; gcc and Rust call them). The archive for the Cortex-M4F brings its own. Compile with -fno-builtin and
 * -fno-tree-loop-distribute-patterns, or the loops may become calls to themselves. */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((char *)to < (const char *)from)
        return memcpy(to, from, size);
    for (size_t i = size; i-- > 0;)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((char *)to)[i] = (char)value;
    return to;
}

int memcmp(const void *left, const void *right, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const int difference = ((const unsigned char *)left)[i] - ((const unsigned char *)right)[i];
        if (difference != 0)
            return difference;
    }
    return 0;
}

#ifdef __ARM_EABI__
/* The same under the names of Arm's run-time ABI, for pointers aligned to 1, 4 and 8 bytes; memset has its own order. */
#define ALIAS(name, other) extern __typeof__(name) other __attribute__((alias(#name)))

void __aeabi_memset(void *to, size_t size, int value);
void __aeabi_memclr(void *to, size_t size);

void __aeabi_memset(void *to, size_t size, int value)
{
    memset(to, value, size);
}

void __aeabi_memclr(void *to, size_t size)
{
    memset(to, 0, size);
}

ALIAS(memcpy, __aeabi_memcpy);
ALIAS(memcpy, __aeabi_memcpy4);
ALIAS(memcpy, __aeabi_memcpy8);
ALIAS(memmove, __aeabi_memmove);
ALIAS(memmove, __aeabi_memmove4);
ALIAS(memmove, __aeabi_memmove8);
ALIAS(__aeabi_memset, __aeabi_memset4);
ALIAS(__aeabi_memset, __aeabi_memset8);
ALIAS(__aeabi_memclr, __aeabi_memclr4);
ALIAS(__aeabi_memclr, __aeabi_memclr8);
#endif
