"""Recipe: every setting that changes a number, saved in each bank and read back from there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from rtalign.core.storage.json_toml import parse_toml


class Settings(BaseModel):
    """A frozen group of settings; unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ChainRecipe(Settings):
    """How the raw signal becomes the signal that is decoded."""

    highpass_hz: float = Field(
        0.1,
        ge=0,
        le=2,
        description="High-pass corner, first order: -3 dB there where causal; at zero phase, which filters twice, "
        "-6 dB there and -3 dB at 1.55 times as much. 0 switches it off.",
    )
    lowpass_hz: float = Field(
        20.0, gt=1, le=40, description="Upper edge of the pass band: waves up to here pass unchanged."
    )
    lowpass_stop_hz: float = Field(
        0.0,
        ge=0,
        le=49,
        description="From here on nothing passes (-70 dB); between the two edges the gain falls, to a half in the "
        "middle. 0: as gently as mains and decimation allow, from 20 to 49 Hz, where 25 Hz still pass at 0.96, 30 Hz "
        "at 0.79 and 40 Hz at 0.16; that delays least.",
    )
    min_rate_hz: float = Field(
        100.0, ge=50, le=200, description="The signal is decimated by a whole number to the lowest rate not below this."
    )
    phase: Literal["causal", "zero"] = Field(
        "causal", description="Causal can run live; zero uses the future of the signal and can only be used offline."
    )

    spatial: Literal["none", "ssp", "sss", "tsss"] = Field(
        "none",
        description="A matrix over sensors, the same offline and live, kept in the bank: ssp takes out the projectors "
        "that the recordings carry; sss is MNE's Maxwell filter for one head position, without tSSS, calibration "
        "and crosstalk.",
    )

    @model_validator(mode="after")
    def _one_matrix(self) -> ChainRecipe:
        if self.spatial == "tsss":
            raise ValueError(
                "spatial: tSSS takes out what inside and outside have in common over the next ten seconds, so it is no "
                "matrix and cannot run live - use sss; or apply tSSS with MNE, and use such banks offline alone"
            )
        return self

    @model_validator(mode="after")
    def _falling(self) -> ChainRecipe:
        if self.lowpass_stop_hz and self.lowpass_stop_hz < self.lowpass_hz + 1:
            raise ValueError(
                f"the low-pass falls from {self.lowpass_hz:g} Hz to {self.lowpass_stop_hz:g} Hz; it needs 1 Hz at least"
            )
        return self


class LagRecipe(Settings):
    """The times after a word's onset at which the brain is read."""

    start_s: float = Field(-0.5, ge=-10, le=10, description="First lag.")
    stop_s: float = Field(1.5, ge=-10, le=10, description="Last lag, included when a whole number of steps reaches it.")
    step_s: float = Field(0.02, ge=0.001, le=1, description="Distance between two lags.")

    @model_validator(mode="after")
    def _ordered(self) -> LagRecipe:
        if self.stop_s < self.start_s:
            raise ValueError(f"lags run from {self.start_s} s to {self.stop_s} s; the last must not precede the first")
        return self

    @property
    def seconds(self) -> np.ndarray:
        """(lag,) in seconds."""
        n = int(np.floor((self.stop_s - self.start_s) / self.step_s + 1e-6)) + 1
        return np.round(self.start_s + self.step_s * np.arange(n), 9)


CONTEXT = re.compile(r"(growing|window):(\d{1,6})")


def _check_context(text: str) -> str:
    match = CONTEXT.fullmatch(text)
    if not match:
        raise ValueError(f"context {text!r} is not growing:N or window:K, N and K whole numbers of words")
    if match[1] == "growing" and int(match[2]) < 2:
        raise ValueError("growing contexts hold at least 2 words; window:0 gives a word no context")
    return text


def _check_layers(text: str) -> str:
    if text == "all" or re.fullmatch(r"\d+(,\d+)*", text):
        return text
    raise ValueError(f"layers {text!r}: say all, how many (9), or which (0,4,8 - a single one with a comma: 4,4)")


