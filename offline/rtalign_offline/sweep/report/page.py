"""The report of a sweep: one self-contained HTML file of how models, contexts and people compare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rtalign.core.storage.files import write_atomically
from rtalign.report.html import Markup, join, page_css, prose, rules, tag
from rtalign.report.page import NOTHING_FROM_OUTSIDE
from rtalign.report.sections.outcome import captioned
from rtalign.report.sections.provenance import WHOLE_CONTENT
from rtalign.report.text import several, signed
from rtalign_offline.sweep.report.csv_tables import write_tables
from rtalign_offline.sweep.report.figures import (
    architecture_plot,
    both_scores_plot,
    context_plot,
    control_plot,
    quartile_curves,
    quartile_key,
    quartile_plot,
    size_plot,
)
from rtalign_offline.sweep.report.marks import Colours
from rtalign_offline.sweep.report.mean_peaks import average_peaks
from rtalign_offline.sweep.report.study import Growth, Score, Study, growth_with_context, growth_with_size, load_study
from rtalign_offline.sweep.report.tables import (
    failure_note,
    growth_table,
    job_table,
    mean_peaks_table,
    overlap_note,
    published_table,
    score_table,
    work_table,
)

SCORES: tuple[Score, Score] = ("temporal", "alignment")
EMPTY = {
    "temporal": "There is no temporal score to show: too few layers of every model have a valid peak.",
    "alignment": "There is no alignment score to show.",
}


def is_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep.

    Parameters
    ----------
    folder : Path
        Any folder.

    Returns
    -------
    bool
        True where it holds sweep.json.
    """
    return (folder / "sweep.json").is_file()


def write_sweep_report(folder: Path) -> Path:
    """Write report.html and the tables of a sweep.

    Parameters
    ----------
    folder : Path
        What `run_sweep` wrote.

    Returns
    -------
    Path
        The report.
    """
    study = load_study(folder)
    write_tables(study, folder / "tables")
    path = folder / "report.html"
    write_atomically(path, render_page(study))
    return path


def render_page(study: Study) -> str:
    """The whole document."""
    colours = Colours.of(study)
    top = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=NOTHING_FROM_OUTSIDE),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{study.plan.title}: {headline(study)}"),
        tag("style", Markup(page_css() + rules("sweep.css", __package__))),
    )
    compared = (overview, peaks_over_models, sizes, contexts, architectures, predictability, controls, both_scores)
    sections = [section(study, colours) for section in compared]
    parts = [head(study), *sections, growth(study), details(study)]
    foot = tag("footer", "rtalign. The numbers are in tables/ beside this file, as CSV and, with pyarrow, Parquet.")
    return "<!doctype html>\n" + tag("html", top, tag("body", tag("main", parts, foot)), lang="en")


def headline(study: Study) -> str:
    """The result in one sentence; a score is said to rise only where the interval of its slope is above zero."""
    size, lines = growth_with_size(study.at(study.reference), "temporal"), _growth_with_context(study)
    rising = sum(growth.low > 0 for growth in lines)
    causes = []
    if rising:
        causes.append(f"with context in {rising} of {several(len(lines), 'trained model')}")
    if size and size.low > 0:
        causes.append(f"with model size ({signed(size.rate, 2, plus=True)} per tenfold)")
    if causes:
        return f"The temporal score rises {' and '.join(causes)}."
    if all(e.temporal_r is None for e in study.pooled):
        return "No model has a temporal score here."
    if lines or size:
        return "The temporal score rises neither with context nor with model size here."
    return f"{several(len(study.plan.models), 'model')} in {several(len(study.plan.every_context()), 'context')}."


def _growth_with_context(study: Study) -> list[Growth]:
    """Growth of the temporal score of each trained model that was read in at least three contexts."""
    lines = []
    for model in study.plan.models:
        entries = [e for e in study.pooled if e.condition.model == model.title and e.condition.trained]
        growth = growth_with_context(entries, "temporal")
        lines += [growth] if growth else []
    return lines


def head(study: Study) -> Markup:
    plan = study.plan
    kicker = [tag("b", "rtalign"), "sweep", *([plan.title] if plan.title != "sweep" else [])]
    kicker += ["settings of arXiv 2512.01591"] if plan.paper else []
    counts = [
        ("models", str(len(plan.models)), f"{len(set(e.condition.architecture for e in study.pooled))} architectures"),
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
        failure_note(study),
        overlap_note(study),
    )


