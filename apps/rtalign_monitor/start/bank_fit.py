"""Fitting: a bank's passport in a line, and in words whatever keeps it from a stream or a recording."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtalign.core.recipe import ChainRecipe
from rtalign.core.records import Sensor
from rtalign.decoding.bank import DecoderBank, sensor_differences

SLACK = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """What is told of a bank.  n_layers : of its language model.  best_r : of all layers and lags, with its layer."""

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

    @property
    def refused(self) -> str:
        """Why no session can be begun with this bank; empty where one can."""
        if self.chain.phase == "causal":
            return ""
        return "this bank was trained with filters that see the future and cannot run live - choose one trained live"


def read(folder: Path) -> Card:
    """A bank's card; refused as the engine would refuse the bank.  Its weights are mapped, not read."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is gone: it was moved or deleted")
    bank = DecoderBank.load(folder)
    try:
        best = json.loads((folder / "summary.json").read_text(encoding="utf-8")).get("alignment_score") or {}
        best_r, best_layer = best.get("best"), best.get("best_layer")
    except (ValueError, AttributeError):  # the engine does without the summary
        best_r = best_layer = None
    return Card(
        folder, str(bank.model["id"]), bank.recipe.language.context, bank.layers, int(bank.model["n_layers"]),
        bank.sensors, int(bank.passport["n_words"]), best_r, best_layer, bank.recipe.chain,
    )  # fmt: skip


def passport(card: Card) -> str:
    """One line."""
    kind, _, n = card.context.partition(":")
    context = f"context {'growing to ' if kind == 'growing' else ''}{int(n):,}"
    best = "" if card.best_r is None else f"best R {card.best_r:.3f}"
    best += f" in layer {card.best_layer}" if best and card.best_layer is not None else ""
    parts = (card.model, context, f"{len(card.layers)} of {card.n_layers} layers", sensors(card.sensors),
             f"trained on {card.n_words:,} words", best)  # fmt: skip
    return "  ·  ".join(part for part in parts if part)


def sensors(found: Sequence[Sensor]) -> str:
    """275 axial sensors, or 102 mag + 204 planar sensors."""
    counted = Counter(sensor.kind for sensor in found)
    return " + ".join(f"{n} {kind}" for kind, n in sorted(counted.items())) + f" sensor{'s' * (len(found) != 1)}"


def misfits(card: Card, there: Sequence[Sensor], sfreq: float) -> list[str]:
    """What keeps this bank from this signal, the sensors' differences first; empty where it fits."""
    said = sensor_differences(card.sensors, there)
    reason = too_slow(card.chain, sfreq)
    return [*said, reason] if reason else said


def too_slow(chain: ChainRecipe, sfreq: float) -> str:
    """Whether a rate is too low for a bank's filters: the rule of the signal chain, without its filters."""
    least = chain.min_rate_hz
    if sfreq * (1 + SLACK) < least:
        return f"the bank wants {least:g} Hz or more; this comes at {sfreq:g} Hz"
    rate = sfreq / max(int(sfreq / least * (1 + SLACK)), 1)
    if rate < 4 * chain.lowpass_hz * (1 - SLACK):
        return f"the bank's low-pass of {chain.lowpass_hz:g} Hz does not go with {sfreq:g} Hz"
    return ""


def can_do_without(card: Card, there: Sequence[Sensor], sfreq: float) -> bool:
    """Whether leaving sensors out would do: some of the bank's are there, at a rate that serves."""
    here = {(sensor.name, sensor.kind) for sensor in there}
    return any((s.name, s.kind) in here for s in card.sensors) and not too_slow(card.chain, sfreq)
