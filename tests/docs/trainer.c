/* A training step of the digits trainer: its network, its optimiser, one image. */
#include <hr_weights.h>

#include "adam.c"
#include "matmul.c"
#include "mlp.c"
#include "random.c"

int main(void)
{
    static struct mlp network;
    static struct mlp_pass passing;
    static struct adam optimiser;
    static float images[PIXELS], gradient[PARAMETERS];
    struct mlp *net = &network;
    struct mlp_pass *pass = &passing;
    struct adam *adam = &optimiser;
    float *parameters = net->parameters, losses[1], weights[1];
    const int labels[1] = {3};
    const size_t n = 1;
    hrw_options options;
    int32_t status = hrw_options_init(&options, sizeof options);
    adam_init(adam);
BLOCK
    return status != HRW_OK;
}
