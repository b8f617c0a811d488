/* Linux on x86-64 without a C library: an entry point and three system calls. For a machine without Linux these are the
 * lines to replace. */
#include "platform.h"

#include <stddef.h>

const char PLATFORM_CLOCK_UNIT[] = "ns";

static long system_call(long number, long first, long second, long third)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

void platform_put(const char *text)
{
    enum { WRITE = 1, STDOUT = 1 };
    size_t length = 0;
    while (text[length] != '\0')
        length++;
    while (length > 0) {
        const long written = system_call(WRITE, STDOUT, (long)text, (long)length);
        if (written <= 0)
            return;
        text += written;
        length -= (size_t)written;
    }
}

uint32_t platform_clock(void)
{
    enum { CLOCK_GETTIME = 228, MONOTONIC = 1 };
    struct {
        int64_t seconds, nanoseconds;
    } now = {0, 0};
    system_call(CLOCK_GETTIME, MONOTONIC, (long)&now, 0);
    return (uint32_t)(now.seconds * 1000000000 + now.nanoseconds);
}

_Noreturn void platform_start(void);

_Noreturn void platform_start(void)
{
    enum { EXIT_GROUP = 231 };
    const int status = program();
    for (;;)
        system_call(EXIT_GROUP, status, 0, 0);
}

/* Where the kernel jumps to: no caller, and a stack that the call below aligns as the ABI wants it. */
__asm__(".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "    xorl %ebp, %ebp\n"
        "    andq $-16, %rsp\n"
        "    call platform_start\n");
