/* The machine that the embedded ones are compared with: this one, with its C library. */
#include "platform.h"

#include <stdio.h>
#include <time.h>

const char PLATFORM_CLOCK_UNIT[] = "ns";

void platform_put(const char *text)
{
    fputs(text, stdout);
}

uint32_t platform_clock(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (uint32_t)now.tv_sec * 1000000000u + (uint32_t)now.tv_nsec;
}

int main(void)
{
    const int status = program();
    return fflush(stdout) == 0 ? status : 1;
}
