"""Tables of a sweep's report: every model by context, growth, the published numbers, jobs, failures and shared work."""

from __future__ import annotations

from collections.abc import Sequence

from rtalign.report.html import Markup, escape, join, tag
from rtalign.report.tables import Cell, table
from rtalign.report.text import DASH, p_value, signed
from rtalign_offline.sweep.report.csv_tables import Row, growth_rows
from rtalign_offline.sweep.report.marks import Hues
from rtalign_offline.sweep.report.paper import claims
from rtalign_offline.sweep.report.study import Study, StudyEntry, value

PIECES = {
    "tape": "recordings filtered onto tape",
    "moments": "recordings summed at every lag",
    "brain": "people, their sums and principal directions",
    "activations": "stories read by a model in a context",
    "lag": "lags fitted and scored",
    "job": "jobs put together",
}


def matrix(study: Study, score: str, hues: Hues) -> Markup:
    """A row a model, a column a context; the stronger the colour, the higher the score."""
    contexts = sorted(study.plan.every_context(), key=_by_words)
    found = {(e.subject.model, e.subject.seed, e.subject.context): e for e in study.pooled}
    subjects = {(e.subject.model, e.subject.seed): e for e in study.pooled}
    order = sorted(subjects, key=lambda k: (not subjects[k].subject.trained, subjects[k].subject.n_parameters, k))
    most = max((abs(v) for e in study.pooled if (v := value(e, score)[0]) is not None), default=1.0) or 1.0
    rows: list[Sequence[Cell]] = []
    for key in order:
        first = subjects[key]
        swatch = "swatch hollow" if not first.subject.trained else f"swatch {hues(first)}"
        name = first.subject.model + (f", seed {key[1]}" if key[1] else "")
        cells = [_cell(found.get((*key, context)), score, 1.0 if score == "temporal" else most) for context in contexts]
        rows.append([(join(tag("span", "", class_=swatch), name), "l"), *cells])
    head = [
        ("model", "l"),
        *((context.replace("window:", "").replace("growing:", "\u2264 "), "") for context in contexts),
    ]
    return tag("div", table(head, rows), class_="matrix")


def _by_words(context: str) -> tuple[int, str]:
    kind, number = context.split(":")
    return int(number) + (kind == "window"), kind


def _cell(entry: StudyEntry | None, score: str, most: float) -> Cell:
    if entry is None:
        return tag("span", "\u00b7"), "cell none"
    found = value(entry, score)[0]
    if found is None:
        return tag("span", "none", title=entry.findings.reason or ""), "cell none"
    if not entry.clears_null:
        return tag("span", signed(found, 3), title="no layer rises above its null"), "cell none"
    share = min(abs(found) / most, 1.0) * 0.5
    span = tag("span", signed(found, 2 if score == "temporal" else 3), style=f"--v:{share:.3f}")
    return span, "cell minus" if found < 0 else "cell"


def growth_table(study: Study) -> Markup | None:
    """A row a model or context, both scores side by side."""
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    for row in growth_rows(study):
        rows.setdefault((row["over"], row["within"]), {})[row["score"]] = row
    if not rows:
        return None
    names = ("temporal, per tenfold", "95 % interval", "points", "alignment, per tenfold", "95 % interval", "points")
    head: list[Cell] = [("over", "l"), ("within", "l"), *((name, "") for name in names)]
    told = [
        [
            (over.replace("log10 ", ""), "l"),
            (within, "l"),
            *_rate(found.get("temporal")),
            *_rate(found.get("alignment")),
        ]
        for (over, within), found in rows.items()
    ]
    return table(head, told)


def _rate(row: Row | None) -> list[Cell]:
    if row is None:
        return [(DASH, "off")] * 3
    known = row["low"] == row["low"]
    return [
        (tag("b", signed(row["per_tenfold"], 3, plus=True)), ""),
        (f"{signed(row['low'], 3)} to {signed(row['high'], 3)}" if known else DASH, ""),
        (str(row["points"]), "off"),
    ]


def published_table(study: Study) -> Markup | None:
    """None where nothing published has a counterpart here."""
    told = list(claims(study))
    if all(isinstance(ours, str) for _, _, ours in told):
        return None
    head: list[Cell] = [("what", "l"), ("paper", ""), ("here", "")]
    rows: list[Sequence[Cell]] = []
    for what, number, ours in told:
        here: Cell = (ours, "off wrap") if isinstance(ours, str) else (signed(ours), "ours")
        rows.append([(what, "wrap"), (number, ""), here])
    return table(head, rows)


def job_table(study: Study) -> Markup:
    """Every job with a link to its own report."""
    names = ("peaks", "temporal r", "95 % interval", "p", "slope (ms)", "alignment R", "words")
    head: list[Cell] = [("model", "l"), ("context", "l"), ("person", "l"), *((name, "") for name in names)]
    return table(head, [_job_row(entry) for entry in study.jobs])


def _job_row(entry: StudyEntry) -> list[Cell]:
    score, s = entry.findings.temporal, entry.subject
    link = tag("a", s.model + (f", seed {s.seed}" if s.seed else ""), href=f"jobs/{entry.folder}/report.html")
    r: Cell = (DASH, "off") if score is None else (tag("b", signed(score.r)), "")
    return [
        (link, "l"),
        (s.context, "l"),
        (entry.person, "l"),
        (f"{entry.peaked} of {len(entry.findings.peaks)}", ""),
        r,
        (f"{signed(score.ci[0])} to {signed(score.ci[1])}" if score and score.ci else DASH, ""),
        (p_value(score.p_permutation).removeprefix("p = ").removeprefix("p ") if score else DASH, ""),
        (signed(score.slope_ms, 0, plus=True) if score else DASH, ""),
        (signed(entry.alignment_r, 3), ""),
        (f"{entry.n_words:,}", ""),
    ]


def failures(study: Study) -> Markup | None:
    failed = study.state.get("failed", [])
    if not failed:
        return None
    items = [
        tag("li", tag("b", f"{f['model']}, {f['context']}, {f['person']}"), escape(f": {f['reason']}")) for f in failed
    ]
    told = f"{len(failed)} of {len(failed) + len(study.jobs)} jobs failed; nothing of them is shown."
    return tag("div", tag("b", told), tag("ul", items), class_="note warn")


def work_table(study: Study) -> Markup | None:
    """How much was computed, and how much of it was shared or found again."""
    work = study.state.get("work", {})
    if not work:
        return None
    head: list[Cell] = [("what", "l"), ("blocks", ""), ("computed", ""), ("found again", ""), ("CPU (s)", "")]
    rows = [
        [(PIECES.get(piece, piece), "l"), (f"{n['blocks']:,}", ""), (f"{n['computed']:,}", ""),
         (f"{n['reused']:,}", ""), (f"{n['cpu_s']:,.0f}", "")]
        for piece, n in sorted(work.items(), key=lambda item: list(PIECES).index(item[0]) if item[0] in PIECES else 9)
    ]  # fmt: skip
    return table(head, rows)
