"""Progress on a terminal as a bar with time left, elsewhere as plain lines now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

LINE_EVERY_S = 10.0


class Progress:
    """Says what is being done; stages take their turns."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    def elapsed(self) -> float:
        """Seconds since this progress began."""
        return time.perf_counter() - self._start

    def say(self, text: str) -> None:
        """A line for the person who waits; results go to standard output, this does not."""
        if not self.quiet:
            tqdm.write(text, file=sys.stderr)

    @contextmanager
    def stage(self, name: str, total: float, unit: str) -> Iterator[Stage]:
        """A stage of `total` units; its wall time is added to `seconds[name]`."""
        start = time.perf_counter()
        stage = Stage(name, total, unit, self.quiet)
        try:
            yield stage
        finally:
            stage.close()
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


class Stage:
    """One bar."""

    def __init__(self, name: str, total: float, unit: str, quiet: bool) -> None:
        self.name, self.total, self.unit = name, total, unit
        self.done = 0.0
        self._start = self._said = time.monotonic()
        self._live = sys.stderr.isatty() and not quiet
        self._quiet = quiet
        form = "{desc:<22} {percentage:3.0f}% |{bar:28}| {n:.0f}/{total:.0f} {unit}, {remaining} left"
        self._bar = tqdm(
            total=total, desc=name, unit=unit, bar_format=form, file=sys.stderr, disable=not self._live, leave=False
        )

    def advance(self, amount: float = 1.0) -> None:
        self.done += amount
        self._bar.update(amount)
        now = time.monotonic()
        if not self._live and not self._quiet and now - self._said > LINE_EVERY_S and self.done < self.total:
            self._said = now
            left = (now - self._start) / max(self.done, 1e-9) * (self.total - self.done)
            print(
                f"{self.name}: {self.done:.0f} of {self.total:.0f} {self.unit}, about {left:.0f} s left",
                file=sys.stderr,
            )

    def close(self) -> None:
        self._bar.close()
        if not self._quiet and self.done >= self.total > 0:
            took = time.monotonic() - self._start
            tqdm.write(f"{self.name:<22} {self.done:,.0f} {self.unit} in {took:.1f} s", file=sys.stderr)
