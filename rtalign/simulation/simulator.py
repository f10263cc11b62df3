"""From a story, a language model and a plan to a BIDS folder whose layers peak at known latencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rtalign.core.recipe import LanguageRecipe
from rtalign.core.records import Word
from rtalign.simulation.bids_writer import check_empty, write_folder
from rtalign.simulation.layer_signals import context_information, own_information
from rtalign.simulation.recording import BAND_HZ, MIN_WORDS, SimulatedRun, SimulationPlan, synthesise
from rtalign.simulation.story import assign_times, shipped_story, split_runs, split_words

CONTEXT = LanguageRecipe(context="growing:1000")
"""How the model reads the story: as a decoder's recipe does by default, from the beginning in each run."""

DEFAULT_PLAN = SimulationPlan()

Progress = Callable[[str, float], None]
"""Called with the stage (language, signal) and the share of it that is done, 0 to 1."""


class WordEncoder(Protocol):
    """The part of a LanguageModel that the simulation uses."""

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
class SimulationResult:
    """A simulated recording on disk.

    Attributes
    ----------
    folder : Path
        Root of the BIDS folder.
    n_words, n_runs : int
        Number of words and of runs.
    minutes : float
        Length of the signal.
    latencies : dict of str to float
        Planted latency of each layer by its number, s; empty if nothing was planted.
    """

    folder: Path
    n_words: int
    n_runs: int
    minutes: float
    latencies: dict[str, float]


def simulate(
    out: Path,
    plan: SimulationPlan = DEFAULT_PLAN,
    *,
    text: str | None = None,
    model: WordEncoder | None = None,
    information: np.ndarray | None = None,
    progress: Progress | None = None,
) -> SimulationResult:
    """Write a simulated listener to a new folder.

    Parameters
    ----------
    out : Path
        The folder; it must be empty or absent.
    plan : SimulationPlan
        How the recording is made.
    text : str or None
        The story; None for the packaged one.
    model : WordEncoder or None
        The language model whose layers are planted.  A null recording needs none.
    information : ndarray, shape (word, layer, dim), or None
        Planted as it is, under the numbers 0, 1, 2 ..., instead of a model's layers.
    progress : callable or None
        Called with the stage (language, signal) and the share of it that is done.

    Returns
    -------
    SimulationResult
        What was written.

    Raises
    ------
    FileExistsError
        If something is already there.
    ValueError
        If the plan is not possible, the story too short, or nothing is given to plant.
    """
    plan.check()
    check_empty(out)
    progress = progress or _ignore
    story = timed_story(plan, text)
    numbers: list[int] = []
    if plan.null:
        model = information = None
    elif information is not None:
        numbers = list(range(information.shape[1]))
    elif model is not None:
        numbers, information = planted_information(model, plan, story, progress)
    else:
        raise ValueError("nothing to plant: give a model, or ask for a null recording")
    made = synthesise(plan, story, information)
    times = plan.latencies_s(len(numbers))
    latencies = {str(number): round(float(time), 6) for number, time in zip(numbers, times, strict=True)}
    truth = ground_truth(plan, made, latencies, model and model.info)
    write_folder(out, made, truth, lambda share: progress("signal", share))
    return SimulationResult(out, truth["n_words"], len(made), truth["minutes"], latencies)


def timed_story(plan: SimulationPlan, text: str | None = None) -> list[tuple[Word, ...]]:
    """Split a story into runs of words with times.

    Parameters
    ----------
    plan : SimulationPlan
        Number of words, length of a run, and seed.
    text : str or None
        The story; None for the packaged one.

    Returns
    -------
    list of tuples of Word
        The words of each run.

    Raises
    ------
    ValueError
        If the text has too few words.
    """
    words = split_words(shipped_story() if text is None else text)
    if len(words) < MIN_WORDS:
        raise ValueError(f"the text has {len(words)} words; a story needs {MIN_WORDS} - is it the right file?")
    if plan.n_words is not None and plan.n_words > len(words):
        raise ValueError(
            f"the story has {len(words)} words; {plan.n_words} were asked for - give a longer one with --text"
        )
    parts = split_runs(words[: plan.n_words], plan.run_words)
    return [assign_times(part, plan.seed * 1000 + i) for i, part in enumerate(parts)]


def planted_information(
    model: WordEncoder, plan: SimulationPlan, story: Sequence[Sequence[Word]], progress: Progress
) -> tuple[list[int], np.ndarray]:
    """Extract what a plan plants of a language model: what each layer adds to those below, or its context.

    Why the first layer is compared with the hidden state half way down to the embedding: compared with nothing or with
    the embedding, it would hold nearly everything that later layers hold too, and every layer would peak at its
    latency; compared with its neighbour, it would hold hardly anything.

    Parameters
    ----------
    model : WordEncoder
        The language model.
    plan : SimulationPlan
        Which layers, and whether only their context is planted.
    story : sequence of sequences of Word
        The words of each run.
    progress : callable
        Called with the stage and the share of it that is done.

    Returns
    -------
    layers : list of int
        Numbers of the layers.
    information : ndarray, shape (word, layer, dim)
        What is planted for each word of the story.
    """
    recipe = CONTEXT.model_copy(update={"layers": plan.layers})
    numbers = recipe.layer_indices(model.info.n_layers)
    beneath = [numbers[0] // 2] if numbers[0] else []
    total = sum(len(run) for run in story)
    read: list[np.ndarray] = []
    done = 0

    def report(n: int) -> None:
        progress("language", (done + n) / total)

    for run in story:
        texts = [word.text for word in run]
        read.append(model.encode(texts, recipe, [*beneath, *numbers], report, surprisal=False).activations)
        done += len(run)
    whole = np.concatenate(read)
    used = whole[:, len(beneath) :]
    if plan.contextual:
        position = np.concatenate([np.arange(len(run)) for run in story])
        return numbers, context_information(used, _read_alone(model, story, numbers), position, plan.n_dims)
    return numbers, own_information(used, plan.n_dims, whole[:, 0] if beneath else None)


def _read_alone(model: WordEncoder, story: Sequence[Sequence[Word]], layers: Sequence[int]) -> np.ndarray:
    """(word, layer, dim) the states of each word read by itself."""
    recipe = CONTEXT.model_copy(update={"context": "window:0"})
    texts = [[word.text for word in run] for run in story]
    return np.concatenate([model.encode(run, recipe, layers, surprisal=False).activations for run in texts])


def _ignore(stage: str, share: float) -> None:
    """Progress that nobody asked for."""


def ground_truth(
    plan: SimulationPlan, made: Sequence[SimulatedRun], latencies: dict[str, float], info: Any | None
) -> dict[str, Any]:
    """The content of ground_truth.json: what was planted, to check an analysis."""
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
