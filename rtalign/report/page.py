"""The report: one self-contained HTML file of what a bank or evaluation folder holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rtalign.core.storage.files import write_atomically
from rtalign.report.figures.ladder import ladder
from rtalign.report.figures.lag_map import lag_map
from rtalign.report.figures.svg import text as svg_text
from rtalign.report.html import Markup, figure_css, page_css, tag
from rtalign.report.read import Results, read_results
from rtalign.report.sections import breakdown, controls, noise_ceiling, outcome, provenance
from rtalign.report.text import headline, model_name

NOTHING_FROM_OUTSIDE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""The browser's own guard: even if a hostile string got through, it could neither run nor fetch."""

MARGIN = 18.0
"""Around figures that stand by themselves."""
MARK_HEIGHT = 14.0
"""Of the line above figures that says what they are no evidence of."""

HEADING = re.compile("<h2>(.*?)</h2>")

PARTS = (
    outcome.head,
    outcome.latencies,
    controls.controls,
    breakdown.breakdown,
    outcome.curves,
    outcome.statistics,
    outcome.topographies,
    outcome.layers,
    outcome.stretches,
    noise_ceiling.noise_ceiling,
    outcome.fit,
    outcome.operator_annotations,
    provenance.method,
    provenance.data,
    provenance.passport,
    provenance.recipe,
)


def write_page(folder: Path) -> Path:
    """report.html of a folder with a summary.json, whole or not at all; returns its path."""
    path = folder / "report.html"
    write_atomically(path, render_page(read_results(folder)))
    return path


def render_page(results: Results) -> str:
    """The whole document."""
    versions = results.passport.versions if results.passport else {}
    foot = tag(
        "footer",
        f"rtalign {versions.get('rtalign', '')}".strip(),
        ". The numbers are in summary.json and curves.csv beside this file.",
    )
    first, *parts = (part(results) for part in PARTS)
    linked, contents = with_contents([part for part in parts if part])
    return document(f"{model_name(results)}: {headline(results)}", first, contents, linked, foot)


def document(title: str, *parts: object) -> str:
    """A page by itself, which loads nothing."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=NOTHING_FROM_OUTSIDE),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", page_css()),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", tag("main", *parts)), lang="en")


def with_contents(parts: Sequence[Markup]) -> tuple[list[Markup], Markup]:
    """Sections whose headings can be linked to, and the links."""
    linked, links = [], []
    for n, part in enumerate(parts, 1):
        title = HEADING.search(part)
        if title:
            links.append(tag("a", Markup(title[1]), href=f"#s{n}"))
            heading = tag("h2", Markup(title[1]), id=f"s{n}")
            part = Markup(part[: title.start()] + heading + part[title.end() :])
        linked.append(part)
    return linked, tag("nav", links, class_="contents", aria_label="Contents")


def standalone_figures(folder: Path) -> dict[str, str]:
    """Figures as SVG files by themselves, name to text: ladder, map, and overview with both side by side."""
    results = read_results(folder)
    both = [ladder(results), lag_map(results)]
    mark = results.summary.overlap_warning
    return {
        "ladder": standalone(both[:1], mark), "map": standalone(both[1:], mark), "overview": standalone(both, mark)
    }  # fmt: skip


def standalone(drawings: Sequence[Markup], mark: str = "") -> str:
    """Drawings in a row with their own colours and background, for a README or a slide; a mark stands above them."""
    sizes = [_size(drawing) for drawing in drawings]
    top = MARGIN + (MARK_HEIGHT if mark else 0.0)
    width = sum(w for w, _ in sizes) + MARGIN * (len(sizes) + 1)
    height = max(h for _, h in sizes) + top + MARGIN
    placed, x = [], MARGIN
    for drawing, (w, h) in zip(drawings, sizes, strict=True):
        placed.append(tag("svg", drawing, x=x, y=top, width=w, height=h))
        x += w + MARGIN
    if mark:
        placed.append(tag("g", svg_text(MARGIN, MARGIN + 4, f"No evidence: {mark}", "note"), class_="fig"))
    ground = tag("rect", width=width, height=height, rx=6.0, class_="ground")
    return tag(
        "svg", tag("style", figure_css()), ground, placed,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width:g} {height:g}", width=width, height=height,
    )  # fmt: skip


def _size(drawing: Markup) -> tuple[float, float]:
    width, height = drawing.split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split()
    return float(width), float(height)
