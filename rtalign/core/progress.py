"""Progress on a terminal as one line with time left, elsewhere as plain lines now and then."""

from __future__ import annotations

import math
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rtalign.core.text.plain_text import plain
from rtalign.core.text.time_format import duration

DRAW_EVERY_S = 0.2
FIRST_LINE_S, LAST_LINE_S = 10.0, 60.0
"""Seconds between plain lines: at first, and in a long run at last."""
MIN_ESTIMATE_S = 2.0
"""The time left is not estimated before a stage has run this long."""


class Progress:
    """Shows what is being done, on standard error; stages may run one after another or at the same time.

    Parameters
    ----------
    quiet : bool
        Whether nothing is shown.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of each stage so far.

    Examples
    --------
    >>> progress = Progress()  # doctest: +SKIP
    >>> with progress.stage("signal", total=10, unit="min") as stage:  # doctest: +SKIP
    ...     stage.advance(2.5)
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.seconds: dict[str, float] = {}
        self._start = self._last_line = time.perf_counter()
        self._drawn = 0.0
        self._stages: list[Stage] = []
        self._lock = threading.RLock()
        self._live = sys.stderr.isatty() and not quiet

    def elapsed(self) -> float:
        """Seconds since this progress began."""
        return time.perf_counter() - self._start

    def say(self, text: str, always: bool = False) -> None:
        """Show a line of text; this is for the person who waits, results go to standard output.

        always : whether it is shown where nothing else is, as a failure is.
        """
        if self.quiet and not always:
            return
        with self._lock:
            print(("\r\x1b[K" if self._live else "") + plain(text), file=sys.stderr, flush=True)
            self._draw()

    @contextmanager
    def stage(self, name: str, total: float, unit: str) -> Iterator[Stage]:
        """A stage of `total` units; its wall time is added to `seconds[name]`."""
        stage = Stage(self, name, total, unit)
        with self._lock:
            self._last_line = time.perf_counter() if not self._stages else self._last_line
            self._stages.append(stage)
            self._draw()
        try:
            yield stage
        finally:
            with self._lock:
                self._stages.remove(stage)
                self.seconds[name] = self.seconds.get(name, 0.0) + stage.elapsed()
                if stage.done >= total * (1 - 1e-9) > 0:
                    self.say(stage.summary())
                elif self._live:
                    print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def update(self) -> None:
        """Show how far the stages are, if it is time to."""
        now = time.perf_counter()
        if self._live and now - self._drawn > DRAW_EVERY_S:
            with self._lock:
                self._draw()
        elif not self._live and not self.quiet:
            with self._lock:
                late = now - self._last_line > min(max(self.elapsed() / 10, FIRST_LINE_S), LAST_LINE_S)
                if late and any(stage.done < stage.total for stage in self._stages):
                    self._last_line = now
                    print(
                        plain(", ".join([*(s.count_text() for s in self._stages), *self._left()])),
                        file=sys.stderr,
                        flush=True,
                    )

    def _draw(self) -> None:
        """Draw the stages under way on one line of the terminal; the bars take the width that the texts leave."""
        if not (self._live and self._stages):
            return
        self._drawn = time.perf_counter()
        left, texts = self._left(), [stage.count_text("/") for stage in self._stages]
        columns = shutil.get_terminal_size().columns - 1
        room = (columns - len("   ".join([*texts, *left]))) // len(texts) - 2
        bars = [f"{stage.bar(min(room, 28))}  " if room >= 6 else "" for stage in self._stages]
        line = "   ".join([*(bar + text for bar, text in zip(bars, texts, strict=True)), *left])
        print("\r\x1b[K" + plain(line)[:columns], end="", file=sys.stderr, flush=True)

    def _left(self) -> list[str]:
        """The time that the slowest of the stages under way still needs, once all of them can be estimated."""
        estimates = [stage.seconds_left() for stage in self._stages if stage.done < stage.total]
        left = [seconds for seconds in estimates if seconds is not None]
        if not left or len(left) < len(estimates):
            return []
        return [f"about {math.ceil(max(left))} s left" if max(left) < 90 else f"about {duration(max(left))} left"]


class Stage:
    """A piece of work of known size, made by `Progress.stage`.

    Parameters
    ----------
    progress : Progress
        Where it is shown.
    name : str
        Its name.
    total : float
        Its size.
    unit : str
        Of total.

    Attributes
    ----------
    done : float
        How much is done.
    """

    def __init__(self, progress: Progress, name: str, total: float, unit: str) -> None:
        self.name, self.total, self.unit = name, total, unit
        self.done = self._skipped = self._advanced = 0.0
        self._progress = progress
        self._start = time.perf_counter()

    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return time.perf_counter() - self._start

    def advance(self, amount: float = 1.0) -> None:
        """Count some work as done."""
        if amount:
            self.done += amount
            self._advanced = self.elapsed()
        self._progress.update()

    def wait(self) -> None:
        """Show that time passes although nothing new is done."""
        self.advance(0)

    def skip(self, amount: float) -> None:
        """Count work as done before, which does not count for the estimate of the time left."""
        self._skipped += amount
        self.advance(amount)

    def seconds_left(self) -> float | None:
        """Estimated seconds; None while it is too early."""
        worked = self.done - self._skipped
        if worked <= 0 or self.elapsed() < MIN_ESTIMATE_S:
            return None
        # Counted down from the last step; a step that is late is likely to need as much time again.
        since = self.elapsed() - self._advanced
        return max(self._advanced / worked * (self.total - self.done) - since, since)

    def count_text(self, of: str = " of ") -> str:
        """How much is done, with the separator between done and total."""
        return f"{self.name} {self._amount(min(self.done, self.total))}{of}{self._amount(self.total)} {self.unit}"

    def summary(self) -> str:
        """The line shown when the stage is complete."""
        return f"{self.name:<16} {self._amount(self.total):>8} {self.unit:<6} in {duration(self.elapsed())}"

    def bar(self, width: int) -> str:
        """A bar of some width in characters."""
        full, empty = "━─" if "utf" in (sys.stderr.encoding or "").lower() else "#-"
        filled = round(width * min(self.done / self.total, 1.0)) if self.total else width
        return full * filled + empty * (width - filled)

    def _amount(self, value: float) -> str:
        return f"{value:,.2f}" if self.unit == "h" else f"{value:,.0f}"
