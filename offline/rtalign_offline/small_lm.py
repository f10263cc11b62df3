"""Trains small language models from before the transformer (LSTM, GRU, segment memory) on any text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from rtalign.core.progress import Progress, Stage
from rtalign.core.storage.files import atomic_folder
from rtalign.language.networks import BOS, ClassicConfig, ClassicModel, save_classic
from rtalign.simulation import story_words

KINDS: dict[str, Any] = {"lstm": "lstm_lm", "gru": "gru_lm", "memory": "memory_lm"}

ROWS, SEGMENT = 16, 32
"""Places in the text that are read in parallel, and tokens between two updates."""

LEARNING_RATES = {"lstm_lm": 6e-3, "gru_lm": 6e-3, "memory_lm": 2e-3}
"""The highest learning rate; attention becomes unstable at one that suits recurrence."""

HELD_OUT, CHECK_EVERY = 0.1, 25
"""Share of the text, at its end, that is held out; steps between two checks on it."""


@dataclass(frozen=True, slots=True)
class SmallModelSettings:
    """Size and training of a small language model.

    Attributes
    ----------
    kind : {"lstm", "gru", "memory"}
        Stacked recurrent layers, or the segment memory of Transformer-XL.
    layers : int
        Layers above the embedding.
    dim : int
        Dimensions of every layer, a multiple of 4.
    memory : int
        Tokens that a layer of the segment memory looks back.
    vocabulary : int
        Tokens of the vocabulary, at most; at least 300.
    steps : int
        Updates of the weights.
    seed : int
        Seed of everything random.

    Raises
    ------
    ValueError
        If the sizes do not fit together.
    """

    kind: Literal["lstm", "gru", "memory"] = "lstm"
    layers: int = 3
    dim: int = 128
    memory: int = 128
    vocabulary: int = 2000
    steps: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dim % 4 or self.layers < 1 or self.vocabulary < 300:
            raise ValueError(
                f"dim {self.dim}, layers {self.layers}, vocabulary {self.vocabulary}: dim must be a multiple of 4, "
                "layers at least 1, vocabulary at least 300"
            )

    def config(self, n_tokens: int, trained_on: str) -> ClassicConfig:
        """The network's config.json.  n_tokens : entries of the vocabulary that the text filled."""
        return ClassicConfig(
            model_type=KINDS[self.kind],
            vocab_size=n_tokens,
            hidden_size=self.dim,
            num_hidden_layers=self.layers,
            memory=self.memory,
            trained_on=trained_on,
        )


def train_language_model(texts: Sequence[Path], out: Path, settings: SmallModelSettings, progress: Progress) -> float:
    """Train a small language model on plain text and save it where `rtalign train --model` can read it.

    Parameters
    ----------
    texts : sequence of Path
        Plain text files in UTF-8, read one after the other.
    out : Path
        A new folder.
    settings : SmallModelSettings
        Size and training of the model.
    progress : Progress
        Where progress is shown.

    Returns
    -------
    float
        Cross-entropy on the last tenth of the text, which is held out, in nats per token.

    Raises
    ------
    ValueError
        If `out` exists, or the text is too short.

    Examples
    --------
    >>> train_language_model([Path("book.txt")], Path("my-lstm"), SmallModelSettings(), Progress())  # doctest: +SKIP
    4.71
    """
    if out.exists():
        raise ValueError(f"{out} exists already; name a new folder")
    text = " ".join(word for path in texts for word in story_words(path.read_text(encoding="utf-8")))
    tokenizer = train_tokenizer(text, settings.vocabulary)
    ids = torch.tensor(tokenizer.encode(text).ids)
    if len(ids) < ROWS * SEGMENT * 2:
        raise ValueError(f"the text has {len(ids)} tokens; training needs at least {ROWS * SEGMENT * 2}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    trained_on = f"{len(ids)} tokens, text {digest}, {settings.steps} steps, seed {settings.seed}"
    config = settings.config(tokenizer.get_vocab_size(), trained_on)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = ClassicModel(config)
        with progress.stage(f"training {config.model_type}", settings.steps, "steps") as stage:
            loss = _fit(model, ids, settings.steps, stage)
    progress.say(f"{loss:.2f} nats a token on the last tenth of the text, which was held out")
    with atomic_folder(out) as partial:
        save_classic(partial, model.eval(), tokenizer)
    return loss


def train_tokenizer(text: str, size: int) -> Any:
    """A byte-level BPE of the text, which can spell any other text too.

    Parameters
    ----------
    text : str
        The text to learn from.
    size : int
        Entries at most.

    Returns
    -------
    tokenizers.Tokenizer
        The trained tokenizer.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[BOS], initial_alphabet=alphabet, show_progress=False, min_frequency=2
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def _fit(model: ClassicModel, ids: torch.Tensor, steps: int, stage: Stage) -> float:
    """Train on all but the end of a text, and keep the weights with the lowest loss on that end; returns the loss."""
    held_out = ids[int(len(ids) * (1 - HELD_OUT)) :]
    rows = ids[: (len(ids) - len(held_out)) // ROWS * ROWS].view(ROWS, -1)
    # Every row opens with the token that opens a text, so that the model has seen it.
    rows = torch.cat([torch.zeros(ROWS, 1, dtype=torch.long), rows], 1)
    rate = LEARNING_RATES[model.config.model_type]
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=max(steps, 2), pct_start=0.1)
    start, states, best, weights = 0, None, torch.inf, model.state_dict()
    for step in range(steps):
        if start + SEGMENT + 1 > rows.shape[1]:
            start, states = 0, None
        loss, states = _loss(model.train(), rows[:, start : start + SEGMENT + 1], states)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        start += SEGMENT
        if step % CHECK_EVERY == CHECK_EVERY - 1 or step == steps - 1:
            with torch.inference_mode():
                now = float(_loss(model.eval(), held_out[None], None)[0])
            if now < best:
                best, weights = now, {name: part.clone() for name, part in model.state_dict().items()}
        stage.advance()
    model.load_state_dict(weights)
    return best


def _loss(model: ClassicModel, ids: torch.Tensor, states: Any) -> tuple[torch.Tensor, Any]:
    """Nats a token from the second on, and the layers' states without their gradients."""
    hidden, states = model(ids[:, :-1], states)
    logits = model.head(hidden[-1]).flatten(0, 1)
    return torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten()), [_detached(state) for state in states]


def _detached(state: Any) -> Any:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
