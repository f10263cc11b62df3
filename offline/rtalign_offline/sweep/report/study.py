"""The results of all jobs of a sweep, per person and pooled, with how their scores grow with size and context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtalign.core.storage.json_toml import read_json
from rtalign.core.storage.tensorfile import load_tensors
from rtalign.language import QUARTILES
from rtalign.language.loading import parse_model_name
from rtalign.report.summary import read_summary
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import Findings, assess, correlation
from rtalign.scoring.latency import latency, noise_of_decoders
from rtalign.scoring.left_out import LeftOut
from rtalign_offline.sweep.fit import read_curves
from rtalign_offline.sweep.plan import Plan

POOLED = "pooled"
N_QUARTILES = len(QUARTILES)

Score = Literal["temporal", "alignment"]
"""The two scores by which models are compared."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A model in a context.

    Attributes
    ----------
    model, context : str
        Their names in the plan.
    seed : int
        Of the weights of an untrained model.
    family, architecture : str
        Of the model.
    trained : bool
        False for random weights.
    trained_as : str
        Of an untrained model, the trained one with the same architecture.
    n_parameters : int
        Of the model.
    """

    model: str
    context: str
    seed: int
    family: str
    architecture: str
    trained: bool
    trained_as: str
    n_parameters: int

    @property
    def words(self) -> int:
        """Words that the model sees, the word itself included; in growing contexts, at most."""
        kind, number = self.context.split(":")
        return int(number) + (kind == "window")

    @property
    def context_kind(self) -> str:
        """window or growing."""
        return self.context.split(":")[0]


@dataclass(frozen=True, slots=True, eq=False)
class StudyEntry:
    """The results of one job, or of one condition pooled over all people.

    Attributes
    ----------
    condition : Condition
        The model and its context.
    person : str
        The person's name in the plan, or `POOLED`.
    n_words : int
        Words that were scored.
    curves : Curves
        R(layer, lag) with what is needed to judge it.
    findings : Findings
        Peaks and scores of these curves.
    temporal, alignment : ndarray, shape (block,)
        The two scores without one block of words; NaN without a temporal score.
    quartiles : tuple of StudyEntry
        The same for the words of each quartile of surprisal; empty where they were not scored.
    folder : str
        Name of the folder of the job's own report.
    """

    condition: Condition
    person: str
    n_words: int
    curves: Curves
    findings: Findings
    temporal: np.ndarray
    alignment: np.ndarray
    quartiles: tuple[StudyEntry, ...] = ()
    folder: str = ""

    @property
    def temporal_r(self) -> float | None:
        score = self.findings.temporal
        return None if score is None else score.r

    @property
    def alignment_r(self) -> float:
        return self.findings.alignment.best

    @property
    def n_peaks(self) -> int:
        return sum(peak.peak_s is not None for peak in self.findings.peaks)

    @property
    def exceeds_null(self) -> bool:
        """Whether the R of any layer exceeds the threshold of its null."""
        return any(peak.peak_r > peak.null_r for peak in self.findings.peaks)

    def score(self, score: Score) -> float | None:
        """One of the two scores; None where there is no temporal score."""
        return self.temporal_r if score == "temporal" else self.alignment_r

    def without(self, score: Score) -> np.ndarray:
        """(block,): one of the two scores without one block of words."""
        return self.temporal if score == "temporal" else self.alignment

    def interval(self, score: Score) -> tuple[float | None, float | None]:
        """The 95 % interval of one of the two scores."""
        if score == "alignment":
            return self.curves.left_out.interval(self.alignment_r, self.alignment)
        temporal = self.findings.temporal
        return (temporal.ci if temporal else None) or (None, None)


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """All results of a sweep.

    Attributes
    ----------
    plan : Plan
        What was to be done.
    state : dict
        The content of sweep.json.
    jobs : tuple of StudyEntry
        One for each person and condition.
    pooled : tuple of StudyEntry
        One for each condition; with a single person, that person's.
    """

    plan: Plan
    state: dict[str, Any]
    jobs: tuple[StudyEntry, ...]
    pooled: tuple[StudyEntry, ...]

    @property
    def reference(self) -> str:
        """The context in which models are compared: one that most models were read in.

        Of several, the paper's 50 words, else the longest.
        """
        models = {(e.condition.words, e.condition.context): 0 for e in self.pooled}
        for entry in self.pooled:
            models[entry.condition.words, entry.condition.context] += 1
        most = sorted(words_context for words_context, n in models.items() if n == max(models.values()))
        return "window:50" if "window:50" in {context for _, context in most} else most[-1][1]

    def at(self, context: str) -> list[StudyEntry]:
        """Pooled entries of one context, smallest model first."""
        entries = [e for e in self.pooled if e.condition.context == context]
        return sorted(entries, key=lambda e: (e.condition.n_parameters, e.condition.model, e.condition.seed))

    def people(self, condition: Condition) -> list[StudyEntry]:
        """The entries of single people in one condition."""
        return [e for e in self.jobs if e.condition == condition]


def load_study(folder: Path) -> Study:
    """Read the results in a sweep's folder.

    Parameters
    ----------
    folder : Path
        What `run_sweep` wrote.

    Returns
    -------
    Study
        Every finished job, and the conditions pooled over people.
    """
    path = folder / "sweep.json"
    state = read_json(path, "run the sweep again")
    try:
        plan = Plan.model_validate_json((folder / state["plan"]).read_text(encoding="utf-8"))
        jobs = tuple(_load_job(folder / "jobs" / job["folder"], plan, job) for job in state["jobs"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not the state of a sweep ({error}); run the sweep again") from None
    conditions = list(dict.fromkeys(job.condition for job in jobs))
    pooled = tuple(pool([job for job in jobs if job.condition == condition]) for condition in conditions)
    return Study(plan, state, jobs, pooled)


def _load_job(folder: Path, plan: Plan, key: dict[str, Any]) -> StudyEntry:
    tensors, summary = load_tensors(folder / "draws.safetensors"), read_summary(folder / "summary.json")
    model, info = plan.model(key["model"]), summary["model"]
    passport = read_json(folder / "passport.json")
    condition = Condition(
        model=key["model"],
        context=key["context"],
        seed=key["seed"],
        family=info["family"],
        architecture=model.architecture or info["family"],
        trained=not is_untrained(model.untrained, info),
        trained_as=model.trained_as or _trained_twin(plan, model.name, model.untrained),
        n_parameters=int(passport["model"]["n_parameters"]),
    )
    rule = plan.recipe_for(key["context"]).fit.peak
    whole = _entry(condition, key["person"], summary["n_words"], read_curves(tensors), rule, folder.name)
    if "quartile_r" not in tensors:
        return whole
    parts = [read_curves(tensors, q) for q in range(N_QUARTILES)]
    return replace(whole, quartiles=tuple(_entry(condition, key["person"], 0, part, rule) for part in parts))


def is_untrained(in_plan: bool, info: dict[str, Any]) -> bool:
    """Whether a model has random weights: by the plan, or by the model's own name."""
    return in_plan or parse_model_name(str(info["id"])).variant in ("untrained", "random")


