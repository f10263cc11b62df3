"""The sections of the report, from the headline to the recipe."""

from __future__ import annotations

import numpy as np

from rtalign.core.text.time_format import decimal_duration, position_time
from rtalign.report.figures.curves import all_curves, layer_panel, normalised_curves
from rtalign.report.figures.fits import MOST, alpha_layers, alpha_panel, variance
from rtalign.report.figures.heads import heads
from rtalign.report.figures.ladder import ladder
from rtalign.report.figures.lag_map import lag_map, statistic_map
from rtalign.report.figures.svg import panels
from rtalign.report.html import Markup, join, prose, tag
from rtalign.report.read import Results
from rtalign.report.sections.breakdown import thirds
from rtalign.report.sections.provenance import WHOLE_CONTENT, recipe_of
from rtalign.report.tables import Cell, facts, layer_table, rule_table, table
from rtalign.report.text import clears_null, headline, known, model_name, power, several, signed, standfirst
from rtalign.report.verdict import verdict
from rtalign.scoring.headline import p_text
from rtalign.scoring.statistics import STATISTICS

MOST_BELOW = 0.1
"""Share of cells below the band from which on the page says so."""
MOST_AT_AN_END = 0.25
"""Share of penalties at one end of the grid from which on the page says so."""

KINDS = {
    "train": "training, cross-validated",
    "evaluate": "evaluation on recordings not seen before",
    "session": "live session",
}


REPLAY = "replay of a recording"


def captioned(title: str, caption: str, *drawn: object, cls: str = "") -> Markup:
    heading = tag("figcaption", tag("b", title), " ", prose(caption))
    return tag("figure", heading, *drawn, class_=cls or None)


def head(results: Results) -> Markup:
    """Origin, headline, and the main numbers."""
    summary, passport = results.summary, results.passport
    kind = REPLAY if summary.replay else KINDS.get(summary.kind, summary.kind)
    kicker = [tag("b", "rtalign"), kind, model_name(results), summary.context]
    kicker += [*_whose(results), passport.created[:10] if passport else ""]
    return tag(
        "header",
        tag("div", [tag("span", part) for part in kicker if part], class_="kicker"),
        tag("h1", headline(results)),
        tag("div", [tag("p", s) for s in [*standfirst(results), verdict(results.summary)] if s], class_="stand"),
        tag("dl", _tiles(results), class_="tiles"),
        _notes(results),
    )


def _whose(results: Results) -> list[str]:
    """The people and their recordings: one by name, several by their number."""
    subjects, names = results.subjects, [str(entry.get("name", "")) for entry in results.recordings]
    people = f"subject {subjects[0]}" if len(subjects) == 1 else several(len(subjects), "subject") if subjects else ""
    return [people, names[0] if len(names) == 1 else several(len(names), "recording") if names else ""]


def _tiles(results: Results) -> list[Markup]:
    summary, score = results.summary, results.summary.temporal_score
    best = summary.alignment_score
    skipped = sum(summary.skipped.values())
    tiles = [("layers with a peak", f"{len(results.peaked)} of {len(summary.layers)}", _range(results))]
    if score is not None and known(score.r):
        interval = f"{signed(score.ci[0])} to {signed(score.ci[1])}, " if score.ci else ""
        interval += p_text(score)
        ends = score.slope_ci_ms
        slope = f"{signed(ends[0], 0)} to {signed(ends[1], 0)} ms" if ends else ""
        tiles.append(("depth-latency r", signed(score.r), interval))
        tiles.append(("first to last layer", f"{signed(score.slope_ms, 0, plus=True)} ms", slope))
    else:
        why = "trained on these words" if summary.overlap_warning else "too few peaks"
        tiles.append(("depth-latency r", "none", why))
    where = "not above chance" if best is None or not clears_null(results) else f"best in layer {best.best_layer}"
    tiles.append(("decoding R, alignment score", signed(best.best if best else None, 3), where))
    tiles.append(("words scored", f"{summary.n_words:,}", f"{skipped:,} left out"))
    return [
        tag("div", tag("dt", name), tag("dd", big, class_="big"), tag("dd", sub, class_="sub"), class_="tile")
        for name, big, sub in tiles
    ]


def _range(results: Results) -> str:
    peaks = [layer.peak_s for layer in results.peaked if layer.peak_s is not None]
    return f"{min(peaks) * 1000:.0f} to {max(peaks) * 1000:.0f} ms" if peaks else "none above chance"


