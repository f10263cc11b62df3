"""The results of all jobs of a sweep, per person and pooled, with how their scores grow with size and context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtalign.core.json_toml import read_json
from rtalign.core.tensorfile import load_tensors
from rtalign.language import QUARTILES
from rtalign.language.loading import parse_model_name
from rtalign.report.summary import read_summary
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import Findings, assess, correlation
from rtalign.scoring.peaks import interval, t_max
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
        R(layer, lag) with null and bootstrap draws.
    findings : Findings
        Peaks and scores of these curves.
    temporal, alignment : ndarray, shape (bootstrap draw,)
        The two scores of each draw; NaN without a temporal score.
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

    def draws(self, score: Score) -> np.ndarray:
        """(bootstrap draw,) of one of the two scores."""
        return self.temporal if score == "temporal" else self.alignment

    def interval(self, score: Score) -> tuple[float | None, float | None]:
        """The 95 % bootstrap interval of one of the two scores."""
        if score == "alignment":
            return interval(self.alignment, self.alignment_r)
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
        """The context in which models are compared: the paper's 50 words where they were read, else the longest."""
        contexts = sorted({(e.condition.words, e.condition.context) for e in self.pooled})
        return "window:50" if "window:50" in {context for _, context in contexts} else contexts[-1][1]

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
    whole = _entry(condition, key["person"], summary["n_words"], _curves(tensors, ""), folder.name)
    if "quartile_r" not in tensors:
        return whole
    parts = [_curves(tensors, "quartile_", q) for q in range(N_QUARTILES)]
    return replace(whole, quartiles=tuple(_entry(condition, key["person"], 0, part) for part in parts))


def is_untrained(in_plan: bool, info: dict[str, Any]) -> bool:
    """Whether a model has random weights: by the plan, or by the model's own name."""
    return in_plan or parse_model_name(str(info["id"])).variant in ("untrained", "random")


def _trained_twin(plan: Plan, name: str, untrained: bool) -> str:
    """The trained model of the same files, for a control that names none."""
    base = parse_model_name(name).base
    if not untrained and base == name:
        return ""
    return next((m.title for m in plan.models if m.name == base and not m.untrained), "")


def _curves(tensors: dict[str, np.ndarray], prefix: str, quartile: int | None = None) -> Curves:
    r, null, boot = (tensors[prefix + name] for name in ("r", "null", "boot"))
    if quartile is not None:
        r, null, boot = r[quartile], null[quartile], boot[quartile]
    return Curves(tensors["lags_s"], tensors["layers"], tensors["depth"], r.astype(float), null, boot)


def pool(entries: Sequence[StudyEntry]) -> StudyEntry:
    """Several people as one: R, null and bootstrap averaged draw by draw, then assessed like one person's.

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
    first = entries[0]
    n_words = sum(e.n_words for e in entries)
    whole = _entry(first.condition, POOLED, n_words, _mean_curves([e.curves for e in entries]))
    if not all(e.quartiles for e in entries):
        return whole
    parts = [_mean_curves([e.quartiles[q].curves for e in entries]) for q in range(N_QUARTILES)]
    return replace(whole, quartiles=tuple(_entry(first.condition, POOLED, 0, part) for part in parts))


def _mean_curves(curves: Sequence[Curves]) -> Curves:
    first = curves[0]
    r, null, boot = ([c.r for c in curves], [c.null for c in curves], [c.boot for c in curves])
    return Curves(
        first.lags_s, first.layers, first.depth, np.mean(r, axis=0), np.mean(null, axis=0), np.mean(boot, axis=0)
    )  # fmt: skip


def _entry(condition: Condition, person: str, n_words: int, curves: Curves, folder: str = "") -> StudyEntry:
    findings = assess(curves)
    used = np.array([peak.peak_s is not None for peak in findings.peaks])
    temporal = np.full(len(curves.boot), np.nan)
    if findings.temporal is not None:
        temporal = correlation(curves.depth[used], t_max(curves.lags_s, curves.boot[:, used]))
    # At the cell with the highest R, so that the draws are not biased upwards by choosing a maximum in each of them.
    layer, lag = np.unravel_index(int(curves.r.argmax()), curves.r.shape)
    alignment = curves.boot[:, layer, lag].astype(float)
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
        Rise for every tenfold, with its 95 % bootstrap interval.
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


def fit_growth(points: Iterable[tuple[float, float | None, np.ndarray]]) -> Growth | None:
    """Fit a line through scores by least squares.

    Parameters
    ----------
    points : iterable of (log10 x, score, bootstrap draws of the score)
        Those without a score are left out.

    Returns
    -------
    Growth or None
        None with fewer than two different x.  The interval says how precisely these very points are known, not how
        other models would lie.
    """
    kept = [(x, y, draws) for x, y, draws in points if y is not None]
    x = np.array([p[0] for p in kept])
    if len(kept) < 2 or np.ptp(x) < 1e-9:
        return None
    y, draws = np.array([p[1] for p in kept], float), np.array([p[2] for p in kept])
    centred = x - x.mean()
    rates = centred @ draws / (centred @ centred)
    rate = float(centred @ y / (centred @ centred))
    low, high = interval(rates[np.isfinite(rates)], rate) if np.isfinite(rates).any() else (np.nan, np.nan)
    return Growth(rate, low, high, float(y.mean() - rate * x.mean()), len(kept))


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
        None with fewer than two different sizes.
    """
    return fit_growth(
        (float(np.log10(e.condition.n_parameters)), e.score(score), e.draws(score))
        for e in entries
        if e.condition.trained and e.condition.n_parameters
    )


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
        None with fewer than two different contexts.
    """
    return fit_growth((float(np.log10(e.condition.words)), e.score(score), e.draws(score)) for e in entries)


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