def _trained_twin(plan: Plan, name: str, untrained: bool) -> str:
    """The trained model of the same files, for a control that names none."""
    base = parse_model_name(name).base
    if not untrained and base == name:
        return ""
    return next((m.title for m in plan.models if m.name == base and not m.untrained), "")


def pool(entries: Sequence[StudyEntry]) -> StudyEntry:
    """Several people as one: R and null draws averaged, then assessed like one person's.

    Parameters
    ----------
    entries : sequence of StudyEntry
        Of one condition, one for each person.

    Returns
    -------
    StudyEntry
        The pooled entry.
    """
    if len(entries) == 1:
        return replace(entries[0], person=POOLED)
    first, rule = entries[0], entries[0].findings.rule
    n_words = sum(e.n_words for e in entries)
    whole = _entry(first.condition, POOLED, n_words, _mean_curves([e.curves for e in entries]), rule)
    if not all(e.quartiles for e in entries):
        return whole
    parts = [_mean_curves([e.quartiles[q].curves for e in entries]) for q in range(N_QUARTILES)]
    return replace(whole, quartiles=tuple(_entry(first.condition, POOLED, 0, part, rule) for part in parts))


def _mean_curves(curves: Sequence[Curves]) -> Curves:
    first = curves[0]
    r, null = (np.mean([getattr(c, name) for c in curves], axis=0) for name in ("r", "null"))
    left_out = LeftOut.of_mean([c.r for c in curves], [c.left_out for c in curves])
    halves, noise = (_mean_of(curves, name) for name in ("halves", "noise"))
    noise = noise if halves is None else noise_of_decoders(r, halves)
    return Curves(first.lags_s, first.layers, first.depth, r, null, left_out, noise, halves)


def _mean_of(curves: Sequence[Curves], name: str) -> np.ndarray | None:
    """Mean of what curves may lack; None if the first lacks it."""
    return None if getattr(curves[0], name) is None else np.mean([getattr(c, name) for c in curves], axis=0)


