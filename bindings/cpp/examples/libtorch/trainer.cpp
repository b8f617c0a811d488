#include "trainer.hpp"

#include "weights.hpp"

#include <chrono>

namespace F = torch::nn::functional;

namespace {

constexpr std::int64_t HIDDEN = 128, BATCH = 64;
constexpr double LEARNING_RATE = 1e-3;

struct Tensors {
    torch::Tensor images; // n x 64
    torch::Tensor labels; // n
};

Tensors to_tensors(const digits::Dataset &data)
{
    const auto n = static_cast<std::int64_t>(data.size());
    return {torch::tensor(data.images).view({n, digits::PIXELS}), torch::tensor(data.labels).to(torch::kInt64)};
}

torch::nn::Sequential make_network()
{
    return torch::nn::Sequential(torch::nn::Linear(64, HIDDEN), torch::nn::ReLU(), torch::nn::Linear(HIDDEN, HIDDEN),
                                 torch::nn::ReLU(), torch::nn::Linear(HIDDEN, 10));
}

torch::Tensor losses_of(const torch::Tensor &logits, const torch::Tensor &labels)
{
    return F::cross_entropy(logits, labels, F::CrossEntropyFuncOptions().reduction(torch::kNone));
}

double seconds()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void train_step(const Recipe &recipe, const Attack &attack, torch::nn::Sequential &net, torch::optim::Optimizer &adam,
                const torch::Tensor &images, const torch::Tensor &labels, Scores &scores)
{
    const double start = seconds();
    const torch::Tensor losses = losses_of(net->forward(attacked(attack, net, images, labels)), labels);
    torch::Tensor loss;
    if (recipe.robust) {
        const double before = seconds();
        const torch::Tensor weights = weights_of(losses, *recipe.robust);
        scores.solver_seconds += seconds() - before;
        loss = (weights * losses).sum();
    } else {
        loss = losses.mean();
    }
    adam.zero_grad();
    loss.backward();
    adam.step();
    scores.step_seconds += seconds() - start;
}

void score(const Attack &attack, torch::nn::Sequential &net, const Tensors &data, Scores &scores)
{
    const torch::Tensor harder = attacked(attack, net, data.images, data.labels);
    const torch::NoGradGuard no_gradient;
    const auto measure = [&](const torch::Tensor &images, Metric accuracy, Metric loss) {
        const torch::Tensor logits = net->forward(images);
        scores.of[accuracy] = logits.argmax(1).eq(data.labels).to(torch::kFloat64).mean().item<double>();
        scores.of[loss] = losses_of(logits, data.labels).mean().item<double>();
    };
    measure(data.images, ACCURACY, LOSS);
    measure(harder, ATTACKED_ACCURACY, ATTACKED_LOSS);
}

} // namespace

Scores train(const Plan &plan, const Recipe &recipe, const digits::Dataset &train, const digits::Dataset &test,
             std::uint64_t seed)
{
    // Networks are initialised from the global generator; batches are drawn from it too.
    torch::manual_seed(seed);
    torch::nn::Sequential net = make_network();
    torch::optim::Adam adam(net->parameters(), torch::optim::AdamOptions(LEARNING_RATE));
    const Attack attack{plan.epsilon, recipe.attack_steps};
    const Tensors data = to_tensors(train);
    Scores scores{};
    for (int epoch = 0; epoch < plan.epochs; epoch++)
        for (const torch::Tensor &batch : torch::randperm(data.labels.numel(), torch::kInt64).split(BATCH))
            train_step(recipe, attack, net, adam, data.images.index_select(0, batch), data.labels.index_select(0, batch),
                       scores);
    score({plan.epsilon, plan.test_attack_steps}, net, to_tensors(test), scores);
    return scores;
}
