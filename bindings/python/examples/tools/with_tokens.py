"""Losses of tokens: a small language model in PyTorch, on sequences that are padded to one length.

pip install "./bindings/python[torch]"
python bindings/python/examples/tools/with_tokens.py
"""

from __future__ import annotations

from typing import Any

import torch

from hr_weights.torch import HRCriterion, robust_loss

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
ONES += "seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
LETTERS = "\n -abcdefghijklmnopqrstuvwxyz"
ALPHA, R = 0.05, 0.1
#: What PyTorch's cross-entropy ignores; Hugging Face's collators write it where a sequence has ended.
IGNORED = -100


def name(number: int) -> str:
    """A number below 1,000 in words."""
    if number >= 100:
        return f"{ONES[number // 100]} hundred" + (f" {name(number % 100)}" if number % 100 else "")
    if number >= 20:
        return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")
    return ONES[number]


def sequences() -> tuple[Any, Any]:
    """The letters of the names, and the letter after each: shape (1000, length), padded at the end."""
    rows = [[LETTERS.index(letter) for letter in f"\n{name(number)}\n"] for number in range(1000)]
    length = max(map(len, rows)) - 1
    inputs, targets = torch.zeros(len(rows), length, dtype=torch.long), torch.full((len(rows), length), IGNORED)
    for i, row in enumerate(rows):
        inputs[i, : len(row) - 1] = torch.tensor(row[:-1])
        targets[i, : len(row) - 1] = torch.tensor(row[1:])
    return inputs, targets


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(len(LETTERS), 16)
        self.memory = torch.nn.GRU(16, 32, batch_first=True)
        self.scores = torch.nn.Linear(32, len(LETTERS))

    def forward(self, inputs: Any) -> Any:
        """Logits, shape (n, length, letters)."""
        return self.scores(self.memory(self.embedding(inputs))[0])


def train(alpha: float, r: float, steps: int = 60) -> Any:
    torch.manual_seed(0)
    inputs, targets = sequences()
    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)

    # Each token is a sample; over="samples" would make one of each sequence. Ignored ones have base weight 0.
    criterion = HRCriterion(torch.nn.CrossEntropyLoss(reduction="none"), alpha, r, over="elements")
    for _ in range(steps):
        batch = torch.randint(len(inputs), (64,))
        logits = model(inputs[batch])
        loss = criterion(logits.transpose(1, 2), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def main() -> tuple[float, float]:
    """Trains, prints, and returns the robust loss of the tokens, and what it would be said to be if padding counted."""
    model = train(ALPHA, R)
    inputs, targets = sequences()
    with torch.no_grad():
        logits = model(inputs).transpose(1, 2)
        right = HRCriterion(torch.nn.CrossEntropyLoss(reduction="none"), ALPHA, R, over="elements")(logits, targets)
        losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        wrong = robust_loss(losses.flatten(), ALPHA, R)
    print(f"robust loss of a token {right:.3f}; with the {(targets == IGNORED).sum()} ignored ones counted {wrong:.3f}")
    return float(right), float(wrong)


if __name__ == "__main__":
    main()