def _entry(condition: Condition, person: str, n_words: int, curves: Curves, rule: str, folder: str = "") -> StudyEntry:
    findings = assess(curves, rule)
    used, without = np.array([peak.peak_s is not None for peak in findings.peaks]), curves.left_out.curves
    temporal = np.full(len(without), np.nan)
    if findings.temporal is not None:
        temporal = correlation(curves.depth[used], latency(rule, curves.lags_s, without, curves.noise)[:, used])
    # At the cell with the highest R, so that the error is that of a cell and not of a choice of cells.
    layer, lag = np.unravel_index(int(curves.r.argmax()), curves.r.shape)
    alignment = without[:, layer, lag].astype(float)
    return StudyEntry(condition, person, n_words, curves, findings, temporal, alignment, folder=folder)


@dataclass(frozen=True, slots=True, eq=False)
class MeanCurve:
    """R over lag, the mean of all layers.

    Attributes
    ----------
    lags_s, r : ndarray, shape (lag,)
        Lags and the mean.
    null_low, null_high : ndarray, shape (lag,)
        The 95 % band of such a mean under the null.
    """

    lags_s: np.ndarray
    r: np.ndarray
    null_low: np.ndarray
    null_high: np.ndarray


def mean_curve(curves: Curves) -> MeanCurve:
    """Average R over all layers.

    Parameters
    ----------
    curves : Curves
        R(layer, lag) with null draws.

    Returns
    -------
    MeanCurve
        The mean, with its band under the null.
    """
    low, high = np.percentile(curves.null.mean(axis=1), (2.5, 97.5), axis=0)
    return MeanCurve(curves.lags_s, curves.r.mean(axis=0), low, high)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a score grows with a logarithm: a fitted line.

    Attributes
    ----------
    rate, low, high : float
        Rise for every tenfold, with its 95 % interval.
    at_one : float
        The line's value where the logarithm is 0.
    n : int
        Points.
    """

    rate: float
    low: float
    high: float
    at_one: float
    n: int

    def at(self, x: float) -> float:
        """The line's value; x is the logarithm."""
        return self.at_one + self.rate * x


def fit_growth(entries: Iterable[tuple[float, StudyEntry]], score: Score) -> Growth | None:
    """Fit a line through scores by least squares.

    Parameters
    ----------
    entries : iterable of (log10 x, StudyEntry)
        Those without a score are left out.
    score : {"temporal", "alignment"}
        Which score.

    Returns
    -------
    Growth or None
        None with fewer than three different x.  The interval says how precisely these very points are known, not how
        other models would lie.
    """
    kept = [(x, e) for x, e in entries if e.score(score) is not None]
    x = np.array([p[0] for p in kept])
    if len(np.unique(x)) < 3:
        return None
    y = np.array([e.score(score) for _, e in kept], float)
    without = np.array([e.without(score) for _, e in kept])
    centred = x - x.mean()
    rate, rates = (centred @ values / (centred @ centred) for values in (y, without))
    low, high = kept[0][1].curves.left_out.interval(float(rate), rates)
    return Growth(float(rate), low, high, float(y.mean() - rate * x.mean()), len(kept))


def growth_with_size(entries: Sequence[StudyEntry], score: Score) -> Growth | None:
    """Growth of a score with the number of parameters.

    Parameters
    ----------
    entries : sequence of StudyEntry
        Of one context; untrained models are left out.
    score : {"temporal", "alignment"}
        Which score.

    Returns
    -------
    Growth or None
        None with fewer than three different sizes.
    """
    kept = (e for e in entries if e.condition.trained and e.condition.n_parameters)
    return fit_growth(((float(np.log10(e.condition.n_parameters)), e) for e in kept), score)


def growth_with_context(entries: Sequence[StudyEntry], score: Score) -> Growth | None:
    """Growth of a score with the number of words that a model sees.

    Parameters
    ----------
    entries : sequence of StudyEntry
        Of one model, in several contexts.
    score : {"temporal", "alignment"}
        Which score.

    Returns
    -------
    Growth or None
        None with fewer than three different contexts.
    """
    return fit_growth(((float(np.log10(e.condition.words)), e) for e in entries), score)


def correlate_scores(study: Study) -> tuple[float | None, int]:
    """Pearson r of the temporal with the alignment score over the trained models in the reference context.

    Parameters
    ----------
    study : Study
        The results of a sweep.

    Returns
    -------
    r : float or None
        None with fewer than three models, or without any spread.
    n : int
        Models with a temporal score.
    """
    entries = [e for e in study.at(study.reference) if e.condition.trained and e.temporal_r is not None]
    x, y = [e.alignment_r for e in entries], [float(e.temporal_r or 0.0) for e in entries]
    if len(entries) < 3 or np.ptp(x) < 1e-9 or np.ptp(y) < 1e-9:
        return None, len(entries)
    return float(np.corrcoef(x, y)[0, 1]), len(entries)
