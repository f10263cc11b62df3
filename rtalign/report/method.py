"""How the numbers of a report were made, as a paragraph written from its recipe."""

from __future__ import annotations

from rtalign.peaks import FALSE_ALARMS, LEVEL
from rtalign.recipe import Recipe
from rtalign.report.results import Results
from rtalign.report.words import milliseconds, model_name, power, several

WHOLE_CONTENT = (
    "T_max is a property of a layer\u2019s whole content. Layers share most of their information, so their latencies "
    "are pulled together: T_max is not the latency of what a layer adds to the layers below it, and the spread seen "
    "here is likely narrower than that of what each layer adds."
)


def recipe_of(results: Results) -> Recipe | None:
    """The recipe, where the folder has one that this version understands."""
    try:
        return Recipe.from_toml(results.recipe) if results.recipe else None
    except ValueError:
        return None


def paragraphs(results: Results) -> list[str]:
    """Signal and words, then fit and scores, then what the statistics mean."""
    recipe = recipe_of(results)
    said = [_data(results, recipe), _fit(results, recipe)] if recipe else []
    return [*said, _peaks(), _chance(results, recipe)]


def _data(results: Results, recipe: Recipe) -> str:
    lags, language = results.lags, recipe.language
    sensors = several(len(results.passport.sensors), "sensor") if results.passport else "the sensors"
    kept = f"{language.components} principal components a layer" if language.components else "every dimension"
    which = "every word" if recipe.words.which == "all" else "every content word"
    tokens = "their mean" if language.tokens == "mean" else "the last of them"
    return (
        f"The signal of {sensors} was filtered {_filter(recipe)}, and read at {len(lags)} lags from "
        f"{milliseconds(float(lags[0]))} to {milliseconds(float(lags[-1]))} ms around the onset of {which}, by "
        f"interpolation at the exact time. {model_name(results)} read the words in order, each with "
        f"{_context(recipe)}; the activations of a word\u2019s tokens ({tokens}) were reduced to {kept}, fitted on "
        "training words only."
    )


def _filter(recipe: Recipe) -> str:
    chain = recipe.chain
    low, high = f"{chain.highpass_hz:g}", f"{chain.lowpass_hz:g} Hz"
    band = f"from {low} to {high}" if chain.highpass_hz else f"up to {high}"
    causal = "by a causal chain whose delay is known and removed"
    return f"{band} {causal if chain.phase == 'causal' else 'with zero phase, which can only be done offline'}"


def _context(recipe: Recipe) -> str:
    n = recipe.language.context_words
    if recipe.language.context_kind == "growing":
        return f"a context that grows to {several(n, 'word')}"
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


def _peaks() -> str:
    return (
        f"T_max is the mean of the contiguous lags around the maximum where R reaches {100 * LEVEL:g} % of it. It is "
        "refused, and shown without a number, where the maximum does not pass the null, where that region touches an "
        "end of the window, or where a second, distant hump reaches the same level. The temporal score is "
        "Pearson\u2019s r of T_max and relative depth over the layers with a peak; the slope is the fitted line\u2019s "
        "rise from the first layer used to the last, given because a high r can rest on a few milliseconds."
    )


def _chance(results: Results, recipe: Recipe | None) -> str:
    live = results.summary.kind == "session"
    blocks = f"blocks of {recipe.fit.block_words} neighbouring words" if recipe and not live else "blocks of neighbours"
    return (
        f"{_null(results, recipe, live)} and goes through the same scoring: grey "
        "bands hold 95 % of it at each lag, and the maximum of a layer must pass what the null\u2019s own maxima over "
        f"lags exceed in {100 * FALSE_ALARMS:g} % of cases. Intervals are 95 %, from a bootstrap over {blocks}. Layers "
        "are not independent samples, so the plain t-test finds order too easily; the p against the null keeps "
        "the layers\u2019 likeness and is the one to trust."
    )


def _null(results: Results, recipe: Recipe | None, live: bool) -> str:
    """Where the null comes from: a session knows only the words before."""
    if live:
        return (
            "The null pairs each word\u2019s prediction with the activations of earlier words, at many fixed distances,"
        )
    draws = results.summary.null.get("draws") or (recipe.fit.null_draws if recipe else None)
    how_many = f"{int(draws)} times, " if isinstance(draws, (int, float)) else ""
    return f"The null shifts the words against the signal on a circle, {how_many}".rstrip()
