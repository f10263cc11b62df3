"""A study: the results of all jobs of a sweep, per person and pooled, ready to be compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from rtalign.language import QUARTILES as NAMES
from rtalign.language.loading import parse_model_name
from rtalign.report.summary import read_summary
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import Findings, assess, correlation
from rtalign.scoring.peaks import interval, t_max
from rtalign_offline.sweep.plan import Plan

POOLED = "pooled"
QUARTILES = len(NAMES)


@dataclass(frozen=True, slots=True)
class Subject:
    """What was read, and how.  words : those the model sees, the word itself among them; growing: at most."""

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
        kind, number = self.context.split(":")
        return int(number) + (kind == "window")

    @property
    def kind(self) -> str:
        return self.context.split(":")[0]


@dataclass(frozen=True, slots=True, eq=False)
class StudyEntry:
    """One job, or one model and context over all people.

    temporal, alignment : (bootstrap draw,), NaN where no temporal score is given; folder : of the job's own report.
    """

    subject: Subject
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
    def alignment_ci(self) -> tuple[float, float]:
        return interval(self.alignment, self.alignment_r)

    @property
    def clears_null(self) -> bool:
        """Whether any layer's R passes what the null's own maxima reach."""
        return any(peak.peak_r > peak.null_r for peak in self.findings.peaks)

    @property
    def peaked(self) -> int:
        return sum(peak.peak_s is not None for peak in self.findings.peaks)


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """All there is to compare.  pooled : one entry a model, context and seed; where one person is all, hers."""

    plan: Plan
    state: dict[str, Any]
    jobs: tuple[StudyEntry, ...]
    pooled: tuple[StudyEntry, ...]

    @property
    def reference(self) -> str:
        """The context in which models are compared: the paper's 50 words where it is there, else the longest."""
        there = sorted({(e.subject.words, e.subject.context) for e in self.pooled})
        return "window:50" if "window:50" in {context for _, context in there} else there[-1][1]

    def at(self, context: str) -> list[StudyEntry]:
        """Pooled entries of one context, smallest model first."""
        found = [e for e in self.pooled if e.subject.context == context]
        return sorted(found, key=lambda e: (e.subject.n_parameters, e.subject.model, e.subject.seed))

    def people(self, subject: Subject) -> list[StudyEntry]:
        return [e for e in self.jobs if e.subject == subject]


def load(folder: Path) -> Study:
    """The study in a sweep's folder."""
    state = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    plan = Plan.model_validate_json((folder / state["plan"]).read_text(encoding="utf-8"))
    jobs = tuple(_job(folder / "jobs" / job["folder"], plan, job) for job in state["jobs"])
    subjects = list(dict.fromkeys(job.subject for job in jobs))
    pooled = tuple(pool([job for job in jobs if job.subject == subject]) for subject in subjects)
    return Study(plan, state, jobs, pooled)


def _job(folder: Path, plan: Plan, key: dict[str, Any]) -> StudyEntry:
    found, told = load_file(folder / "draws.safetensors"), read_summary(folder / "summary.json")
    model, info = plan.model(key["model"]), told["model"]
    passport = json.loads((folder / "passport.json").read_text(encoding="utf-8"))
    subject = Subject(
        model=key["model"],
        context=key["context"],
        seed=key["seed"],
        family=info["family"],
        architecture=model.architecture or info["family"],
        trained=not is_untrained(model.untrained, info),
        trained_as=model.trained_as or _twin(plan, model.name, model.untrained),
        n_parameters=int(passport["model"]["n_parameters"]),
    )
    whole = _entry(subject, key["person"], told["n_words"], _curves(found, ""), folder.name)
    if "quartile_r" not in found:
        return whole
    parts = [_curves(found, "quartile_", q) for q in range(QUARTILES)]
    return replace(whole, quartiles=tuple(_entry(subject, key["person"], 0, part) for part in parts))


def is_untrained(said: bool, info: dict[str, Any]) -> bool:
    return said or parse_model_name(str(info["id"])).variant in ("untrained", "random")


def _twin(plan: Plan, name: str, untrained: bool) -> str:
    """The trained model of the same files, for a control that names none."""
    bare = parse_model_name(name).base
    if not untrained and bare == name:
        return ""
    return next((m.title for m in plan.models if m.name == bare and not m.untrained), "")


