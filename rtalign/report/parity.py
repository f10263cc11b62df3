"""The parity report: what a session showed live, beside the same recording scored offline, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtalign.report.html import Markup, join, prose, tag
from rtalign.report.page import document
from rtalign.report.read import Results
from rtalign.report.summary import as_json
from rtalign.report.tables import Cell, table
from rtalign.report.text import DASH, milliseconds, model_name, several, signed

AGREE = 1e-3
"""R that differ by no more agree: live and offline interpolate the signal from chunks that were cut differently."""


@dataclass(frozen=True, slots=True, eq=False)
class Parity:
    """A session live and offline.

    Attributes
    ----------
    live, offline : Results
        What either found.
    same_words : ndarray, shape (layer, lag), or None
        Offline R over the words that were scored live too; None where these are too few.
    n_same : int
        How many these are.
    only_offline : mapping of str to int
        Words that were scored offline alone, by the reason why live did not.
    n_only_live : int
        Words that were scored live alone.
    adapted : bool
        Whether live decoders learned on the way.
    notices : mapping of str to int
        How often each warning of the session came.
    """

    live: Results
    offline: Results
    same_words: np.ndarray | None
    n_same: int
    only_offline: Mapping[str, int]
    n_only_live: int
    adapted: bool
    notices: Mapping[str, int]

    @property
    def largest(self) -> float:
        """The largest difference of R between live and offline, over all words of each."""
        return float(np.nanmax(np.abs(self.live.r - self.offline.r)))

    @property
    def of_signal(self) -> float | None:
        """The largest difference over the same words: what signal and decoders make, not the choice of words."""
        return None if self.same_words is None else float(np.nanmax(np.abs(self.live.r - self.same_words)))

    def reasons(self) -> list[str]:
        """Why the two differ, in sentences; empty where nothing is known."""
        n_live, n_offline = self.live.summary.n_words, self.offline.summary.n_words
        found = [f"{several(n_live, 'word')} were scored live, {n_offline:,} offline, {self.n_same:,} in both"]
        found += [f"{several(n, 'word')} offline alone; live: {reason}" for reason, n in self.only_offline.items()]
        if self.n_only_live:
            found.append(f"{several(self.n_only_live, 'word')} live alone; offline: {_counts(self.offline)}")
        if self.adapted:
            found.append("live decoders learned on the way (--adapt); offline ones are the bank's")
        if self.of_signal is not None:
            same = "agree" if self.of_signal <= AGREE else "differ"
            found.append(f"over the same words the two {same}: R by {self.of_signal:.1g} at most")
        return found

    def to_json(self) -> dict[str, Any]:
        """What parity.json holds."""
        same = self.live.r * np.nan if self.same_words is None else self.same_words
        layers = [
            {
                "index": mine.layer, "live_peak_s": mine.peak_s, "offline_peak_s": its.peak_s,
                "live_status": mine.status, "offline_status": its.status,
                "live_r": mine.peak_r, "offline_r": its.peak_r,
                "largest_difference": np.nanmax(np.abs(self.live.r[row] - self.offline.r[row])),
                "largest_difference_same_words": np.max(np.abs(self.live.r[row] - same[row])),
            }
            for row, (mine, its) in enumerate(_layers(self))
        ]  # fmt: skip
        return dict(as_json({
            "format": "rtalign-parity", "version": 1, "layers": layers, "largest_difference": self.largest,
            "largest_difference_same_words": self.of_signal, "n_live": self.live.summary.n_words,
            "n_offline": self.offline.summary.n_words, "n_same": self.n_same, "only_offline": self.only_offline,
            "n_only_live": self.n_only_live, "adapted": self.adapted, "notices": self.notices,
            "reasons": self.reasons(),
        }))  # fmt: skip


def render(parity: Parity) -> str:
    """The whole document."""
    verdict = "agree" if parity.largest <= AGREE else "differ"
    claim = f"Live and offline {verdict}: R by {parity.largest:.1g} at most"
    warned = [tag("li", f"{text} ({n} times)" if n > 1 else text) for text, n in parity.notices.items()]
    said = tag("ul", warned) if warned else tag("p", "The session gave no warning.")
    return document(
        f"{model_name(parity.live)}: {claim}",
        tag("header", tag("div", tag("span", tag("b", "rtalign")), tag("span", "live against offline"),
                          tag("span", model_name(parity.live)), class_="kicker"), tag("h1", claim + ".")),
        tag("h2", "Why"),
        tag("ul", [tag("li", reason + ".") for reason in parity.reasons()]),
        tag("h2", "Layer by layer"),
        tag("div", _table(parity), class_="panel long"),
        tag("p", prose("R at the peak of each. The differences are the largest over all lags: of all words that either "
                       "scored, and of the same words, where only signal and decoders can differ."), class_="note"),
        tag("h2", "What the session said"),
        said,
        tag("footer", "The numbers are in parity.json beside this file; offline/report.html is the report of the "
                      "evaluation."),
    )  # fmt: skip


def _table(parity: Parity) -> Markup:
    head: list[Cell] = [("layer", "l"), ("live latency (ms)", ""), ("offline", ""), ("live R", ""), ("offline R", "")]
    head += [("largest difference", ""), ("of the same words", "")]
    rows: list[list[Cell]] = []
    for row, (mine, its) in enumerate(_layers(parity)):
        same = None if parity.same_words is None else np.abs(parity.live.r[row] - parity.same_words[row]).max()
        rows.append([
            (str(mine.layer), "l"), (milliseconds(mine.peak_s) if mine.ok else mine.status, "" if mine.ok else "off"),
            (milliseconds(its.peak_s) if its.ok else its.status, "" if its.ok else "off"),
            (signed(mine.peak_r, 4), ""), (signed(its.peak_r, 4), ""),
            (f"{np.nanmax(np.abs(parity.live.r[row] - parity.offline.r[row])):.1g}", ""),
            (DASH if same is None else f"{same:.1g}", ""),
        ])  # fmt: skip
    return join(table(head, rows))


def _layers(parity: Parity) -> list[tuple[Any, Any]]:
    return list(zip(parity.live.summary.layers, parity.offline.summary.layers, strict=True))


def _counts(results: Results) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in results.summary.skipped.items()) or "not recorded"
