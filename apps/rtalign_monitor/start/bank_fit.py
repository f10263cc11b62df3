"""Whether a bank fits a stream or a recording: what is known of it, and the reasons why it does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtalign.core.recipe import ChainRecipe
from rtalign.core.records import RecordingIdentity, Sensor
from rtalign.core.storage.json_toml import read_json
from rtalign.core.text.translation import tr
from rtalign.decoding.bank import DecoderBank, sensor_differences
from rtalign.decoding.training_overlap import TrainingOverlap
from rtalign_monitor.widgets.cards import Verdict

TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class BankInfo:
    """What the dialog shows of a bank.

    Attributes
    ----------
    folder : Path
        Where it is.
    model : str
        Its language model.
    context : str
        Which words a word is read with, such as "growing:1000".
    layers : tuple of int
        Layers that it has decoders for.
    n_layers : int
        Layers of its language model.
    sensors : tuple of Sensor
        What it decodes from.
    n_words : int
        Words that it was trained on.
    best_r, best_layer : float and int, or None
        The highest R of all layers and lags, and its layer.
    chain : ChainRecipe
        Filters of its signal.
    passport : dict
        The bank's passport, whose recordings it was trained on.
    """

    folder: Path
    model: str
    context: str
    layers: tuple[int, ...]
    n_layers: int
    sensors: tuple[Sensor, ...]
    n_words: int
    best_r: float | None
    best_layer: int | None
    chain: ChainRecipe
    passport: dict[str, Any]

    @property
    def refused(self) -> str:
        """Why no session can use this bank; empty where one can."""
        if self.chain.phase == "causal":
            return ""
        return tr(
            "this bank was trained with filters that see the future and cannot run live - choose one trained live"
        )

    @property
    def summary(self) -> str:
        """The bank in one line."""
        kind, _, n = self.context.partition(":")
        context = tr("context growing to {n:,}", n=int(n)) if kind == "growing" else tr("context {n:,}", n=int(n))
        best = "" if self.best_r is None else tr("best R {best_r:.3f}", best_r=self.best_r)
        best += tr(" in layer {best_layer}", best_layer=self.best_layer) if best and self.best_layer is not None else ""
        parts = (self.model, context, tr("{n} of {n_layers} layers", n=len(self.layers), n_layers=self.n_layers),
                 count_sensors(self.sensors),
                 tr("trained on {n_words:,} words", n_words=self.n_words), best)  # fmt: skip
        return "  ·  ".join(part for part in parts if part)


def read_bank(folder: Path) -> BankInfo:
    """Read what is known of a bank; its weights are mapped, not read.

    Parameters
    ----------
    folder : Path
        Of the bank.

    Returns
    -------
    BankInfo

    Raises
    ------
    ValueError
        Where there is no bank, or one that the engine would refuse.
    """
    if not folder.is_dir():
        raise ValueError(tr("{folder} is gone: it was moved or deleted", folder=folder))
    bank = DecoderBank.load(folder)
    try:
        best = read_json(folder / "summary.json").get("alignment_score") or {}
        best_r, best_layer = best.get("best"), best.get("best_layer")
    except (ValueError, AttributeError):  # the engine does not need the summary
        best_r = best_layer = None
    return BankInfo(
        folder, str(bank.model["id"]), bank.recipe.language.context, bank.layers, int(bank.model["n_layers"]),
        bank.sensors, int(bank.passport["n_words"]), best_r, best_layer, bank.recipe.chain,
        bank.passport,
    )  # fmt: skip


def count_sensors(sensors: Sequence[Sensor]) -> str:
    """275 axial sensors, or 102 mag + 204 planar sensors."""
    counts = Counter(sensor.kind for sensor in sensors)
    kinds = " + ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
    return tr("{kinds} sensor", kinds=kinds) if len(sensors) == 1 else tr("{kinds} sensors", kinds=kinds)


def differences(bank: BankInfo, sensors: Sequence[Sensor], sfreq: float) -> list[str]:
    """What keeps a bank from a signal, differences of sensors first; empty where it fits."""
    texts = sensor_differences(bank.sensors, sensors)
    reason = rate_problem(bank.chain, sfreq)
    return [*texts, reason] if reason else texts


def rate_problem(chain: ChainRecipe, sfreq: float) -> str:
    """Why a rate is too low for a bank's filters, by the signal chain's own rule; empty where it is not."""
    lowest = chain.min_rate_hz
    if sfreq * (1 + TOLERANCE) < lowest:
        return tr("the bank needs {lowest:g} Hz or more; this signal has {sfreq:g} Hz", lowest=lowest, sfreq=sfreq)
    rate = sfreq / max(int(sfreq / lowest * (1 + TOLERANCE)), 1)
    if rate < 4 * chain.lowpass_hz * (1 - TOLERANCE):
        return tr(
            "the bank's low-pass of {lowpass_hz:g} Hz is too high for {sfreq:g} Hz",
            lowpass_hz=chain.lowpass_hz,
            sfreq=sfreq,
        )
    return ""


def can_ignore_missing(bank: BankInfo, sensors: Sequence[Sensor], sfreq: float) -> bool:
    """Whether the bank can be used without the sensors that are missing: some are there, at a sufficient rate."""
    present = {(sensor.name, sensor.kind) for sensor in sensors}
    return any((s.name, s.kind) in present for s in bank.sensors) and not rate_problem(bank.chain, sfreq)


def verdict(
    bank: BankInfo | None,
    without_bank: bool,
    sensors: Sequence[Sensor],
    sfreq: float,
    origin: Sequence[RecordingIdentity] = (),
) -> tuple[Verdict, str]:
    """Whether a signal fits the decoders that are chosen.

    Parameters
    ----------
    bank : BankInfo or None
        The chosen bank, as far as it is known.
    without_bank : bool
        Whether decoders are to learn from nothing.
    sensors : sequence of Sensor
        Of the signal.
    sfreq : float
        Of the signal, in Hz.
    origin : sequence of RecordingIdentity
        Recordings that the signal comes from, as far as they are known.

    Returns
    -------
    (Verdict, str)
        The verdict, and the same as a text.
    """
    if bank is None:
        count = count_sensors(sensors)
        return ("fits", tr("{count} to learn from", count=count)) if without_bank else ("unknown", count)
    texts = differences(bank, sensors, sfreq)
    if texts:
        return "differs", tr("does not fit the bank: ") + "; ".join(texts)
    warning = TrainingOverlap.find(bank.passport, origin).warning
    return (
        ("trained", tr("fits the bank, but {warning}", warning=warning)) if warning else ("fits", tr("fits the bank"))
    )
