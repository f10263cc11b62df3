"""The numbers that arXiv 2512.01591 reports, and the same numbers in a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign_offline.sweep.report.study import Study, StudyEntry, correlate_scores

ABSENT = "not in this plan"

MAIN = (
    "Meta-Llama-3-8B", "Llama-3.2-1B", "Llama-3.2-3B", "Mistral-7B-v0.1", "gemma-7b", "Qwen1.5-7B", "gpt2-xl",
    "mamba-1.4b-hf", "recurrentgemma-9b",
)  # fmt: skip
"""The nine models whose peaks the study averages, by the last part of their ids."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One published number.  ours : computes the number of this sweep, or says why there is none."""

    title: str
    published: str
    ours: Callable[[Study], float | str]


def compare(study: Study) -> Iterator[tuple[str, str, float | str]]:
    """Title, published number, and the number of this sweep or the reason why there is none."""
    for claim in CLAIMS:
        yield claim.title, claim.published, claim.ours(study)


def _entry(study: Study, name: str, context: str | None = None) -> StudyEntry | None:
    """The pooled entry of a trained model, by its label or the last part of its id."""
    wanted = _normalised(name)
    for entry in study.at(context or study.reference):
        model = study.plan.model(entry.condition.model)
        names = {_normalised(model.name.rsplit("/", 1)[-1]), _normalised(model.title)}
        if entry.condition.trained and wanted in names:
            return entry
    return None


def _normalised(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum() or c == ".")


def _score(name: str, context: str | None = None) -> Callable[[Study], float | str]:
    def ours(study: Study) -> float | str:
        entry = _entry(study, name, context)
        if entry is None:
            return ABSENT
        return "no temporal score" if entry.temporal_r is None else entry.temporal_r

    return ours


def _main(study: Study) -> float | str:
    """r with depth of the peaks of the main models, averaged layer by layer."""
    found = [e for name in MAIN if (e := _entry(study, name)) is not None and e.temporal_r is not None]
    if not found:
        return ABSENT
    if len(found) < len(MAIN):
        return f"{len(found)} of {len(MAIN)} models with a score"
    if len({len(e.findings.peaks) for e in found}) > 1:
        return "models with different numbers of layers"
    peaks = np.array([[np.nan if p.peak_s is None else p.peak_s for p in e.findings.peaks] for e in found])
    depth = np.mean([e.curves.depth for e in found], axis=0)
    has_peak = np.isfinite(peaks).any(axis=0)
    return _pearson(list(depth[has_peak]), list(np.nanmean(peaks[:, has_peak], axis=0)))


def _quartile(which: int) -> Callable[[Study], float | str]:
    """The mean over trained models that are not bidirectional; the paper averages its main models."""

    def ours(study: Study) -> float | str:
        found = [e.quartiles[which].temporal_r for e in _trained(study) if e.quartiles and not _is_bidirectional(e)]
        values = [r for r in found if r is not None]
        return float(np.mean(values)) if values else ABSENT

    return ours


def _pythia_with_size(study: Study) -> float | str:
    found = [e for e in _trained(study) if "pythia" in e.condition.model.lower() and e.temporal_r is not None]
    return _pearson([np.log10(e.condition.n_parameters) for e in found], [float(e.temporal_r or 0) for e in found])


def _temporal_with_alignment(study: Study) -> float | str:
    r, n = correlate_scores(study)
    return r if r is not None else f"{n} models are too few" if n else ABSENT


def _untrained(study: Study) -> float | str:
    found = [e.temporal_r for e in study.at(study.reference) if not e.condition.trained]
    if not found:
        return ABSENT
    values = [r for r in found if r is not None]
    return float(np.mean(values)) if values else "no temporal score"


def _bidirectional(study: Study) -> float | str:
    found = [e for e in _trained(study) if _is_bidirectional(e)]
    values = [e.temporal_r for e in found if e.temporal_r is not None]
    return float(np.mean(values)) if values else ("no temporal score" if found else ABSENT)


def _is_bidirectional(entry: StudyEntry) -> bool:
    return "bidirectional" in entry.condition.architecture.lower() or entry.condition.family in ("BERT", "RoBERTa")


def _trained(study: Study) -> list[StudyEntry]:
    return [e for e in study.at(study.reference) if e.condition.trained]


def _pearson(x: Sequence[float], y: Sequence[float]) -> float | str:
    if len(x) < 3 or np.ptp(x) < 1e-9 or np.ptp(y) < 1e-9:
        return f"{len(x)} models are too few" if x else ABSENT
    return float(np.corrcoef(x, y)[0, 1])


CLAIMS = (
    Claim("Nine main models, r of their mean peaks with depth", "0.99", _main),
    Claim("GPT2-XL, temporal score", "0.85", _score("gpt2-xl")),
    Claim("Pythia 14M, temporal score", "0.44 (n.s.)", _score("pythia-14m")),
    Claim("Pythia 12B, temporal score", "0.96", _score("pythia-12b")),
    Claim("Pythia: r of temporal score with log size", "0.87", _pythia_with_size),
    Claim("Llama-3.2-3B, no context", "0.19", _score("llama-3.2-3b", "window:0")),
    Claim("Llama-3.2-3B, 1,000 words of context", "0.93", _score("llama-3.2-3b", "window:1000")),
    Claim("Most expected quarter of words", "0.92", _quartile(0)),
    Claim("Most surprising quarter of words", "0.83", _quartile(3)),
    Claim("r of temporal with alignment score", "0.54", _temporal_with_alignment),
    Claim("Untrained models", "none", _untrained),
    Claim("Bidirectional models", "low, n.s.", _bidirectional),
)
