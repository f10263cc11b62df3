"""Simulate: a story, a language model and a plan become a BIDS folder whose layers peak at known latencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rtalign.core.recipe import LanguageRecipe
from rtalign.core.records import Word
from rtalign.simulation.bids_writer import refuse_full, write_folder
from rtalign.simulation.layer_signals import from_context, own_information
from rtalign.simulation.recording import BAND_HZ, FEWEST_WORDS, Plan, SimulatedRun, synthesise
from rtalign.simulation.story import runs, shipped_story, speak, spoken

CONTEXT = LanguageRecipe(context="growing:1000")
"""How the planted layers read the story: as a decoder's recipe does by default, starting afresh at each run."""

DEFAULT = Plan()

Progress = Callable[[str, float], None]
"""Told which stage is at work (language, signal) and which share of it is done, 0 to 1."""


class Model(Protocol):
    """What is needed of a language model."""

    info: Any

    def encode(
        self,
        words: Sequence[str],
        recipe: LanguageRecipe,
        layers: Sequence[int],
        progress: Callable[[int], None] | None = None,
        surprisal: bool = True,
    ) -> Any: ...


@dataclass(frozen=True, slots=True)
class Simulated:
    """What was made, and what is true of it."""

    folder: Path
    n_words: int
    n_runs: int
    minutes: float
    latencies: dict[str, float]
    """Planted latency of each layer by its number, s; empty when nothing was planted."""


def simulate(
    out: Path,
    plan: Plan = DEFAULT,
    *,
    text: str | None = None,
    model: Model | None = None,
    information: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Simulated:
    """Write a simulated listener to a new folder.

    text : the story, the packaged one by default.
    model : whose layers are planted; or information (word, layer, dim), planted as it stands under the numbers 0, 1,
    2 ...; a null recording needs neither.
    """
    plan.check()
    refuse_full(out)
    progress = progress or _silent
    story = tell(plan, text)
    numbers: list[int] = []
    if plan.null:
        model = information = None
    elif information is not None:
        numbers = list(range(information.shape[1]))
    elif model is not None:
        numbers, information = planted(model, plan, story, progress)
    else:
        raise ValueError("nothing to plant: give a model, or ask for a null recording")
    made = synthesise(plan, story, information)
    times = plan.latencies_s(len(numbers))
    latencies = {str(number): round(float(time), 6) for number, time in zip(numbers, times, strict=True)}
    truth = ground_truth(plan, made, latencies, model and model.info)
    write_folder(out, made, truth, lambda share: progress("signal", share))
    return Simulated(out, truth["n_words"], len(made), truth["minutes"], latencies)


def tell(plan: Plan, text: str | None = None) -> list[tuple[Word, ...]]:
    """The words of a story in time, run after run."""
    heard = spoken(shipped_story() if text is None else text)
    if len(heard) < FEWEST_WORDS:
        raise ValueError(f"the text has {len(heard)} words; a story needs {FEWEST_WORDS} - is it the right file?")
    if plan.n_words is not None and plan.n_words > len(heard):
        raise ValueError(
            f"the story has {len(heard)} words; {plan.n_words} were asked for - give a longer one with --text"
        )
    parts = runs(heard[: plan.n_words], plan.run_words)
    return [speak(part, plan.seed * 1000 + i) for i, part in enumerate(parts)]


def planted(
    model: Model, plan: Plan, story: Sequence[Sequence[Word]], progress: Progress
) -> tuple[list[int], np.ndarray]:
    """The numbers of the layers used, and (word, layer, dim) what each of them adds to those below.

    Why the first layer is seen against the hidden state half way down to the embedding: against nothing, or against
    the embedding, it would hold nearly all that the later layers hold too, and every layer would peak at its latency;
    against its neighbour hardly anything would be its own.
    """
    recipe = CONTEXT.model_copy(update={"layers": plan.layers})
    numbers = recipe.layer_indices(model.info.n_layers)
    beneath = [numbers[0] // 2] if numbers[0] else []
    total = sum(len(run) for run in story)
    read: list[np.ndarray] = []
    done = 0

    def tick(n: int) -> None:
        progress("language", (done + n) / total)

    for run in story:
        texts = [word.text for word in run]
        read.append(model.encode(texts, recipe, [*beneath, *numbers], tick, surprisal=False).activations)
        done += len(run)
    whole = np.concatenate(read)
    used = whole[:, len(beneath) :]
    if plan.contextual:
        place = np.concatenate([np.arange(len(run)) for run in story])
        return numbers, from_context(used, _alone(model, story, numbers), place, plan.n_dims)
    return numbers, own_information(used, plan.n_dims, whole[:, 0] if beneath else None)


def _alone(model: Model, story: Sequence[Sequence[Word]], layers: Sequence[int]) -> np.ndarray:
    """(word, layer, dim) the states of each word read by itself."""
    recipe = CONTEXT.model_copy(update={"context": "window:0"})
    texts = [[word.text for word in run] for run in story]
    return np.concatenate([model.encode(run, recipe, layers, surprisal=False).activations for run in texts])


def _silent(stage: str, share: float) -> None:
    """Nobody wants to know."""


def ground_truth(
    plan: Plan, made: Sequence[SimulatedRun], latencies: dict[str, float], info: Any | None
) -> dict[str, Any]:
    """What is true of a simulated recording, for whoever checks an analysis against it."""
    return {
        "format": "rtalign-ground-truth",
        "version": 1,
        "latencies": latencies,
        "kernel": {"shape": "gaussian", "sd_s": plan.sd_s},
        "snr": 0.0 if plan.null else plan.snr,
        "snr_means": "root mean square, over sensors, of rms of what layers evoke / rms of background at "
        f"{BAND_HZ[0]}-{BAND_HZ[1]} Hz",
        "plan": asdict(plan),
        "model": None if info is None else {"id": info.id, "revision": info.revision, "context": CONTEXT.context},
        "n_words": sum(len(run.words) for run in made),
        "minutes": round(sum(run.n_samples / run.sfreq for run in made) / 60, 3),
        "runs": [{"name": run.name, "n_words": len(run.words), "fingerprint": run.fingerprint()} for run in made],
    }
