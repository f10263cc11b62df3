"""Results as BIDS derivatives: curves and peaks of one person as tables, each with its sidecar."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rtalign.core.storage.files import write_atomically
from rtalign.core.storage.json_toml import read_json
from rtalign.recordings.bids import entities
from rtalign.report.read import Results, read_results
from rtalign.report.summary import DIGITS
from rtalign.report.text import model_name

DESCRIPTION = "dataset_description.json"
BIDS_VERSION = "1.10.0"
SHARED = ("ses", "task", "run")
"""Entities that results have where all their recordings have them alike."""

LAYER = {
    "layer": {"Description": "Hidden state of the language model, 0 the embedding"},
    "depth": {"Description": "Relative depth of the layer, 0 the embedding, 1 the last"},
}
CURVES = LAYER | {
    "lag": {"Description": "Time after word onset", "Units": "s"},
    "r": {"Description": "Correlation of predicted and true activations of words that were held out"},
    "null_low": {"Description": "Lower end of the 95 % band of chance of this cell"},
    "null_high": {"Description": "Upper end of the 95 % band of chance of this cell"},
    "above_chance": {"Description": "Whether r exceeds chance corrected for all layers and lags (5 %)"},
}
PEAKS = LAYER | {
    "status": {"Description": "ok, or why no latency may be stated"},
    "latency": {"Description": "When the layer is decoded best", "Units": "s"},
    "latency_low": {"Description": "Lower end of its 95 % interval", "Units": "s"},
    "latency_high": {"Description": "Upper end of its 95 % interval", "Units": "s"},
    "peak_r": {"Description": "The highest r of the layer"},
    "peak_r_low": {"Description": "Lower end of its 95 % interval"},
    "peak_r_high": {"Description": "Upper end of its 95 % interval"},
    "null_r": {"Description": "What the highest r of a layer must exceed"},
}


def write_derivatives(folder: Path, root: Path, subject: str | None = None) -> list[Path]:
    """Write the results in a folder into a BIDS derivative data set.

    Parameters
    ----------
    folder : Path
        A bank, or what an evaluation, a replay or a session left.
    root : Path
        The derivative data set; made where it is not there, and shared by people and models.
    subject : str, optional
        Whose results they are, where their recordings do not say.

    Returns
    -------
    list of Path
        The files of these results; older ones of the same recordings, model and context are replaced.

    Raises
    ------
    ValueError
        Where it is not known whose results they are, or root holds another data set.
    """
    results = read_results(folder)
    name, place = _name(results, subject, folder)
    _describe(root)
    about = _about(results)
    tables = {"curves": (CURVES, _curve_rows(results)), "peaks": (PEAKS, _peak_rows(results))}
    written = []
    for suffix, (columns, rows) in tables.items():
        path = root / place / f"{name}_{suffix}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, _tsv(columns, rows))
        write_atomically(path.with_suffix(".json"), json.dumps(about | columns, indent=2, ensure_ascii=False) + "\n")
        written += [path, path.with_suffix(".json")]
    return written


def _name(results: Results, subject: str | None, folder: Path) -> tuple[str, Path]:
    """The beginning of file names, and the folder of the person's MEG."""
    people = [subject] if subject else results.subjects
    if len(people) != 1:
        found = f"is of {', '.join(people)}" if people else "does not say whose brain it is of"
        raise ValueError(f"{folder} {found}; BIDS wants one person - name the label with --subject")
    labels = {"sub": _label(people[0].removeprefix("sub-"))}
    if not labels["sub"]:
        raise ValueError(f"subject {people[0]!r} has no letter and no digit, which a BIDS label is made of")
    each = [entities(str(entry.get("name", ""))) for entry in results.recordings]
    for key in SHARED:
        shared = {_label(own.get(key, "")) for own in each}
        if len(shared) == 1 and (label := shared.pop()):
            labels[key] = label
    labels["desc"] = _label(Path(model_name(results)).name + results.summary.context)
    session = [f"ses-{labels['ses']}"] if "ses" in labels else []
    return "_".join(f"{key}-{label}" for key, label in labels.items()), Path(f"sub-{labels['sub']}", *session, "meg")


def _label(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text)


def _describe(root: Path) -> None:
    """Make the data set, or make sure that what is there is one of ours."""
    path = root / DESCRIPTION
    if path.is_file():
        makers = read_json(path).get("GeneratedBy")
        if isinstance(makers, list) and any(isinstance(m, Mapping) and m.get("Name") == "rtalign" for m in makers):
            return
    if root.exists() and any(root.iterdir()):
        raise ValueError(f"{root} holds something other than derivatives of rtalign; name a folder of their own")
    root.mkdir(parents=True, exist_ok=True)
    made = {"Name": "rtalign", "Version": version("rtalign"), "Description": "Decoding of language models from MEG"}
    about = {"Name": "rtalign", "BIDSVersion": BIDS_VERSION, "DatasetType": "derivative", "GeneratedBy": [made]}
    write_atomically(path, json.dumps(about, indent=2) + "\n")


def _about(results: Results) -> dict[str, Any]:
    """What holds for a whole table."""
    summary, made = results.summary, results.passport
    return {
        "Description": f"rtalign {summary.kind}: layers of a language model decoded from MEG, word by word",
        "Model": summary.model,
        "Context": summary.context,
        "Recordings": [str(entry.get("name", "")) for entry in results.recordings],
        "NumberOfWords": summary.n_words,
        "SkippedWords": summary.skipped,
        "PeakRule": summary.peak_rule,
        "TrainingOverlap": summary.overlap_warning or "none known",
        "SoftwareVersions": made.versions if made else {},
    }


def _curve_rows(results: Results) -> Iterable[Sequence[object]]:
    bands = [results.null_lo, results.null_hi]
    for i, layer in enumerate(results.summary.layers):
        for j, lag in enumerate(results.summary.lags_s):
            r, limit = results.r[i, j], None if results.map_hi is None else results.map_hi[i, j]
            above = None if limit is None or not math.isfinite(limit) else bool(r > limit)
            band = [None if values is None else values[i, j] for values in bands]
            yield layer.layer, layer.depth, lag, r, *band, above


def _peak_rows(results: Results) -> Iterable[Sequence[object]]:
    for peak in results.summary.layers:
        between, around = peak.ci_s or (None, None), peak.r_ci or (None, None)
        yield peak.layer, peak.depth, peak.status, peak.peak_s, *between, peak.peak_r, *around, peak.null_r


def _tsv(columns: Iterable[str], rows: Iterable[Sequence[object]]) -> str:
    return "".join("\t".join(line) + "\n" for line in [tuple(columns), *(tuple(map(_cell, row)) for row in rows)])


def _cell(value: object) -> str:
    """A value as BIDS writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}" if math.isfinite(value) else "n/a"
    return "n/a" if value is None else str(value)
