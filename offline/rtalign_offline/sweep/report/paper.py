"""What arXiv 2512.01591 reports, beside what a sweep found in the same place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign_offline.sweep.report.study import Study, StudyEntry, with_alignment

ABSENT = "not in this plan"

MAIN = (
    "Meta-Llama-3-8B", "Llama-3.2-1B", "Llama-3.2-3B", "Mistral-7B-v0.1", "gemma-7b", "Qwen1.5-7B", "gpt2-xl",
    "mamba-1.4b-hf", "recurrentgemma-9b",
)  # fmt: skip
"""The nine models whose peaks the study averages, by the ends of their ids."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One published number.  ours : the number found here, or why there is none."""

    what: str
    published: str
    ours: Callable[[Study], float | str]


def claims(study: Study) -> Iterator[tuple[str, str, float | str]]:
    """What, the published number, and ours or why not."""
    for claim in CLAIMS:
        yield claim.what, claim.published, claim.ours(study)


def _entry(study: Study, name: str, context: str | None = None) -> StudyEntry | None:
    """The pooled entry of a trained model by the end of its id or label, in one context (the reference by default)."""
    wanted = _plain(name)
    for entry in study.at(context or study.reference):
        model = study.plan.model(entry.subject.model)
        names = {_plain(model.name.rsplit("/", 1)[-1]), _plain(model.title)}
        if entry.subject.trained and wanted in names:
            return entry
    return None


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum() or c == ".")


def _score(name: str, context: str | None = None) -> Callable[[Study], float | str]:
    def ours(study: Study) -> float | str:
        entry = _entry(study, name, context)
        if entry is None:
            return ABSENT
        return "no temporal score" if entry.temporal_r is None else entry.temporal_r

    return ours


def _main(study: Study) -> float | str:
    """r of the main models' peaks averaged, layer by layer from the first to the last, with the layers' mean depth."""
    found = [e for name in MAIN if (e := _entry(study, name)) is not None and e.temporal_r is not None]
    if not found:
        return ABSENT
    if len(found) < len(MAIN):
        return f"{len(found)} of {len(MAIN)} models with a score"
    if len({len(e.findings.peaks) for e in found}) > 1:
        return "models of unlike numbers of layers"
    peaks = np.array([[np.nan if p.peak_s is None else p.peak_s for p in e.findings.peaks] for e in found])
    depth = np.mean([e.curves.depth for e in found], axis=0)
    there = np.isfinite(peaks).any(axis=0)
    return _r(list(depth[there]), list(np.nanmean(peaks[:, there], axis=0)))


def _quartile(which: int) -> Callable[[Study], float | str]:
    """The mean over trained models that read from left to right; the paper's is over its main models."""

    def ours(study: Study) -> float | str:
        found = [e.quartiles[which].temporal_r for e in _trained(study) if e.quartiles and not _both_ways(e)]
        told = [r for r in found if r is not None]
        return float(np.mean(told)) if told else ABSENT

    return ours


def _pythia_with_size(study: Study) -> float | str:
    found = [e for e in _trained(study) if "pythia" in e.subject.model.lower() and e.temporal_r is not None]
    return _r([np.log10(e.subject.n_parameters) for e in found], [float(e.temporal_r or 0) for e in found])


def _temporal_with_alignment(study: Study) -> float | str:
    r, n = with_alignment(study)
    return r if r is not None else f"{n} models are too few" if n else ABSENT


def _untrained(study: Study) -> float | str:
    found = [e.temporal_r for e in study.at(study.reference) if not e.subject.trained]
    if not found:
        return ABSENT
    told = [r for r in found if r is not None]
    return float(np.mean(told)) if told else "no temporal score"


def _bidirectional(study: Study) -> float | str:
    found = [e for e in _trained(study) if _both_ways(e)]
    told = [e.temporal_r for e in found if e.temporal_r is not None]
    return float(np.mean(told)) if told else ("no temporal score" if found else ABSENT)


def _both_ways(entry: StudyEntry) -> bool:
    return "bidirectional" in entry.subject.architecture.lower() or entry.subject.family in ("BERT", "RoBERTa")


def _trained(study: Study) -> list[StudyEntry]:
    return [e for e in study.at(study.reference) if e.subject.trained]


def _r(x: Sequence[float], y: Sequence[float]) -> float | str:
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