class LanguageRecipe(Settings):
    """How the words become activations."""

    context: Annotated[str, AfterValidator(_check_context)] = Field(
        "growing:1000",
        description="growing:N keeps up to N words and, when full, continues from the newest of them (kept_share); "
        "window:K re-reads each word after exactly its K previous words.",
    )
    kept_share: float = Field(
        0.5,
        ge=0.05,
        le=0.5,
        description="Part of a full growing context that the next one begins with: 0.5 reads every word twice, 0.25 "
        "one and a third times.",
    )
    bos: bool = Field(True, description="Begin every context with the model's beginning-of-text token, if it has one.")
    tokens: Literal["mean", "last", "first"] = Field(
        "mean",
        description="How the tokens of one word become one activation: their mean, or the last or first of them.",
    )
    punctuation: Literal["out", "in", "strip"] = Field(
        "out",
        description="Tokens without a letter, digit or spoken sign, as the comma of 'sea,': out, the model reads them, "
        "and they are left out of the word's activation and surprisal; in, they count; strip, punctuation and quotes "
        "around a word are taken off before the model reads it.",
    )
    capitals: Literal["keep", "lower"] = Field(
        "keep",
        description="keep reads words as they are written, but a table that is all in capitals in lower case; lower "
        "reads every word in lower case, as a live sender of capitals needs it.",
    )
    separator: Literal["space", "none"] = Field(
        "space",
        description="What stands between two words: a space, or none for languages written without spaces, whose words "
        "are then cut into tokens each by itself.",
    )
    numbers: Literal["keep", "words"] = Field(
        "keep",
        description="keep reads numbers as they are written; words spells them as they are read aloud in English, 42 "
        "as forty-two and 1923 as nineteen twenty-three.",
    )
    layers: Annotated[str, AfterValidator(_check_layers)] = Field(
        "9", description="all; a number of layers between 10 % and 90 % of depth; or a list of hidden-state indices."
    )
    precision: Literal["float32", "bfloat16", "int8"] = Field(
        "float32",
        description="Precision of the model's weights: float32; bfloat16, half the memory; "
        "int8 for the matrices of its layers, a quarter.",
    )
    components: int = Field(
        50, ge=0, le=4096, description="Principal components kept per layer; 0 keeps all dimensions."
    )

    @property
    def context_kind(self) -> str:
        """growing or window."""
        return self.context.split(":")[0]

    @property
    def context_words(self) -> int:
        """How many words a context holds."""
        return int(self.context.split(":")[1])

    @property
    def kept_words(self) -> int:
        """How many words of a full growing context the next one begins with."""
        return max(int(self.context_words * self.kept_share), 1)

    @property
    def reading(self) -> dict[str, str]:
        """How words are read, by name, as passports state it."""
        return {
            name: getattr(self, name)
            for name in ("context", "tokens", "punctuation", "capitals", "separator", "numbers")
        }

    def layer_indices(self, n_layers: int) -> list[int]:
        """The hidden states used; 0 is the embedding, n_layers - 1 the last."""
        if self.layers == "all":
            return list(range(n_layers))
        numbers = [int(part) for part in self.layers.split(",")]
        if len(numbers) == 1:
            spaced = np.linspace(0.1, 0.9, numbers[0]) if numbers[0] > 1 else np.array([0.5])
            chosen = np.floor(spaced * (n_layers - 1) + 0.5).astype(int).tolist()
        else:
            chosen = numbers
        if max(chosen) >= n_layers:
            raise ValueError(f"layer {max(chosen)} was asked for; this model has hidden states 0 to {n_layers - 1}")
        return sorted(set(chosen))


class WordRecipe(Settings):
    """Which words are decoded.  The language model always reads all of them."""

    which: Literal["all", "content"] = Field("all", description="All words, or nouns, verbs, adjectives and adverbs.")
    tagger: str = Field(
        "en_core_web_sm",
        description="What finds content words where words bring no part of speech: a spaCy pipeline; or a list of "
        "function words, list:en, list:fr, list:de or list:nl, whose every other word is a content word.",
    )


