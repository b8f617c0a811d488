#include "mlp.h"

#include <math.h>
#include <string.h>

/* Weights and bias of one layer, uniform within 1/sqrt(inputs): what PyTorch does by default. */
static void init_layer(float *weights, float *bias, size_t inputs, size_t outputs, size_t stride,
                       struct random_state *random)
{
    double bound = 1.0 / sqrt((double)inputs);
    for (size_t j = 0; j < outputs; j++) {
        bias[j] = (float)(bound * (2.0 * random_unit(random) - 1.0));
        for (size_t i = 0; i < inputs; i++)
            weights[i * stride + j] = (float)(bound * (2.0 * random_unit(random) - 1.0));
    }
}

void mlp_init(struct mlp *net, struct random_state *random)
{
    float *p = net->parameters;
    memset(net, 0, sizeof *net);
    init_layer(p + W1, p + B1, PIXELS, HIDDEN, HIDDEN, random);
    init_layer(p + W2, p + B2, HIDDEN, HIDDEN, HIDDEN, random);
    init_layer(p + W3, p + B3, HIDDEN, CLASSES, LOGITS, random);
    mlp_refresh(net);
}

static void transpose(const float *restrict from, size_t rows, size_t columns, float *restrict to)
{
    for (size_t j = 0; j < columns; j++)
        for (size_t i = 0; i < rows; i++)
            to[j * rows + i] = from[i * columns + j];
}

void mlp_refresh(struct mlp *net)
{
    transpose(net->parameters + W1, PIXELS, HIDDEN, net->w1t);
    transpose(net->parameters + W2, HIDDEN, HIDDEN, net->w2t);
    transpose(net->parameters + W3, HIDDEN, LOGITS, net->w3t);
}

static void add_bias(float *restrict rows, const float *restrict bias, size_t n, size_t width)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++)
            rows[i * width + j] += bias[j];
}

static void relu(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = values[i] > 0.0f ? values[i] : 0.0f;
}

/* The cross-entropy of one image and its derivative in the logits. Logits are shifted by the largest, so that no
 * exponential overflows; the loss is log(sum) minus a shifted logit, never the logarithm of a rounded probability. */
static float cross_entropy(const float *logits, int label, float *error)
{
    float largest = logits[0], sum = 0.0f;
    for (size_t j = 1; j < CLASSES; j++)
        largest = fmaxf(largest, logits[j]);
    for (size_t j = 0; j < CLASSES; j++) {
        error[j] = expf(logits[j] - largest);
        sum += error[j];
    }
    for (size_t j = 0; j < CLASSES; j++)
        error[j] /= sum;
    for (size_t j = CLASSES; j < LOGITS; j++)
        error[j] = 0.0f;
    error[label] -= 1.0f;
    return logf(sum) - (logits[label] - largest);
}

void mlp_forward(const struct mlp *net, struct mlp_pass *pass, const float *images, const int *labels, size_t n,
                 float *losses)
{
    const float *p = net->parameters;
    matmul(n, HIDDEN, PIXELS, images, PIXELS, 1, p + W1, pass->hidden1);
    add_bias(pass->hidden1, p + B1, n, HIDDEN);
    relu(pass->hidden1, n * HIDDEN);

    matmul(n, HIDDEN, HIDDEN, pass->hidden1, HIDDEN, 1, p + W2, pass->hidden2);
    add_bias(pass->hidden2, p + B2, n, HIDDEN);
    relu(pass->hidden2, n * HIDDEN);

    matmul(n, LOGITS, HIDDEN, pass->hidden2, HIDDEN, 1, p + W3, pass->logits);
    add_bias(pass->logits, p + B3, n, LOGITS);
    for (size_t i = 0; i < n; i++)
        losses[i] = cross_entropy(pass->logits + i * LOGITS, labels[i], pass->errors + i * LOGITS);
}

int mlp_predicted(const struct mlp_pass *pass, size_t i)
{
    const float *logits = pass->logits + i * LOGITS;
    int best = 0;
    for (int j = 1; j < CLASSES; j++)
        if (logits[j] > logits[best])
            best = j;
    return best;
}

/* The derivative passes a ReLU where its output is positive. */
static void relu_backward(float *restrict delta, const float *restrict output, size_t count)
{
    for (size_t i = 0; i < count; i++)
        delta[i] = output[i] > 0.0f ? delta[i] : 0.0f;
}

/* From delta3, the derivative in the logits, down to the derivatives in the inputs of both ReLUs. */
static void back_propagate(const struct mlp *net, struct mlp_pass *pass, size_t n)
{
    /* The padded columns of delta3 are zero: the product may stop at the last class. */
    matmul(n, HIDDEN, CLASSES, pass->delta3, LOGITS, 1, net->w3t, pass->delta2);
    relu_backward(pass->delta2, pass->hidden2, n * HIDDEN);
    matmul(n, HIDDEN, HIDDEN, pass->delta2, HIDDEN, 1, net->w2t, pass->delta1);
    relu_backward(pass->delta1, pass->hidden1, n * HIDDEN);
}

static void sum_rows(const float *restrict rows, size_t n, size_t width, float *restrict sum)
{
    memset(sum, 0, width * sizeof *sum);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++)
            sum[j] += rows[i * width + j];
}

void mlp_gradient(const struct mlp *net, struct mlp_pass *pass, const float *images, const float *weights, size_t n,
                  float *gradient)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < LOGITS; j++)
            pass->delta3[i * LOGITS + j] = weights[i] * pass->errors[i * LOGITS + j];
    back_propagate(net, pass, n);

    /* Inputs are read transposed: (inputs x n) times (n x outputs). */
    matmul(PIXELS, HIDDEN, n, images, 1, PIXELS, pass->delta1, gradient + W1);
    matmul(HIDDEN, HIDDEN, n, pass->hidden1, 1, HIDDEN, pass->delta2, gradient + W2);
    matmul(HIDDEN, LOGITS, n, pass->hidden2, 1, HIDDEN, pass->delta3, gradient + W3);
    sum_rows(pass->delta1, n, HIDDEN, gradient + B1);
    sum_rows(pass->delta2, n, HIDDEN, gradient + B2);
    sum_rows(pass->delta3, n, LOGITS, gradient + B3);
}

void mlp_image_gradient(const struct mlp *net, struct mlp_pass *pass, size_t n, float *gradient)
{
    memcpy(pass->delta3, pass->errors, n * LOGITS * sizeof *pass->delta3);
    back_propagate(net, pass, n);
    matmul(n, PIXELS, HIDDEN, pass->delta1, HIDDEN, 1, net->w1t, gradient);
}
