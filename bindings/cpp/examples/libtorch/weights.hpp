// HR weights for tensors: all that a libtorch program of your own needs.
#pragma once

#include <hr_weights.hpp>
#include <torch/torch.h>

// The weights of per-sample losses, a tensor of the same shape, type (float or double) and device. They are constants: no
// gradient flows through them, which is what the gradient of the robust loss asks for. Throws hr_weights::error.
inline torch::Tensor weights_of(const torch::Tensor &losses, const hr_weights::options &options)
{
    const torch::Tensor from = losses.detach().to(torch::kCPU).contiguous();
    const torch::Tensor weights = torch::empty_like(from);
    const auto n = static_cast<std::size_t>(from.numel());
    AT_DISPATCH_FLOATING_TYPES(from.scalar_type(), "weights_of", [&] {
        hr_weights::weights_into(hr_weights::view(from.data_ptr<scalar_t>(), n),
                                 hr_weights::view(weights.data_ptr<scalar_t>(), n), options);
    });
    return weights.to(losses.device());
}
