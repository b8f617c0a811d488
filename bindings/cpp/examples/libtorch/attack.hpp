// Projected gradient ascent in an l2 ball.
#pragma once

#include <torch/torch.h>

struct Attack {
    double epsilon; // l2 radius, for pixels in [0, 1]
    int steps;      // 0: no attack
};

// The images with the largest losses that the attack finds: within epsilon of `images`, and in [0, 1].
torch::Tensor attacked(const Attack &attack, torch::nn::Sequential &net, const torch::Tensor &images,
                       const torch::Tensor &labels);
