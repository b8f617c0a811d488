/* A block that computes weights from losses. */
#include <hr_weights.h>

#include <stdio.h>

int main(void)
{
    float losses[] = {0.3f, 2.0f, 0.1f, 0.7f};
    float weights[4];
    size_t n = 4;
BLOCK
    return status != HRW_OK;
}
