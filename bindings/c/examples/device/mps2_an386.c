/* A Cortex-M4F without an operating system: Arm's MPS2 board with the AN386 image, which QEMU has as mps2-an386. Text goes
 * out through semihosting, which a debugger serves as well as QEMU. For a board of your own replace put and the exit, and
 * the memory map in mps2_an386.ld. */
#include "platform.h"

/* From the linker script. */
extern uint32_t data_start[], data_end[], data_image[], bss_start[], bss_end[], stack_top[];

static volatile uint32_t *const CPACR = (uint32_t *)0xE000ED88u;

/* The board's first timer, 32 bits that count down at 25 MHz. QEMU runs one instruction in a nanosecond (-icount
 * shift=0). */
static volatile uint32_t *const TIMER_CTRL = (uint32_t *)0x40000000u, *const TIMER_VALUE = (uint32_t *)0x40000004u,
                                *const TIMER_RELOAD = (uint32_t *)0x40000008u;
enum { INSTRUCTIONS_PER_TICK = 40 };
const char PLATFORM_CLOCK_UNIT[] = "instructions";

static long semihosting(long operation, const void *argument)
{
    register long r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void platform_put(const char *text)
{
    enum { SYS_WRITE0 = 0x04 };
    semihosting(SYS_WRITE0, text);
}

uint32_t platform_clock(void)
{
    return (0u - *TIMER_VALUE) * INSTRUCTIONS_PER_TICK;
}

static _Noreturn void stop(int status)
{
    /* The extended form, which passes a status on; a plain SYS_EXIT would not. */
    enum { SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };
    const uint32_t arguments[2] = {APPLICATION_EXIT, (uint32_t)status};
    semihosting(SYS_EXIT_EXTENDED, arguments);
    for (;;)
        ;
}

_Noreturn void platform_reset(void);
_Noreturn void platform_fault(void);

_Noreturn void platform_reset(void)
{
    /* Full access to the floating-point unit, before the first instruction that needs it. */
    *CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    for (uint32_t *to = data_start, *from = data_image; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    *TIMER_RELOAD = UINT32_MAX;
    *TIMER_VALUE = UINT32_MAX;
    *TIMER_CTRL = 1;
    stop(program());
}

/* Every exception ends here: nothing in these programs should cause one. */
_Noreturn void platform_fault(void)
{
    platform_put("a fault\n");
    stop(1);
}

typedef union {
    uint32_t *stack;
    void (*handler)(void);
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    {.stack = stack_top},        {.handler = platform_reset}, {.handler = platform_fault}, {.handler = platform_fault},
    {.handler = platform_fault}, {.handler = platform_fault}, {.handler = platform_fault}, {.handler = platform_fault},
    {.handler = platform_fault}, {.handler = platform_fault}, {.handler = platform_fault}, {.handler = platform_fault},
    {.handler = platform_fault}, {.handler = platform_fault}, {.handler = platform_fault}, {.handler = platform_fault},
};