def overview(study: Study, colours: Colours) -> Markup:
    caption = (
        "Pooled over people. Left, the temporal score r: how closely peak latency goes with depth. Right, the "
        "alignment score R of the best layer. \u201cnone\u201d: too few layers have a valid peak; grey "
        "numbers: no layer rises above its null."
    )
    both = tag("div", [score_table(study, score, colours) for score in SCORES], class_="grid2")
    return join(
        tag("h2", "Every model in every context"),
        captioned("Scores by model and words of context.", caption, both),
        tag("p", tag("b", "How to read a latency. "), prose(WHOLE_CONTENT), class_="note"),
    )


def peaks_over_models(study: Study, colours: Colours) -> Markup:  # noqa: ARG001 - one signature for all sections
    title, peaks = tag("h2", "Peaks averaged over models and people"), average_peaks(study)
    if peaks is None:
        return join(title, _left_out("Peaks are not averaged: models differ in their number of layers, or none peaks."))
    drawn = "people and words" if peaks.n_people > 1 else "words"
    few = " With so few people an interval over people is rough." if 1 < peaks.n_people < 6 else ""
    people = "one person" if peaks.n_people == 1 else f"{peaks.n_people} people"
    caption = (
        f"{several(peaks.n_models, 'trained model')} at {study.reference}, {people}. Left, the latency of each curve, "
        f"averaged over models and people, as the paper most plausibly did: r with depth {signed(peaks.r)} "
        f"({signed(peaks.r_ci[0])} to {signed(peaks.r_ci[1])}). Right, latencies of R that is averaged over people, "
        f"averaged over models: r with depth {signed(peaks.pooled_r)}. Intervals are of a bootstrap over {drawn}.{few}"
    )
    return join(title, captioned("Mean peaks by depth.", caption, mean_peaks_table(peaks)))


def sizes(study: Study, colours: Colours) -> Markup:
    entries = study.at(study.reference)
    title = tag("h2", "Larger models")
    if len({e.condition.n_parameters for e in entries}) < 2:
        alike = len({e.condition.n_parameters for e in study.pooled}) < 2
        why = "all models of this plan are of one size" if alike else "no context was read by models of different sizes"
        return join(title, _left_out(f"Scores against size are left out: {why}."))
    caption = (
        f"Each model at {study.reference}, all people pooled, with its 95 % interval; faint dots are "
        "single people, open ones models with random weights, small rings at the foot have no temporal score. The line "
        "is fitted to trained models alone."
    )
    both = _pair(study, lambda score: size_plot(study, score, colours))
    return join(title, captioned("Scores against the number of parameters.", caption, _key(study, colours), both))


def contexts(study: Study, colours: Colours) -> Markup:
    title, drawn = tag("h2", "Longer contexts"), []
    for kind in ("window", "growing"):
        if len({e.condition.words for e in study.pooled if e.condition.context_kind == kind}) > 1:
            caption = (
                "A line for each model over the words that it sees, the word itself included, on a logarithmic axis. "
                "Shaded: 95 % intervals, where there are few lines."
            )
            name = "Sliding windows" if kind == "window" else "Growing contexts"
            both = _pair(study, lambda score, kind=kind: context_plot(study, score, colours, kind))  # type: ignore[misc]
            drawn.append(captioned(f"{name}.", caption, _key(study, colours), both))
    if not drawn:
        return join(title, _left_out("Scores against context are left out: the plan has one context of each kind."))
    return join(title, drawn)


def architectures(study: Study, colours: Colours) -> Markup:
    title = tag("h2", "By architecture")
    if len(colours.architectures) < 2:
        return join(title, _left_out("Architectures are not compared: the plan holds trained models of one alone."))
    caption = f"A dot for each model at {study.reference}, with its 95 % interval; all people pooled."
    both = _pair(study, lambda score: architecture_plot(study, score, colours))
    return join(title, captioned("Scores by architecture.", caption, both))


