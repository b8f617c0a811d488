/* A multilayer perceptron 64-128-128-10 with ReLU and softmax cross-entropy, in float, one batch at a time. */
#ifndef DIGITS_MLP_H
#define DIGITS_MLP_H

#include "matmul.h"
#include "random.h"

#include <stddef.h>

enum {
    PIXELS = 64,
    HIDDEN = 128,
    CLASSES = 10,
    LOGITS = MATMUL_COLUMNS, /* the ten classes, padded to the width of the matrix product with zero columns */
    BATCH = 64
};

/* All parameters lie in one array, so that an optimiser is one loop. Matrices are row-major, inputs x outputs. */
enum {
    W1 = 0,
    B1 = W1 + PIXELS * HIDDEN,
    W2 = B1 + HIDDEN,
    B2 = W2 + HIDDEN * HIDDEN,
    W3 = B2 + HIDDEN,
    B3 = W3 + HIDDEN * LOGITS,
    PARAMETERS = B3 + LOGITS
};

enum { CACHE_LINE = 64 };

struct mlp {
    _Alignas(CACHE_LINE) float parameters[PARAMETERS];
    /* Back-propagation multiplies by the transposed matrices; see mlp_refresh. */
    _Alignas(CACHE_LINE) float w1t[HIDDEN * PIXELS];
    float w2t[HIDDEN * HIDDEN];
    float w3t[LOGITS * HIDDEN];
};

/* What a forward pass leaves behind for a backward pass. */
struct mlp_pass {
    _Alignas(CACHE_LINE) float hidden1[BATCH * HIDDEN];
    float hidden2[BATCH * HIDDEN];
    float logits[BATCH * LOGITS];
    float errors[BATCH * LOGITS]; /* derivative of each loss in its own logits: softmax minus one-hot label */
    float delta3[BATCH * LOGITS], delta2[BATCH * HIDDEN], delta1[BATCH * HIDDEN];
};

/* Weights and biases drawn uniformly within 1/sqrt(inputs) of their layer. */
void mlp_init(struct mlp *net, struct random_state *random);

/* To be called after every change of the parameters. */
void mlp_refresh(struct mlp *net);

/* The losses of n <= BATCH images. */
void mlp_forward(const struct mlp *net, struct mlp_pass *pass, const float *images, const int *labels, size_t n,
                 float *losses);

/* The class of the largest logit of image i of the last forward pass. */
int mlp_predicted(const struct mlp_pass *pass, size_t i);

/* After mlp_forward on the same images: the gradient of sum_i weights[i] losses[i] in the parameters. This is all a
 * trainer needs to know about robust losses: the weights are constants here (Danskin's theorem). */
void mlp_gradient(const struct mlp *net, struct mlp_pass *pass, const float *images, const float *weights, size_t n,
                  float *gradient);

/* After mlp_forward: the gradient of each loss in its own image, n x PIXELS. */
void mlp_image_gradient(const struct mlp *net, struct mlp_pass *pass, size_t n, float *gradient);

#endif
