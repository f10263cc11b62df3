"""The sections on where the numbers come from: method, data, passport, recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rtalign.report.markup import Markup, join, prose, tag
from rtalign.report.method import paragraphs
from rtalign.report.results import Results
from rtalign.report.tables import Cell, facts, skipped_table, table, value_text
from rtalign.report.words import clock, several

NAMES = {
    "delay_ms": "delay, removed (ms)",
    "taps": "filter length (taps)",
    "rate": "rate after decimation (Hz)",
    "rate_hz": "rate after decimation (Hz)",
    "warmup_s": "warm-up masked (s)",
    "factor": "decimation",
    "max_phase_error_ms": "largest phase error, 2 to 20 Hz (ms)",
    "n_layers": "hidden states",
    "n_parameters": "parameters",
    "dim": "dimensions",
    "has_bos": "beginning-of-text token",
}
"""What a person calls the keys of a passport."""

COLUMNS: tuple[Cell, ...] = (
    ("recording", "l"),
    ("subject", "l"),
    ("words", ""),
    ("length", ""),
    ("rate (Hz)", ""),
    ("fingerprint", "l"),
    ("notes", "l"),
)


def method(results: Results) -> Markup:
    """How it was done, in a few paragraphs."""
    return join(
        tag("h2", "Method"), tag("div", [tag("p", prose(said)) for said in paragraphs(results)], class_="prose")
    )


def data(results: Results) -> Markup:
    """Recordings, and words left out."""
    words = tag("div", tag("h3", "Words, used and left out"), skipped_table(results), class_="panel")
    return join(tag("h2", "Data"), _recordings(results), tag("div", words, class_="cols"))


def _recordings(results: Results) -> Markup | None:
    entries: Sequence[object] = (results.passport.recordings if results.passport else []) or results.summary.recordings
    rows = [_recording(entry) for entry in entries if isinstance(entry, dict)]
    return tag("div", table(COLUMNS, rows), class_="panel long") if rows else None


def _recording(entry: dict[str, object]) -> list[Cell]:
    seconds, rate, notes = entry.get("seconds"), entry.get("sfreq"), entry.get("notes") or []
    return [
        (str(entry.get("name", "")), "wrap"),
        (str(entry.get("subject", "")), "l"),
        (value_text(entry.get("n_words")), ""),
        (clock(float(seconds)) if isinstance(seconds, (int, float)) else "", ""),
        (f"{rate:g}" if isinstance(rate, (int, float)) else "", ""),
        (tag("code", str(entry.get("fingerprint", ""))[:12]), "l"),
        ("; ".join(map(str, notes)) if isinstance(notes, (list, tuple)) else str(notes), "wrap"),
    ]


def passport(results: Results) -> Markup:
    """What a stream or a recording must agree with before these decoders mean anything on it."""
    made = results.passport
    if made is None:
        gone = "This folder holds no passport.json; nothing more is known of its signal."
        return join(tag("h2", "Passport"), tag("p", gone, class_="gone"))
    kinds = Counter((sensor.kind, sensor.unit) for sensor in made.sensors)
    channels = [(f"{kind} ({unit})" if unit else kind, several(n, "channel")) for (kind, unit), n in kinds.items()]
    boxes = [
        ("Signal", facts([*channels, *_named(made.chain)])),
        ("Language model", facts([*_named(made.model), ("context", results.summary.context)])),
        ("Phase error left by the filter", _phase(made.chain)),
        ("Made with", facts([("created", made.created), *_named(made.versions)])),
    ]
    shown = [tag("div", tag("h3", title), body, class_="panel") for title, body in boxes if body is not None]
    names = tag("details", tag("summary", "All channel names"), tag("p", " ".join(s.name for s in made.sensors)))
    return join(tag("h2", "Passport"), tag("div", shown, class_="cols"), names if made.sensors else None)


def _named(entries: dict[str, object]) -> list[tuple[str, object]]:
    """Entries of the passport under names a person reads; tables are left out."""
    told = {key: value for key, value in entries.items() if not isinstance(value, dict)}
    return [(NAMES.get(key, str(key).replace("_", " ")), value_text(value)) for key, value in told.items()]


def _phase(chain: dict[str, object]) -> Markup | None:
    errors = chain.get("phase_error_ms")
    if not isinstance(errors, dict) or not errors:
        return None
    rows = [[(f"{key} Hz", "l"), (value_text(value), "")] for key, value in errors.items()]
    return table([("frequency", "l"), ("error (ms)", "")], rows)


def recipe(results: Results) -> Markup:
    """The recipe as it was saved, explanations quiet, its groups unbroken."""
    if not results.recipe:
        return join(tag("h2", "Recipe"), tag("p", "This folder holds no recipe.toml.", class_="gone"))
    groups: list[list[Markup]] = [[]]
    for line in results.recipe.strip().splitlines():
        if line.startswith("["):
            groups.append([])
        groups[-1].append(join(tag("i", line) if line.startswith("#") else line, "\n"))
    return join(
        tag("h2", "Recipe"), tag("div", tag("pre", [tag("span", group) for group in groups]), class_="panel long")
    )