def predictability(study: Study, colours: Colours) -> Markup:
    title = tag("h2", "Expected and surprising words")
    if not any(quartile_plot(study, score, colours) for score in SCORES):
        reason = "the plan does not ask for quartiles" if not study.plan.quartiles else (
            f"no model has surprisal of enough words at {study.reference}"
        )  # fmt: skip
        return join(title, _left_out(f"Quarters by predictability are left out: {reason}."))
    decoders = "The decoders are those of all words; they are scored on"
    if study.plan.refit_quartiles:
        decoders = "Decoders are fitted to the words of each quarter alone, and scored on"
    caption = (
        f"{decoders} each quarter of held-out words, by the model\u2019s own surprisal at {study.reference}. Dotted: "
        "the mean of trained models. A quarter has fewer words, so chance lifts its best R more than that of all "
        "words: compare quarters with each other."
    )
    scores = captioned("Scores by predictability.", caption, _pair(study, lambda s: quartile_plot(study, s, colours)))
    curves = quartile_curves(study)
    if curves is None:
        return join(title, scores)
    caption = (
        f"The mean of all layers and people against lag in ms, for trained models at {study.reference}; grey: 95 % of "
        "the null of such a mean, the widest of the four quarters."
    )
    return join(title, scores, captioned("R over lag by predictability.", caption, quartile_key(), curves))


def controls(study: Study, colours: Colours) -> Markup:
    title = tag("h2", "Trained and with random weights")
    if control_plot(study, "alignment", colours) is None:
        return join(title, _left_out("The control is left out: no model of the plan has a twin with random weights."))
    caption = f"Filled: trained; open: the same shape with random weights, at {study.reference}."
    both = _pair(study, lambda score: control_plot(study, score, colours))
    return join(title, captioned("What training adds.", caption, both))


def both_scores(study: Study, colours: Colours) -> Markup:
    """Temporal against alignment score, and what was published beside what was found."""
    plot, published = both_scores_plot(study, colours), published_table(study)
    if plot is None:
        left = _left_out(f"No plot: fewer than two models have a temporal score at {study.reference}.")
    else:
        caption = "Aligning well and aligning in order are two things; a dot for each model."
        left = captioned("Temporal against alignment score.", caption, plot)
    if published is None:
        right = _left_out("None of the numbers published in arXiv 2512.01591 has a counterpart in this plan.")
    else:
        caption = f"arXiv 2512.01591 and this sweep, pooled, at {study.reference} where no context is named."
        if not study.plan.paper:
            caption += " The plan does not set paper = true: its settings differ, so compare with care."
        right = captioned("Published and found.", caption, published)
    return join(
        tag("h2", "The two scores together, and the published numbers"),
        tag("div", tag("div", left), tag("div", right), class_="grid2"),
    )


def growth(study: Study) -> Markup:
    title, drawn = tag("h2", "Growth"), growth_table(study)
    if drawn is None:
        return join(title, _left_out("No growth is shown: it needs three sizes or three contexts with a score."))
    caption = (
        "The rise of a score for every tenfold of parameters or words, fitted to pooled scores. The interval is "
        "of the words alone: how precisely these very models are known, not how others would lie."
    )
    return join(title, tag("div", drawn, class_="panel long"), _left_out(caption))


def details(study: Study) -> Markup:
    work = work_table(study)
    return join(
        tag("h2", "Every job"),
        tag("div", job_table(study), class_="panel long"),
        join(tag("h2", "What was computed, and what was shared"), tag("div", work, class_="panel")) if work else None,
    )


def _pair(study: Study, plot: Callable[[Score], Markup | None]) -> Markup:
    """A figure for each score; an empty one is replaced by a sentence that says why."""
    drawn = {}
    for score in SCORES:
        shown = any(entry.score(score) is not None for entry in study.pooled)
        drawn[score] = plot(score) if shown else None
    figures = [tag("div", figure, class_="scroll") for figure in drawn.values() if figure]
    empty = [_left_out(EMPTY[score], "gone inside") for score, figure in drawn.items() if not figure]
    return tag("div", [*figures, *empty], class_="grid2")


def _key(study: Study, colours: Colours) -> Markup:
    return colours.key(any(not e.condition.trained for e in study.pooled))


def _left_out(reason: str, css: str = "gone") -> Markup:
    return tag("p", reason, class_=css)