def _curves(found: dict[str, np.ndarray], prefix: str, quartile: int | None = None) -> Curves:
    r, null, boot = (found[prefix + name] for name in ("r", "null", "boot"))
    if quartile is not None:
        r, null, boot = r[quartile], null[quartile], boot[quartile]
    return Curves(found["lags_s"], found["layers"], found["depth"], r.astype(float), null, boot)


def pool(entries: Sequence[StudyEntry]) -> StudyEntry:
    """Several people as one: R, null and bootstrap averaged draw by draw, then assessed like one person's."""
    if len(entries) == 1:
        return replace(entries[0], person=POOLED)
    first = entries[0]
    whole = _entry(first.subject, POOLED, sum(e.n_words for e in entries), _mean([e.curves for e in entries]))
    if not all(e.quartiles for e in entries):
        return whole
    parts = [_mean([e.quartiles[q].curves for e in entries]) for q in range(QUARTILES)]
    return replace(whole, quartiles=tuple(_entry(first.subject, POOLED, 0, part) for part in parts))


def _mean(curves: Sequence[Curves]) -> Curves:
    first = curves[0]
    means = (np.mean([getattr(c, name) for c in curves], axis=0) for name in ("r", "null", "boot"))
    return Curves(first.lags_s, first.layers, first.depth, *means)


def _entry(subject: Subject, person: str, n_words: int, curves: Curves, folder: str = "") -> StudyEntry:
    findings = assess(curves)
    used = np.array([peak.peak_s is not None for peak in findings.peaks])
    temporal = np.full(len(curves.boot), np.nan)
    if findings.temporal is not None:
        temporal = correlation(curves.depth[used], t_max(curves.lags_s, curves.boot[:, used]))
    # At the cell that was best, so that the draws are not lifted by choosing again.
    layer, lag = np.unravel_index(int(curves.r.argmax()), curves.r.shape)
    alignment = curves.boot[:, layer, lag].astype(float)
    return StudyEntry(subject, person, n_words, curves, findings, temporal, alignment, folder=folder)


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """R over lag, the mean of all layers, with the 95 % band of such a mean under the null; (lag,) each."""

    lags_s: np.ndarray
    r: np.ndarray
    null_low: np.ndarray
    null_high: np.ndarray


def course(curves: Curves) -> Course:
    low, high = np.percentile(curves.null.mean(axis=1), (2.5, 97.5), axis=0)
    return Course(curves.lags_s, curves.r.mean(axis=0), low, high)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a score goes with a logarithm: its rise for every tenfold, with a 95 % bootstrap interval."""

    rate: float
    low: float
    high: float
    at_one: float
    n: int

    def at(self, x: float) -> float:
        """The line's value; x is the logarithm."""
        return self.at_one + self.rate * x


def growth(points: Iterable[tuple[float, float | None, np.ndarray]]) -> Growth | None:
    """A line through (log10 x, score, the score's bootstrap draws); None with fewer than two different x.

    The interval says how surely these very points are known, not how other models would lie.
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


def with_size(entries: Sequence[StudyEntry], score: str) -> Growth | None:
    """Of trained models with their number of parameters.  score : temporal or alignment."""
    return growth(
        (float(np.log10(e.subject.n_parameters)), *value(e, score))
        for e in entries
        if e.subject.trained and e.subject.n_parameters
    )


def with_context(entries: Sequence[StudyEntry], score: str) -> Growth | None:
    """Of one model with the number of words it sees."""
    return growth((float(np.log10(e.subject.words)), *value(e, score)) for e in entries)


def with_alignment(study: Study) -> tuple[float | None, int]:
    """Pearson r of temporal with alignment score over the reference context's trained models, and how many they are."""
    found = [e for e in study.at(study.reference) if e.subject.trained and e.temporal_r is not None]
    x, y = ([f(e) for e in found] for f in (lambda e: e.alignment_r, lambda e: e.temporal_r))
    if len(found) < 3 or np.ptp(x) < 1e-9 or np.ptp(y) < 1e-9:
        return None, len(found)
    return float(np.corrcoef(x, y)[0, 1]), len(found)


def value(entry: StudyEntry, score: str) -> tuple[float | None, np.ndarray]:
    """A score and its bootstrap draws."""
    if score == "temporal":
        return entry.temporal_r, entry.temporal
    return entry.alignment_r, entry.alignment
