#include "attack.hpp"

namespace F = torch::nn::functional;

torch::Tensor attacked(const Attack &attack, torch::nn::Sequential &net, const torch::Tensor &images,
                       const torch::Tensor &labels)
{
    const auto options = F::CrossEntropyFuncOptions().reduction(torch::kSum);
    const double step = 2.5 * attack.epsilon / std::max(attack.steps, 1);
    torch::Tensor result = images;
    for (int k = 0; k < attack.steps; k++) {
        const torch::Tensor at = result.detach().requires_grad_();
        const torch::Tensor loss = F::cross_entropy(net->forward(at), labels, options);
        // Of the images alone: the parameters' gradients are neither needed nor touched.
        const torch::Tensor gradient = torch::autograd::grad({loss}, {at})[0];
        const torch::NoGradGuard no_gradient;
        const torch::Tensor slope = gradient.norm(2, 1, true).clamp_min(1e-12);
        const torch::Tensor offset = at + step / slope * gradient - images;
        const torch::Tensor shrink = (attack.epsilon / offset.norm(2, 1, true).clamp_min(1e-12)).clamp_max(1.0);
        // The image is in the range of pixels itself, so clamping only brings a pixel closer to it.
        result = (images + shrink * offset).clamp(0.0, 1.0);
    }
    return result.detach();
}