def _notes(results: Results) -> list[Markup]:
    """What a reader must know before using a number."""
    recipe, notes = recipe_of(results), []
    if results.summary.training_overlap.get("text"):
        overlap = str(results.summary.training_overlap["text"])
        notes.append(overlap[:1].upper() + overlap[1:] + ".")
    if recipe and recipe.fit.fold_kind == "legacy":
        notes.append(
            "Folds were shuffled (legacy). Neighbouring words share signal, so R is biased upwards: do not "
            "compare it with other results."
        )
    if recipe and recipe.chain.phase == "zero":
        notes.append("The filter has zero phase: it used the future of the signal, and these decoders cannot run live.")
    notes += [note for note in (_negative(results), _at_the_end(results)) if note]
    warned = [tag("p", tag("b", "Note: "), note, class_="note warn") for note in notes]
    text = results.summary.notes
    if text:
        warned.append(tag("div", tag("b", "Notes"), tag("ul", [tag("li", note) for note in text]), class_="note"))
    return warned


def _negative(results: Results) -> str:
    """That R lies below its band at more cells than chance explains."""
    if results.null_lo is None:
        return ""
    share = float(np.mean(results.r < results.null_lo))
    if share < MOST_BELOW:
        return ""
    return (
        f"At {100 * share:.0f} % of cells R lies below the band of chance, where 2.5 % are expected. Held-out words "
        "then differ from training words: slow drifts, runs of another kind, or too few words. Negative R says nothing "
        "about the brain."
    )


def _at_the_end(results: Results) -> str:
    """That many penalties are the largest or the smallest that were tried."""
    recipe = recipe_of(results)
    if recipe is None or results.alphas is None:
        return ""
    grid = np.asarray(recipe.fit.alphas)
    for end, side in ((grid.min(), "smallest"), (grid.max(), "largest")):
        share = float(np.mean(np.isclose(results.alphas, end)))
        if share > MOST_AT_AN_END:
            meaning = (
                "a component that cannot be decoded takes it" if side == "largest" else "less might be better still"
            )
            return f"{100 * share:.0f} % of penalties are the {side} that was tried, {power(float(end))}: {meaning}."
    return ""


def stretches(results: Results) -> Markup | None:
    """R of each stretch of the session: whether one of them carries the result."""
    summary = results.summary
    parts = [part for part in summary.stretches if len(part.r) == len(summary.layers)]
    if not parts:
        return None
    groups = thirds(results)
    rows: list[list[Cell]] = []
    for part in parts:
        r = np.array(part.r, float)
        (begin, start), (end, stop) = part.begin, part.end
        until = position_time(stop) if begin == end else f"{end}, {position_time(stop)}"
        where = f"{begin}, {position_time(start)} to {until}"
        rows.append(
            [(where, "l wrap"), (f"{part.n_words:,}", ""), *((signed(float(r[t].mean()), 3), "") for _, t in groups)]
        )
    caption = (
        "R of held-out words of each stretch, at the lag where R of all words is highest; decoders learn on the rest."
    )
    head: list[Cell] = [("stretch", "l"), ("words", ""), *((f"R, {name}", "") for name, _ in groups)]
    return join(
        tag("h2", "Where in the session"), tag("p", caption), tag("div", table(head, rows), class_="panel long")
    )


def latencies(results: Results) -> Markup:
    """The ladder and the map, row for row."""
    planted = ", beside the latency planted in this simulation" if results.summary.planted else ""
    left = (
        f"each layer\u2019s peak latency with its 95 % interval{planted}"
        if results.peaked
        else "no layer has a peak to place"
    )
    caption = f"Left, {left}. Right, R for each layer and lag on the same rows" + (
        "; ticks repeat the peaks." if results.peaked else "."
    )
    if results.summary.planted:
        caption += (
            " Diamonds are what was planted in what each layer adds to the layers below; a peak is of all that a layer "
            "holds, most of it shared, so peaks lie closer together than diamonds and need not meet them."
        )
    if len(results.peaked) < len(results.summary.layers):
        caption += " Hollow rings are layers whose peak is refused; their horizontal place has no meaning."
    drawn = tag(
        "div",
        tag("div", ladder(results), class_="scroll"),
        tag("div", lag_map(results), class_="scroll"),
        class_="pair",
    )
    note = tag("p", tag("b", "How to read a latency. "), prose(WHOLE_CONTENT), class_="note")
    return join(
        tag("h2", "When each layer lines up"),
        captioned("Peak latency and R by layer.", caption, drawn, cls="long"),
        note,
    )


def curves(results: Results) -> Markup:
    """R over lag, together and one by one."""
    has_null = results.null_hi is not None
    band = "grey: 95 % of chance at each lag" if has_null else "no band of chance was written for this folder"
    caption = "Dark is shallow, bright is deep; " + band + (", the widest of all layers." if has_null else ".")
    normal = normalised_curves(results)
    if normal:
        caption += " Right, each curve by its maximum; the published T_max is the mean of lags above the dotted line."
        both = tag("div", _scroll(all_curves(results)), _scroll(normal), class_="pair turned")
    else:
        both = tag("div", all_curves(results, 1080), class_="one scroll")
    grid, width = panels(len(results.r))
    small = tag("div", [layer_panel(results, i, width) for i in range(len(results.r))], class_=grid)
    single = f"R against lag in ms; {band}" + ("; blue: the peak and its 95 % interval." if results.peaked else ".")
    return join(
        tag("h2", "R over lag"),
        captioned("All layers.", caption, both, cls="long"),
        captioned("One by one.", single, small, cls=_breaks(len(results.r))),
    )


