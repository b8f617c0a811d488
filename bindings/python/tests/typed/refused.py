"""What a type checker refuses in a user's program: `mypy --strict` says so of a line with an ignore that is not used."""

from __future__ import annotations

import numpy as np

import hr_weights as hrw

losses = np.linspace(0, 1, 6, dtype=np.float32)

hrw.weights(losses, ordering="hd")  # type: ignore[call-overload]
hrw.solve(losses, ordering="KL")  # type: ignore[call-overload]
hrw.solve_groups(losses, [0] * 6, ordering="")  # type: ignore[call-overload]
hrw.path(losses, 0, 0, ordering="hr")  # type: ignore[arg-type]
hrw.r_for_largest_weight(losses, 0.5, ordering="tv")  # type: ignore[arg-type]
hrw.weights(losses, alpha="0.1")  # type: ignore[call-overload]
hrw.certify(losses)  # type: ignore[call-arg]
