#include "print.h"

#include "platform.h"

void print_number(uint32_t value, int width)
{
    char text[24];
    char *end = text + sizeof text - 1, *start = end;
    *end = '\0';
    do {
        *--start = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (end - start < width && start > text)
        *--start = ' ';
    platform_put(start);
}

static void print_hex(uint64_t value, int digits)
{
    char text[17];
    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        text[i] = "0123456789abcdef"[value & 15];
    text[digits] = '\0';
    platform_put(text);
}

void print_hex64(uint64_t value)
{
    print_hex(value, 16);
}

void print_hex32(uint32_t value)
{
    print_hex(value, 8);
}

void print_decimals(float value)
{
    const uint32_t thousandths = (uint32_t)(value * 1000.0f + 0.5f);
    char text[4] = {(char)('0' + thousandths / 100 % 10), (char)('0' + thousandths / 10 % 10),
                    (char)('0' + thousandths % 10), '\0'};
    print_number(thousandths / 1000, 0);
    platform_put(".");
    platform_put(text);
}
