/* The smallest possible test harness: CHECK counts, and prints where a condition failed. */
#ifndef HRW_TEST_CHECK_H
#define HRW_TEST_CHECK_H

#include <stdarg.h>
#include <stdio.h>

static unsigned long checks_passed;
static unsigned long checks_failed;

/* What is being checked, printed with every failure: the rule, and the case within it. */
static const char *check_rule = "";
static char check_case[160] = "";

static void check_begin(const char *rule)
{
    check_rule = rule;
    check_case[0] = '\0';
}

static inline void check_about(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check_case, sizeof check_case, format, arguments);
    va_end(arguments);
}

static void check_at(const char *file, int line, const char *condition, int holds)
{
    if (holds) {
        checks_passed++;
        return;
    }
    checks_failed++;
    printf("%s:%d: [%s%s%s] %s\n", file, line, check_rule, check_case[0] == '\0' ? "" : ", ", check_case, condition);
}

#define CHECK(condition) check_at(__FILE__, __LINE__, #condition, (condition) != 0)

/* For helpers: report the place of the caller, which passes HERE, not that of the helper. */
#define HERE __FILE__, __LINE__
#define CHECK_FROM(file, line, condition) check_at(file, line, #condition, (condition) != 0)

/* The closing line of every test program, and its exit status. */
static int check_summary(void)
{
    printf("%lu passed, %lu failed\n", checks_passed, checks_failed);
    return checks_failed != 0;
}

#endif
