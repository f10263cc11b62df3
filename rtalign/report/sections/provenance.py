"""The sections on where the numbers come from: method, data, passport, recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rtalign.core.recipe import Recipe
from rtalign.core.text.time_format import decimal_duration
from rtalign.report.html import Markup, join, prose, tag
from rtalign.report.read import Passport, Results
from rtalign.report.tables import Cell, facts, skipped_table, table, value_text
from rtalign.report.text import milliseconds, model_name, null_method, power, several
from rtalign.scoring.findings import INTERVALS, THESE_DECODERS
from rtalign.scoring.latency import LEVEL
from rtalign.scoring.nulls import LAYER_FALSE_ALARMS, MAP_FALSE_ALARMS

WHOLE_CONTENT = (
    "A peak latency is a property of a layer\u2019s whole content. Layers share most of their information, so their "
    "latencies are pulled together: it is not the latency of what a layer adds to the layers below it, and the spread "
    "seen here is likely narrower than that of what each layer adds."
)


def recipe_of(results: Results) -> Recipe | None:
    """The recipe, where the folder has one that this version understands."""
    try:
        return Recipe.from_saved(results.recipe) if results.recipe else None
    except ValueError:
        return None


def paragraphs(results: Results) -> list[str]:
    """Signal and words, then fit and scores, then what the statistics mean."""
    recipe = recipe_of(results)
    texts = [_data(results, recipe), _fit(results, recipe)] if recipe else []
    return [*texts, _peaks(results.summary.peak_rule), _chance(results, recipe)]


def _data(results: Results, recipe: Recipe) -> str:
    lags, language = results.lags, recipe.language
    sensors = several(len(results.passport.sensors), "sensor") if results.passport else "the sensors"
    kept = f"{language.components} principal components a layer" if language.components else "every dimension"
    which = "every word" if recipe.words.which == "all" else "every content word"
    tokens = "their mean" if language.tokens == "mean" else f"the {language.tokens} of them"
    return (
        f"The signal of {sensors} was filtered {_filter(results, recipe)}, and read at {len(lags)} lags from "
        f"{milliseconds(float(lags[0]))} to {milliseconds(float(lags[-1]))} ms around the onset of {which}, by "
        f"interpolation at the exact time. {model_name(results)} read the words in order, each with "
        f"{_context(recipe)}; the activations of a word\u2019s tokens ({tokens}{_unspoken(recipe)}) were reduced to "
        f"{kept}, fitted on training words only.{_capitals(recipe)}"
    )


def _unspoken(recipe: Recipe) -> str:
    """What became of tokens of punctuation."""
    match recipe.language.punctuation:
        case "out":
            return "; tokens of punctuation alone were read and left out"
        case "strip":
            return "; punctuation around words was taken off before the model read them"
        case _:
            return "; tokens of punctuation, as the comma of \u201csea,\u201d, counted too"


def _capitals(recipe: Recipe) -> str:
    lower = " Every word was read in lower case." if recipe.language.capitals == "lower" else ""
    lower += " Numbers were spelled as they are read aloud in English." if recipe.language.numbers == "words" else ""
    return lower + (" No space stood between two words." if recipe.language.separator == "none" else "")


def _filter(results: Results, recipe: Recipe) -> str:
    """The filters by what they do: from where to where a wave passes, and where it has gone."""
    chain, made = recipe.chain, results.passport.chain if results.passport else {}
    band = f"with a pass band up to {chain.lowpass_hz:g} Hz"
    low, high, stop = (made.get(name) for name in ("minus_3db_low_hz", "minus_3db_high_hz", "stop_hz"))
    if isinstance(high, (int, float)) and isinstance(stop, (int, float)):
        band += f" (\u22123 dB at {high:g} Hz, nothing from {stop:g} Hz on)"
    if chain.highpass_hz:
        at = low if isinstance(low, (int, float)) and low else chain.highpass_hz
        band += f" and a high-pass (\u22123 dB at {at:.2g} Hz)"
    band += _spatial(made.get("spatial"))
    causal = "by a causal chain whose delay is known and removed"
    return f"{band}, {causal if chain.phase == 'causal' else 'with zero phase, which can only be done offline'}"


def _spatial(made: Any) -> str:
    """What the matrix over sensors does; nothing where there is none."""
    if not isinstance(made, Mapping):
        return ""
    left = f"{made.get('rank')} of {made.get('sensors')} dimensions are left"
    names = {"ssp": "signal space projection (SSP)", "sss": "signal space separation (SSS, one position of the head)"}
    return f", then {names.get(str(made.get('kind')), 'a matrix over sensors')}: {left}"


def _context(recipe: Recipe) -> str:
    n, kept = recipe.language.context_words, f"{recipe.language.kept_words:,}"
    if recipe.language.context_kind == "growing":
        return f"a context that grows to {several(n, 'word')} and then goes on from its newest {kept}"
    return f"exactly the {several(n, 'word')} before it as context" if n else "no context"


def _fit(results: Results, recipe: Recipe) -> str:
    alphas = recipe.fit.alphas
    penalty = f"{len(alphas)} values from {power(min(alphas))} to {power(max(alphas))}"
    score = "R(layer, lag) is Pearson\u2019s correlation of predicted and true components"
    if results.summary.kind == "evaluate":
        return (
            "The decoders are those of the bank: one ridge regression for each lag, which predicts every component "
            f"from all sensors. Nothing was fitted to the words scored here. {score}, averaged over components."
        )
    folds = f"{recipe.fit.folds} contiguous folds of words, neighbours held out together with a gap between"
    if recipe.fit.fold_kind == "legacy":
        folds = f"{recipe.fit.folds} shuffled folds (legacy), which leak the slowness of the signal and flatter R"
    return (
        f"At each lag alone, ridge regression predicts every component from all sensors, in {folds}. The penalty was "
        f"chosen for each component among {penalty}, on inner folds. {score} on the words held out, averaged over "
        "components, then over folds."
    )


def _peaks(rule: str) -> str:
    return (
        f"{RULE_TEXTS.get(rule, RULE_TEXTS['contiguous'])} A latency is refused, and shown without a number, where the "
        "maximum does not pass the null, touches an end of the window, does not exceed far lags by its own error, or "
        "has a distant rival. The temporal score is Pearson\u2019s r of latency and relative depth over the layers "
        "with a peak; the slope is the fitted line\u2019s rise from the first layer used to the last, given because a "
        "high r can rest on a few milliseconds."
    )


RULE_TEXTS = {
    "centroid": "The latency is the centre of gravity of what stands above half the maximum of a curve. The curve is "
    "first freed of the noise of the decoders, which narrows it and so lengthens a ladder; how much noise there is, is "
    "read off the loss of R when decoders are fitted to half of the words.",
    "half area": "The latency halves the area above half the maximum of a curve, freed of the noise of the decoders.",
    "published": f"The latency is T_max, the mean of all lags where R reaches {100 * LEVEL:g} % of its maximum.",
    "contiguous": "The latency is the mean of the contiguous lags around the maximum where R reaches "
    f"{100 * LEVEL:g} % of it.",
    "maximum": "The latency is the lag of the maximum, between the lags by a spline.",
}


def _chance(results: Results, recipe: Recipe | None) -> str:
    refitted = ", decoders refitted"
    if results.summary.kind != "train":
        refitted = ", of those scored and of those that the decoders were trained on"
        if results.summary.intervals != INTERVALS[0]:
            refitted = f"; {THESE_DECODERS}"
    return (
        f"{_null(results, recipe)} Grey bands hold 95 % of it at each lag. The maximum of a layer must pass what the "
        f"null\u2019s own maxima over lags exceed in {100 * LAYER_FALSE_ALARMS:g} % of cases; a cell of the map is "
        f"outlined where it passes what {100 * MAP_FALSE_ALARMS:g} % of null maps reach anywhere. Intervals are 95 %, "
        f"from leaving out blocks of neighbouring words one by one{refitted}. Layers are not independent samples, so "
        "the plain t-test finds order too easily; the p against the null keeps the correlation between layers and is "
        "the one to trust."
    )


def _null(results: Results, recipe: Recipe | None) -> str:
    """How the null was drawn."""
    draws = results.summary.null.get("draws") or (recipe.fit.null_draws if recipe else None)
    how_many = f", {int(draws)} times" if isinstance(draws, (int, float)) else ""
    match null_method(results):
        case "mismatched":
            return (
                "The null pairs each word\u2019s prediction with the activations of earlier words, at many fixed "
                "distances, and is scored in the same way."
            )
        case "signs":
            return (
                f"The null gives blocks of neighbouring words random signs{how_many}, the words that decoders are "
                "fitted on and the words they are tested on alike: it is as wide as R on a recording in which nothing "
                "is related."
            )
        case _:
            return f"The null shifts the words against the signal on a circle{how_many}, and is scored in the same way."


NAMES = {
    "minus_3db_low_hz": "\u22123 dB of the high-pass (Hz)",
    "minus_3db_high_hz": "\u22123 dB of the low-pass (Hz)",
    "stop_hz": "stop band from (Hz)",
    "delay_ms": "delay, removed (ms)",
    "taps": "filter length (taps)",
    "rate": "rate after decimation (Hz)",
    "rate_hz": "rate after decimation (Hz)",
    "warmup_s": "warm-up masked (s)",
    "factor": "decimation",
    "phase_error_max_ms": "largest phase error, 2 to 20 Hz (ms)",
    "warmup_left": "share of a step left after the warm-up",
    "n_layers": "hidden states",
    "n_parameters": "parameters",
    "dim": "dimensions",
    "has_bos": "beginning-of-text token",
    "id": "name",
    "revision": "revision (hash)",
    "tokenizer": "tokenizer (hash)",
    "phase": "filter",
    "tokens": "tokens of a word",
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
    """The method in a few paragraphs."""
    return join(
        tag("h2", "Method"),
        tag("div", [tag("p", prose(paragraph)) for paragraph in paragraphs(results)], class_="prose"),
    )


def data(results: Results) -> Markup:
    """Recordings, and words left out."""
    words = tag("div", tag("h3", "Words, used and left out"), skipped_table(results), class_="panel")
    return join(tag("h2", "Data"), _recordings(results), tag("div", words, class_="cols"))


def _recordings(results: Results) -> Markup | None:
    rows = [_recording(entry) for entry in results.recordings]
    return tag("div", table(COLUMNS, rows), class_="panel long") if rows else None


def _recording(entry: dict[str, object]) -> list[Cell]:
    seconds, rate, notes = entry.get("seconds"), entry.get("sfreq"), entry.get("notes") or []
    return [
        (str(entry.get("name", "")), "wrap"),
        (str(entry.get("subject", "")), "l"),
        (value_text(entry.get("n_words")), ""),
        (decimal_duration(float(seconds)) if isinstance(seconds, (int, float)) else "", ""),
        (f"{rate:g}" if isinstance(rate, (int, float)) else "", ""),
        (tag("code", str(entry.get("fingerprint", ""))[:12]), "l"),
        ("; ".join(map(str, notes)) if isinstance(notes, (list, tuple)) else str(notes), "wrap"),
    ]


def passport(results: Results) -> Markup:
    """What a stream or a recording must agree with before these decoders mean anything on it."""
    made = results.passport
    if made is None:
        gone = "This folder holds no passport.json; nothing more is known about its signal."
        return join(tag("h2", "Passport"), tag("p", gone, class_="gone"))
    kinds = Counter((sensor.kind, sensor.unit) for sensor in made.sensors)
    channels = [(f"{kind} ({unit})" if unit else kind, several(n, "channel")) for (kind, unit), n in kinds.items()]
    boxes = [
        ("Signal", facts([*channels, *_named(made.chain)])),
        ("Language model", facts([*_named(made.model), ("context", results.summary.context)])),
        ("How words are read", facts(_named({k: v for k, v in made.reading.items() if k != "context"}))),
        ("Phase error left by the filter", _phase(made.chain)),
        ("Sensors left out, and faults", _faults(made)),
        ("Made with", facts([("created", made.created), *_named(made.versions)])),
    ]
    shown = [tag("div", tag("h3", title), body, class_="panel") for title, body in boxes if body is not None]
    names = tag("details", tag("summary", "All channel names"), tag("p", " ".join(s.name for s in made.sensors)))
    return join(tag("h2", "Passport"), tag("div", shown, class_="cols"), names if made.sensors else None)


def _named(entries: dict[str, object]) -> list[tuple[str, object]]:
    """Entries of the passport under names a person reads; tables are left out."""
    plain = {key: value for key, value in entries.items() if not isinstance(value, dict)}
    return [(NAMES.get(key, str(key).replace("_", " ")), value_text(value)) for key, value in plain.items()]


def _phase(chain: dict[str, object]) -> Markup | None:
    errors = chain.get("phase_error_ms")
    if not isinstance(errors, dict) or not errors:
        return None
    rows = [[(f"{key} Hz", "l"), (value_text(value), "")] for key, value in errors.items()]
    return table([("frequency", "l"), ("error (ms)", "")], rows)


def _faults(made: Passport) -> Markup | None:
    out = [(fault.name, f"left out: {fault.reason}") for fault in made.sensor_faults if fault.left_out]
    used = [(fault.name, f"used: {fault.reason}") for fault in made.sensor_faults if not fault.left_out]
    return facts([*out, *used]) if out or used else None


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
