/* Training on a device, on real handwritten digits: a linear layer from the factory is fitted to what its user writes, of
 * which few images show the digits from 5 to 9. With the plain average of the losses the layer forgets these; HR weights
 * guard against the shift from what is seen to what is asked for. No heap, no C library, and every buffer static. */
#include "layer.h"
#include "platform.h"
#include "print.h"

#include "digits.h" /* made by digits.awk */

enum { FACTORY_STEPS = 100, USER_STEPS = 200, RARE_FROM = 5 };
static const float RATE = 0.05f;
#define LENGTH(array) (sizeof(array) / sizeof *(array))

static layer factory, plain, robust;

static void report(const char *name, const layer *layer)
{
    size_t all, rare;
    const size_t right = layer_recognises(layer, TEST, LENGTH(TEST), 0, &all);
    const size_t rare_right = layer_recognises(layer, TEST, LENGTH(TEST), RARE_FROM, &rare);
    platform_put(name);
    print_decimals((float)right / (float)all);
    platform_put("       ");
    print_decimals((float)rare_right / (float)rare);
    platform_put("\n");
}

/* Trains a copy of the factory's layer on the user's images. */
static int32_t tune(layer *layer, double alpha, double r)
{
    hrw_options options;
    const int32_t status = hrw_options_init(&options, sizeof options);
    if (status != HRW_OK)
        return status;
    options.alpha = alpha;
    options.r = r;
    for (size_t class = 0; class < CLASSES; class++)
        for (size_t pixel = 0; pixel <= PIXELS; pixel++)
            layer->weights[class][pixel] = factory.weights[class][pixel];
    return layer_train(layer, USER, LENGTH(USER), &options, USER_STEPS, RATE);
}

int program(void)
{
    hrw_options average; /* alpha = r = 0: the plain average */
    int32_t status = hrw_options_init(&average, sizeof average);
    if (status == HRW_OK)
        status = layer_train(&factory, FACTORY, LENGTH(FACTORY), &average, FACTORY_STEPS, RATE);
    if (status == HRW_OK)
        status = tune(&plain, 0.0, 0.0);
    if (status == HRW_OK)
        status = tune(&robust, 0.0, 0.5);
    if (status != HRW_OK) {
        platform_put("device: ");
        platform_put(hrw_status_message(status));
        platform_put("\n");
        return 1;
    }

    platform_put("A linear layer for digits, trained on ");
    print_number(LENGTH(FACTORY), 0);
    platform_put(" images, then on a user's ");
    print_number(LENGTH(USER), 0);
    platform_put(";\nthe share of ");
    print_number(LENGTH(TEST), 0);
    platform_put(" test images that it recognises:\n\n                        all digits  5 to 9\n");
    report("from the factory        ", &factory);
    report("tuned, plain average    ", &plain);
    report("tuned, HR(0, 0.5)       ", &robust);
    return 0;
}
