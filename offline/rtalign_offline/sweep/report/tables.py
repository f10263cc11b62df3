"""The HTML tables of a sweep's report: scores by context, growth, published numbers, jobs, failures, shared work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress

from rtalign.report.html import Markup, escape, join, tag
from rtalign.report.tables import Cell, table
from rtalign.report.text import DASH, milliseconds, signed
from rtalign.scoring.headline import p_text
from rtalign_offline.sweep.report.csv_tables import Row, growth_rows
from rtalign_offline.sweep.report.marks import Colours
from rtalign_offline.sweep.report.mean_peaks import MeanPeaks
from rtalign_offline.sweep.report.paper import compare
from rtalign_offline.sweep.report.study import Score, Study, StudyEntry

PIECES = {
    "tape": "recordings filtered",
    "moments": "recordings summed at every lag",
    "brain": "people, their sums and principal directions",
    "activations": "stories read by a model in a context",
    "components": "principal components of the stories that people heard",
    "lag": "lags fitted and scored",
    "job": "jobs: targets, penalties and results",
}


def filled_table(head: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> Markup:
    """A table without the columns that hold nothing but dashes."""
    filled = [any(row[i][0] != DASH for row in rows) for i in range(len(head))]
    return table(list(compress(head, filled)), [list(compress(row, filled)) for row in rows])


def score_table(study: Study, score: Score, colours: Colours) -> Markup:
    """A row for each model, a column for each context; the stronger the colour, the higher the score."""
    contexts = sorted({e.condition.context for e in study.pooled}, key=_by_words)
    entries = {(e.condition.model, e.condition.seed, e.condition.context): e for e in study.pooled}
    models = {(e.condition.model, e.condition.seed): e for e in study.pooled}
    order = sorted(models, key=lambda k: (not models[k].condition.trained, models[k].condition.n_parameters, k))
    highest = max((abs(v) for e in study.pooled if (v := e.score(score)) is not None), default=1.0) or 1.0
    scale = 1.0 if score == "temporal" else highest
    rows: list[Sequence[Cell]] = []
    for key in order:
        first = models[key]
        swatch = "swatch hollow" if not first.condition.trained else f"swatch {colours.css_class(first)}"
        name = first.condition.model + (f", seed {key[1]}" if key[1] else "")
        cells = [_cell(entries.get((*key, context)), score, scale) for context in contexts]
        rows.append([(join(tag("span", "", class_=swatch), name), "l"), *cells])
    head = [
        ("model", "l"),
        *((context.replace("window:", "").replace("growing:", "\u2264 "), "") for context in contexts),
    ]
    return tag("div", table(head, rows), class_="matrix")


def _by_words(context: str) -> tuple[int, str]:
    kind, number = context.split(":")
    return int(number) + (kind == "window"), kind


def _cell(entry: StudyEntry | None, score: Score, scale: float) -> Cell:
    """scale : the score with the strongest colour."""
    if entry is None:
        return tag("span", "\u00b7"), "cell none"
    value = entry.score(score)
    if value is None:
        return tag("span", "none", title=entry.findings.reason or ""), "cell none"
    if not entry.exceeds_null:
        return tag("span", signed(value, 3), title="no layer rises above its null"), "cell none"
    strength = min(abs(value) / scale, 1.0) * 0.5
    span = tag("span", signed(value, 2 if score == "temporal" else 3), style=f"--v:{strength:.3f}")
    return span, "cell minus" if value < 0 else "cell"


def mean_peaks_table(peaks: MeanPeaks) -> Markup:
    """A row for each layer: mean of the peaks of single curves, and peaks of R that is averaged over people."""
    names = ("mean of peaks (ms)", "95 % interval", "curves with a peak", "peak of mean R (ms)")
    rows = [
        [
            (f"{100 * depth:.0f} %", "l"),
            (tag("b", milliseconds(at)), ""),
            (f"{milliseconds(low)} to {milliseconds(high)}", ""),
            (str(n), "off"),
            (milliseconds(pooled), ""),
        ]
        for depth, at, (low, high), n, pooled in zip(
            *(values.tolist() for values in (peaks.depth, peaks.peak_s, peaks.ci_s, peaks.n, peaks.pooled_s)),
            strict=True,
        )
    ]
    return filled_table([("depth", "l"), *((name, "") for name in names)], rows)


def growth_table(study: Study) -> Markup | None:
    """A row for each model or context, with both scores."""
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    for row in growth_rows(study):
        rows.setdefault((row["over"], row["within"]), {})[row["score"]] = row
    if not rows:
        return None
    names = ("temporal, per tenfold", "95 % interval", "points", "alignment, per tenfold", "95 % interval", "points")
    head: list[Cell] = [("over", "l"), ("within", "l"), *((name, "") for name in names)]
    body = [
        [
            (over.replace("log10 ", ""), "l"),
            (within, "l"),
            *_rate(by_score.get("temporal")),
            *_rate(by_score.get("alignment")),
        ]
        for (over, within), by_score in rows.items()
    ]
    return filled_table(head, body)


def _rate(row: Row | None) -> list[Cell]:
    if row is None:
        return [(DASH, "off")] * 3
    has_interval = not math.isnan(row["low"])
    return [
        (tag("b", signed(row["per_tenfold"], 3, plus=True)), ""),
        (f"{signed(row['low'], 3)} to {signed(row['high'], 3)}" if has_interval else DASH, ""),
        (str(row["points"]), "off"),
    ]


def published_table(study: Study) -> Markup | None:
    """What arXiv 2512.01591 reports, next to this sweep; None where nothing has a counterpart here."""
    rows_of_claims = list(compare(study))
    if all(isinstance(ours, str) for _, _, ours in rows_of_claims):
        return None
    head: list[Cell] = [("what", "l"), ("paper", ""), ("here", "")]
    rows: list[Sequence[Cell]] = []
    for what, number, ours in rows_of_claims:
        here: Cell = (ours, "off wrap") if isinstance(ours, str) else (signed(ours), "ours")
        rows.append([(what, "wrap"), (number, ""), here])
    return table(head, rows)


def job_table(study: Study) -> Markup:
    """Every job with a link to its own report."""
    names = ("peaks", "temporal r", "95 % interval", "p", "slope (ms)", "alignment R", "words")
    head: list[Cell] = [("model", "l"), ("context", "l"), ("person", "l"), *((name, "") for name in names)]
    return filled_table(head, [_job_row(entry) for entry in study.jobs])


def _job_row(entry: StudyEntry) -> list[Cell]:
    score, c = entry.findings.temporal, entry.condition
    link = tag("a", c.model + (f", seed {c.seed}" if c.seed else ""), href=f"jobs/{entry.folder}/report.html")
    r: Cell = (DASH, "off") if score is None else (tag("b", signed(score.r)), "")
    return [
        (link, "l"),
        (c.context, "l"),
        (entry.person, "l"),
        (f"{entry.n_peaks} of {len(entry.findings.peaks)}", ""),
        r,
        (f"{signed(score.ci[0])} to {signed(score.ci[1])}" if score and score.ci else DASH, ""),
        (p_text(score).removeprefix("p = ").removeprefix("p ") if score else DASH, ""),
        (signed(score.slope_ms, 0, plus=True) if score else DASH, ""),
        (signed(entry.alignment_r, 3), ""),
        (f"{entry.n_words:,}", ""),
    ]


def failure_note(study: Study) -> Markup | None:
    failed = study.state.get("failed", [])
    if not failed:
        return None
    items = [
        tag("li", tag("b", f"{f['model']}, {f['context']}, {f['person']}"), escape(f": {f['reason']}")) for f in failed
    ]
    summary = f"{len(failed)} of {len(failed) + len(study.jobs)} jobs failed; they are not shown."
    return tag("div", tag("b", summary), tag("ul", items), class_="note warn")


def overlap_note(study: Study) -> Markup | None:
    """People who share recordings, which are no independent people."""
    lines = study.state.get("training_overlap", [])
    shown = tag("ul", [tag("li", str(line)) for line in lines])
    return tag("div", tag("b", "Recordings counted twice"), shown, class_="note warn") if lines else None


def work_table(study: Study) -> Markup | None:
    """How much was computed, and how much was found on disk."""
    work = study.state.get("work", {})
    if not work:
        return None
    head: list[Cell] = [("what", "l"), ("blocks", ""), ("computed", ""), ("found on disk", ""), ("CPU (s)", "")]
    rows = [
        [(PIECES.get(piece, piece), "l"), (f"{n['blocks']:,}", ""), (f"{n['computed']:,}", ""),
         (f"{n['reused']:,}", ""), (f"{n['cpu_s']:,.0f}", "")]
        for piece, n in sorted(work.items(), key=lambda item: list(PIECES).index(item[0]) if item[0] in PIECES else 9)
    ]  # fmt: skip
    return table(head, rows)