class FitRecipe(Settings):
    """How the decoders are fitted and tested."""

    alphas: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(
        tuple(float(a) for a in np.logspace(-4, 8, 13)),
        min_length=1,
        max_length=1000,
        description="Ridge penalties tried for each target dimension.",
    )
    penalties: Literal["shared", "lag"] = Field(
        "shared",
        description="shared chooses one penalty for all lags of a target; lag chooses anew at each lag, as the paper "
        "does, which makes weak answers weaker.",
    )
    folds: int = Field(5, ge=3, le=20, description="Parts of the words that are held out in turn.")
    fold_kind: Literal["contiguous", "legacy"] = Field(
        "contiguous",
        description="contiguous keeps neighbours together, with a gap of one epoch between folds; "
        "legacy shuffles words as older studies did, which makes scores too high.",
    )
    precision: Literal["float32", "float64"] = Field("float32", description="Arithmetic of the sums over words.")
    null_draws: int = Field(
        1000, ge=20, le=20000, description="Draws of a recording of nothing, for what chance reaches."
    )
    block_words: int = Field(
        30,
        ge=10,
        le=1000,
        description="Neighbouring words that are left out together for an interval; more where there are many words.",
    )
    peak: Literal["centroid", "half area", "published", "contiguous", "maximum"] = Field(
        "centroid",
        description="How a latency is read off a curve: centroid of what stands above half the maximum; half area of "
        "the same; published, the mean of all lags at 95 % of the maximum or more; contiguous, those around the "
        "maximum alone; maximum.",
    )
    seed: int = Field(0, ge=0, description="Seed of the null draws and the legacy folds.")

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, values: Any) -> Any:
        """Banks of before hold a setting that has no use any more."""
        return {k: v for k, v in values.items() if k != "boot_draws"} if isinstance(values, dict) else values


class Recipe(Settings):
    """Every setting that changes a number, in five groups; each field is described in its own sentence.

    Attributes
    ----------
    chain : ChainRecipe
        How the raw signal becomes the signal that is decoded.
    lags : LagRecipe
        The times after a word's onset.
    language : LanguageRecipe
        How words become activations.
    words : WordRecipe
        Which words are decoded.
    fit : FitRecipe
        How decoders are fitted and tested.

    Examples
    --------
    >>> recipe = Recipe.preset("live").with_settings("fit", folds=3)
    >>> recipe.fit.folds
    3
    """

    chain: ChainRecipe = ChainRecipe()
    lags: LagRecipe = LagRecipe()
    language: LanguageRecipe = LanguageRecipe()
    words: WordRecipe = WordRecipe()
    fit: FitRecipe = FitRecipe()

    @classmethod
    def preset(cls, name: str) -> Recipe:
        """A named recipe: live is causal and can run during the story; paper is that of arXiv 2512.01591, offline."""
        if name == "live":
            return cls()
        if name == "paper":
            return cls(
                chain=ChainRecipe(phase="zero", lowpass_stop_hz=25.0),
                lags=LagRecipe(start_s=-2.5, stop_s=3.0 - 1 / 30, step_s=1 / 30),
                language=LanguageRecipe(context="window:50"),
                words=WordRecipe(which="content"),
                fit=FitRecipe(penalties="lag", peak="published"),
            )
        raise ValueError(f"no preset is called {name!r}; there are live and paper")

    def to_toml(self) -> str:
        """The recipe as a file that a person can read and edit, each setting below its description."""
        lines = []
        for group_name, group_field in type(self).model_fields.items():
            group = getattr(self, group_name)
            lines += [f"[{group_name}]", f"# {type(group).__doc__}"]
            del group_field
            for name, field in type(group).model_fields.items():
                lines += [f"# {field.description}", f"{name} = {_toml(getattr(group, name))}"]
            lines.append("")
        return "\n".join(lines)

    @classmethod
    def from_toml(cls, text: str, base: Recipe | None = None) -> Recipe:
        """A recipe from TOML, the settings that it leaves out from base; ValueError, in one line, if it is wrong."""
        values = (base or cls()).model_dump()
        try:
            for group, settings in parse_toml(text, "the recipe").items():
                if not isinstance(settings, dict):
                    raise ValueError(f"{group!r} is outside a section; sections are {', '.join(values)}")
                values[group] = {**values.get(group, {}), **settings}
            return cls.model_validate(values)
        except ValidationError as error:
            raise ValueError(validation_text(error, model=cls)) from None

    @classmethod
    def from_saved(cls, text: str) -> Recipe:
        """A recipe that was saved with results; a setting that it does not know yet has the meaning of its time."""
        base = cls()
        for group, settings in EARLIER.items():
            base = base.with_settings(group, **settings)
        return cls.from_toml(text, base)

    @classmethod
    def load(cls, path: Path, base: Recipe | None = None) -> Recipe:
        """A recipe from a TOML file."""
        return cls.from_toml(path.read_text(encoding="utf-8"), base)

    def with_settings(self, group: str, **changes: Any) -> Recipe:
        """A copy with some settings of one group changed, validated as if read from a file."""
        values = self.model_dump()
        values[group] |= changes
        try:
            return Recipe.model_validate(values)
        except ValidationError as error:
            raise ValueError(validation_text(error)) from None

    def fingerprint(self, *groups: str) -> str:
        """A hash of some groups of settings, or of all."""
        chosen = self.model_dump_json(include=set(groups) or None)
        return hashlib.sha256(chosen.encode()).hexdigest()[:16]


