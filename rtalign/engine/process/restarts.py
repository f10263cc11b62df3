"""How long to wait before a process that was lost is started again."""

from __future__ import annotations

PAUSES_S = (0.0, 1.0, 5.0, 15.0, 60.0)
"""Before the first, second ... restart soon after each other; the last holds for all that follow."""
CALM_S = 60.0
"""A process that ran for so long before it was lost is restarted as if it were the first time."""


class RestartPauses:
    """Grows from loss to loss, and begins anew after a process that ran well."""

    def __init__(self) -> None:
        self._n_soon = 0

    def next(self, ran_s: float) -> float:
        """The pause after a process that ran for so long, s."""
        self._n_soon = 0 if ran_s > CALM_S else self._n_soon
        pause = PAUSES_S[min(self._n_soon, len(PAUSES_S) - 1)]
        self._n_soon += 1
        return pause
