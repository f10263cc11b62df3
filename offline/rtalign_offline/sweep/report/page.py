"""The report of a sweep: one self-contained HTML file of how models, contexts and people compare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rtalign.core.files import write_atomically
from rtalign.report.html import Markup, join, page_css, prose, rules, tag
from rtalign.report.page import NOTHING_FROM_OUTSIDE
from rtalign.report.provenance import WHOLE_CONTENT
from rtalign.report.sections import captioned
from rtalign.report.text import several, signed
from rtalign_offline.sweep.report.csv_tables import write_tables
from rtalign_offline.sweep.report.figures import (
    against_plot,
    architecture_plot,
    context_plot,
    control_plot,
    quartile_curves,
    quartile_key,
    quartile_plot,
    size_plot,
)
from rtalign_offline.sweep.report.marks import Hues
from rtalign_offline.sweep.report.study import Growth, Study, load, value, with_context, with_size
from rtalign_offline.sweep.report.tables import failures, growth_table, job_table, matrix, published_table, work_table

SCORES = ("temporal", "alignment")
EMPTY = {
    "temporal": "There is no temporal score to show: in no model do enough layers have a peak that stands, at lags "
    "that differ.",
    "alignment": "There is no alignment score to show.",
}


def is_sweep(folder: Path) -> bool:
    return (folder / "sweep.json").is_file()


def write(folder: Path) -> Path:
    """report.html and tables of a sweep's folder; returns the report's path."""
    study = load(folder)
    write_tables(study, folder / "tables")
    path = folder / "report.html"
    write_atomically(path, page(study))
    return path


def page(study: Study) -> str:
    """The whole document."""
    hues = Hues.of(study)
    top = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=NOTHING_FROM_OUTSIDE),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{study.plan.title}: {headline(study)}"),
        tag("style", Markup(page_css() + rules("sweep.css", __package__))),
    )
    parts = [head(study), overview(study, hues), sizes(study, hues), contexts(study, hues), kinds(study, hues),
             predictability(study, hues), controls(study, hues), together(study, hues), rates(study),
             details(study)]  # fmt: skip
    foot = tag("footer", "rtalign. The numbers are in tables/ beside this file, as CSV and, with pyarrow, Parquet.")
    return "<!doctype html>\n" + tag("html", top, tag("body", tag("main", parts, foot)), lang="en")


def headline(study: Study) -> str:
    """What was found, in one sentence; only what its interval keeps away from zero is said to grow."""
    size, lines = with_size(study.at(study.reference), "temporal"), _lines(study)
    rising = sum(found.low > 0 for found in lines)
    told = []
    if rising:
        told.append(f"with context in {rising} of {several(len(lines), 'trained model')}")
    if size and size.n > 2 and size.low > 0:
        told.append(f"with model size ({signed(size.rate, 2, plus=True)} per tenfold)")
    if told:
        return f"The temporal score rises {' and '.join(told)}."
    if all(e.temporal_r is None for e in study.pooled):
        return "No model has a temporal score here."
    if lines or (size and size.n > 2):
        return "The temporal score rises neither with context nor with model size here."
    return f"{several(len(study.plan.models), 'model')} in {several(len(study.plan.every_context()), 'context')}."


def _lines(study: Study) -> list[Growth]:
    """How the temporal score of each trained model goes with context, where three contexts tell it."""
    found = []
    for model in study.plan.models:
        entries = [e for e in study.pooled if e.subject.model == model.title and e.subject.trained]
        grown = with_context(entries, "temporal")
        found += [grown] if grown and grown.n > 2 else []
    return found


def head(study: Study) -> Markup:
    plan = study.plan
    kicker = [tag("b", "rtalign"), "sweep", *([plan.title] if plan.title != "sweep" else [])]
    kicker += ["settings of arXiv 2512.01591"] if plan.paper else []
    counts = [
        ("models", str(len(plan.models)), f"{len(set(e.subject.architecture for e in study.pooled))} architectures"),
        ("contexts", str(len(plan.every_context())), f"compared at {study.reference}"),
        ("people", str(len({e.person for e in study.jobs})), "pooled by averaging R, as the paper does"),
        ("jobs", str(len(study.jobs)), f"{len(study.state.get('failed', []))} failed"),
    ]
    tiles = [
        tag("div", tag("dt", name), tag("dd", big, class_="big"), tag("dd", sub, class_="sub"), class_="tile")
        for name, big, sub in counts
    ]
    return tag(
        "header",
        tag("div", [tag("span", part) for part in kicker], class_="kicker"),
        tag("h1", headline(study)),
        tag("dl", tiles, class_="tiles"),
        failures(study),
    )


def overview(study: Study, hues: Hues) -> Markup:
    told = (
        "Pooled over people. Left, the temporal score r: how closely peak latency goes with depth. Right, the "
        "alignment score R of the best layer. \u201cnone\u201d: too few layers have a peak that stands; grey "
        "numbers: no layer rises above its null."
    )
    both = tag("div", [matrix(study, score, hues) for score in SCORES], class_="grid2")
    return join(
        tag("h2", "Every model in every context"),
        captioned("Scores by model and words of context.", told, both),
        tag("p", tag("b", prose("How to read T_max. ")), prose(WHOLE_CONTENT), class_="note"),
    )


def sizes(study: Study, hues: Hues) -> Markup:
    entries = study.at(study.reference)
    different = len({e.subject.n_parameters for e in entries})
    title = tag("h2", "Larger models")
    if different < 2:
        return join(title, _gone("Scores against size are left out: all models of this plan are of one size."))
    told = (
        f"Each model at {study.reference}, all people together, with its 95 % bootstrap interval; faint dots are "
        "single people, open ones models with random weights, small rings at the foot have no temporal score. The line "
        "is fitted to trained models alone."
    )
    both = _pair(study, lambda score: size_plot(study, score, hues))
    return join(title, captioned("Scores against the number of parameters.", told, _key(study, hues), both))


def contexts(study: Study, hues: Hues) -> Markup:
    title, drawn = tag("h2", "Longer contexts"), []
    for kind in ("window", "growing"):
        if len({e.subject.words for e in study.pooled if e.subject.kind == kind}) > 1:
            told = (
                "A line a model; the axis is logarithmic in the words that the model sees, the word itself among them. "
                "Shaded: 95 % of the bootstrap, where there are few lines."
            )
            name = "Sliding windows" if kind == "window" else "Growing contexts"
            both = _pair(study, lambda score, kind=kind: context_plot(study, score, hues, kind))  # type: ignore[misc]
            drawn.append(captioned(f"{name}.", told, _key(study, hues), both))
    if not drawn:
        return join(title, _gone("Scores against context are left out: the plan has one context of each kind."))
    return join(title, drawn)


def kinds(study: Study, hues: Hues) -> Markup:
    title = tag("h2", "By architecture")
    if len(hues.names) < 2:
        return join(title, _gone("Architectures are not compared: the plan holds trained models of one alone."))
    told = f"A dot a model at {study.reference}, with its 95 % interval; all people together."
    return join(
        title, captioned("Scores by architecture.", told, _pair(study, lambda s: architecture_plot(study, s, hues)))
    )


def predictability(study: Study, hues: Hues) -> Markup:
    title = tag("h2", "Expected and surprising words")
    if not any(quartile_plot(study, score, hues) for score in SCORES):
        why = "the plan does not ask for quartiles" if not study.plan.quartiles else (
            f"no model tells enough surprisal at {study.reference}"
        )  # fmt: skip
        return join(title, _gone(f"Quarters by predictability are left out: {why}."))
    told = (
        "The decoders are those of all words; they are scored on each quarter of held-out words, by the model\u2019s "
        f"own surprisal at {study.reference}. Dotted: the mean of trained models. A quarter has "
        "fewer words, so chance lifts its best R more than that of all words: compare quarters with each other."
    )
    scores = captioned("Scores by predictability.", told, _pair(study, lambda s: quartile_plot(study, s, hues)))
    curves = quartile_curves(study)
    if curves is None:
        return join(title, scores)
    told = (
        f"The mean of all layers and people against lag in ms, for trained models at {study.reference}; grey: 95 % of "
        "the null of such a mean, the widest of the four quarters."
    )
    return join(title, scores, captioned("R over lag by predictability.", told, quartile_key(), curves))


def controls(study: Study, hues: Hues) -> Markup:
    title = tag("h2", "Trained and with random weights")
    if control_plot(study, "alignment", hues) is None:
        return join(title, _gone("The control is left out: no model of the plan has a twin with random weights."))
    told = f"Filled: trained; open: the same shape with random weights, at {study.reference}."
    return join(title, captioned("What training adds.", told, _pair(study, lambda s: control_plot(study, s, hues))))


def together(study: Study, hues: Hues) -> Markup:
    """Temporal against alignment score, and what was published beside what was found."""
    plot, found = against_plot(study, hues), published_table(study)
    if plot is None:
        left = _gone(f"No plot: fewer than two models have a temporal score at {study.reference}.")
    else:
        told = "Aligning well and aligning in order are two things; a dot a model."
        left = captioned("Temporal against alignment score.", told, plot)
    if found is None:
        right = _gone("None of the numbers published in arXiv 2512.01591 has a counterpart in this plan.")
    else:
        told = f"arXiv 2512.01591 and this sweep, pooled, at {study.reference} where no context is named."
        told += "" if study.plan.paper else " The plan does not say paper = true: other settings, so compare with care."
        right = captioned("Published and found.", told, found)
    return join(
        tag("h2", "The two scores together, and the published numbers"),
        tag("div", tag("div", left), tag("div", right), class_="grid2"),
    )


def rates(study: Study) -> Markup:
    title, drawn = tag("h2", "Growth"), growth_table(study)
    if drawn is None:
        return join(title, _gone("No growth is told: it takes two sizes or two contexts with a score."))
    told = (
        "The rise of a score for every tenfold of parameters or words, fitted to pooled scores. The interval is of the "
        "bootstrap over words: how surely these very models are known, not how others would lie."
    )
    return join(title, tag("div", drawn, class_="panel long"), _gone(told))


def details(study: Study) -> Markup:
    work = work_table(study)
    return join(
        tag("h2", "Every job"),
        tag("div", job_table(study), class_="panel long"),
        join(tag("h2", "What was computed, and what was shared"), tag("div", work, class_="panel")) if work else None,
    )


def _pair(study: Study, plot: Callable[[str], Markup | None]) -> Markup:
    """One figure a score; where one would be empty, the other stands beside a sentence that says why."""
    drawn = {}
    for score in SCORES:
        there = any(value(entry, score)[0] is not None for entry in study.pooled)
        drawn[score] = plot(score) if there else None
    figures = [tag("div", figure, class_="scroll") for figure in drawn.values() if figure]
    gone = [_gone(EMPTY[score], "gone inside") for score, figure in drawn.items() if not figure]
    return tag("div", [*figures, *gone], class_="grid2")


def _key(study: Study, hues: Hues) -> Markup:
    return hues.key(any(not e.subject.trained for e in study.pooled))


def _gone(why: str, cls: str = "gone") -> Markup:
    return tag("p", why, class_=cls)