EARLIER: dict[str, dict[str, Any]] = {
    "language": {"punctuation": "in"},
    "fit": {"penalties": "lag", "peak": "contiguous"},
}
"""Settings that came later and whose default is not what was done before, with what was done before."""


def validation_text(error: ValidationError, source: str = "recipe", model: type[BaseModel] | None = None) -> str:
    """A validation error in one line: where it is, what is wrong, and what was given.

    model : the settings, whose names are suggested where an unknown one is close to one of them.
    """
    errors = error.errors()  # an unknown name before what is missing for it
    first = next((entry for entry in errors if entry["type"] == "extra_forbidden"), errors[0])
    where = ".".join(str(part) for part in first["loc"])
    text = error_text(first)
    if first["type"] == "extra_forbidden" and model is not None:
        text += _suggestion(first["loc"], model)
    place = ", ".join(part for part in (source, where) if part)
    return f"{place}: {text}" if place else text


WRONG_KINDS = {
    "int": "a whole number", "float": "a number", "finite": "a finite number", "string": "text",
    "bool": "true or false", "tuple": "a list", "list": "a list", "model": "a table of settings",
    "dict": "a table", "path": "a path",
}  # fmt: skip
BOUNDS = {
    "greater_than": ("gt", "above"), "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"), "less_than_equal": ("le", "at most"),
}  # fmt: skip


def error_text(error: Any) -> str:
    """One entry of a validation error in the words of this program: what must be, and what was given."""
    kind, given, limits = error["type"], repr(error["input"])[:80], error.get("ctx", {})
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return "there is no such setting"
    if kind == "missing":
        return "it must be given"
    if kind in BOUNDS:
        key, words = BOUNDS[kind]
        bound = limits[key]
        return f"it must be {words} {f'{bound:g}' if isinstance(bound, float) else bound}, not {given}"
    if kind == "literal_error":
        return f"it must be {str(limits['expected']).replace(chr(39), '')}, not {given}"
    if kind == "too_short":
        return f"it must have at least {limits['min_length']} entries, not {limits['actual_length']}"
    if kind == "too_long":
        return f"it must have at most {limits['max_length']} entries"
    if kind == "string_too_short":
        return "it must not be empty"
    if wanted := WRONG_KINDS.get(kind.split("_")[0]):
        return f"it must be {wanted}, not {given}"
    return f"{error['msg']}, not {given}"


def _suggestion(place: Sequence[Any], model: type[BaseModel]) -> str:
    """The setting of that place whose name is closest, if one is close."""
    names: Any = model.model_fields
    for part in place[:-1]:
        if isinstance(part, str) and part in names:
            inner = names[part].annotation
            inner = next((a for a in get_args(inner) if isinstance(a, type)), inner)
            names = getattr(inner, "model_fields", {})
    close = get_close_matches(str(place[-1]), list(names), n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}" if names else ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return repr(value)