def _breaks(n: int) -> str:
    """Whether a figure of so many panels may run over a page's end."""
    return "long" if n > 12 else ""


def _scroll(drawing: Markup) -> Markup:
    return tag("div", drawing, class_="scroll")


def statistics(results: Results) -> Markup | None:
    """Maps of what stands beside R; None in a folder that holds nothing of it."""
    shown = [statistic for statistic in STATISTICS if statistic.name in results.statistics]
    if not shown:
        return None
    figures = [
        captioned(f"{s.title}.", f"{s.meaning} Ticks repeat the peaks of R.",
                  tag("div", statistic_map(results, s), class_="one scroll"))
        for s in shown
    ]  # fmt: skip
    return join(tag("h2", "Beside R"), figures)


def topographies(results: Results) -> Markup:
    """Forward patterns over the head, or why there are none."""
    drawn = list(heads(results))
    title = tag("h2", "Where in the helmet")
    if not drawn:
        why = "this folder holds no patterns that fit its passport"
        if results.patterns is not None:
            why = "the sensor positions span no head, or the patterns hold values that are not numbers"
        return join(title, tag("p", f"Topographies are left out: {why}.", class_="gone"))
    caption = (
        "Haufe\u2019s forward pattern: how strongly the signal varies with what is decoded, root mean square over the "
        "layer\u2019s components, per standard deviation: a magnitude, no sign. Nose up; one colour scale for all."
    )
    planar = " Each place shows the length of its gradient (root sum of squares of the pair)."
    figures = [
        captioned(f"Forward patterns, {kind}.", caption + (planar if kind.startswith("planar") else ""),
                  tag("div", drawing, class_="one scroll"))
        for kind, drawing in drawn
    ]  # fmt: skip
    return join(title, figures)


def layers(results: Results) -> Markup:
    """The table of all layers, and the score under other rules."""
    text = (
        "The centroid and the half of the area are read off curves without the noise of the decoders, the others off R "
        "as it is; half of the words shows how much noise changes the ladder. Chance R is what a maximum must pass. A "
        "refused peak has no latency under any rule."
    )
    rules = rule_table(results)
    other = tag("div", tag("h3", "Temporal score under other rules"), rules, class_="panel") if rules else None
    return join(
        tag("h2", "Every layer"),
        tag("div", layer_table(results), class_="panel long"),
        tag("div", other, tag("p", text, class_="gone"), class_="cols"),
    )


def fit(results: Results) -> Markup | None:
    """Penalties and components."""
    parts: list[Markup] = []
    if results.alphas is not None:
        chosen = alpha_layers(results)
        caption = "Ridge penalty chosen for each component, over lag in ms: median, middle half, range over components."
        if len(chosen) < len(results.summary.layers):
            caption += f" {MOST} of {len(results.summary.layers)} layers, evenly spread."
        grid, width = panels(len(chosen))
        small = tag("div", [alpha_panel(results, i, width) for i in chosen], class_=grid)
        parts.append(captioned("Penalties.", caption, small, cls=_breaks(len(chosen))))
    kept = variance(results)
    caption = "Share of each layer\u2019s variance over words that its principal components keep."
    beside = [captioned("Components.", caption, kept)] if kept else []
    beside += [part for part in [_cost(results)] if part]
    if not parts and not beside:
        return None
    title = "How the decoders were fitted" if parts or kept else "Time and memory"
    return join(tag("h2", title), parts, tag("div", beside, class_="cols"))


def _cost(results: Results) -> Markup | None:
    """Time and memory."""
    seconds = {name: value for name, value in results.summary.seconds.items() if value is not None}
    cost = [(name, decimal_duration(value)) for name, value in seconds.items() if name != "total"]
    cost += [("total", decimal_duration(seconds["total"]))] if "total" in seconds else []
    peak = results.summary.peak_rss_mb
    cost += (
        [("memory at most", f"{peak:,.0f} MB" if peak < 2000 else f"{peak / 1000:.1f} GB")] if peak is not None else []
    )
    return tag("div", tag("h3", "Time and memory"), facts(cost), class_="panel") if cost else None


def operator_annotations(results: Results) -> Markup | None:
    """What the operator wrote during the session; nothing where there is nothing."""
    written = results.summary.annotations
    if not written:
        return None
    rows: list[list[Cell]] = [
        [(one.clock or position_time(one.time), "l"), (one.text or "bookmark", "l")] for one in written
    ]
    lead = tag("p", "Written by the operator, with the time of day or, of a recording, the time from its start.")
    return join(tag("h2", "Annotations"), lead, tag("div", table([("time", "l"), ("text", "l")], rows), class_="panel"))
