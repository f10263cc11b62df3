"""Trains a small language model of before the transformer on any text: `python -m rtalign_offline.small_lm`."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from rtalign.core import cache
from rtalign.core.progress import Progress
from rtalign.language.networks import BOS, ClassicConfig, ClassicModel, save_classic
from rtalign.simulation.story import story_words

KINDS = {"lstm": "lstm_lm", "gru": "gru_lm", "memory": "memory_lm"}

ROWS, SEGMENT = 16, 32
"""Places in the text that are read side by side, and tokens between two updates."""

RATES = {"lstm_lm": 6e-3, "gru_lm": 6e-3, "memory_lm": 2e-3}
"""The highest learning rate; attention stumbles at one that suits recurrence."""

HELD, LOOK = 0.1, 25
"""Share of the text, its end, that is held back; steps between two looks at it."""


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        train(args.text, args.out, _config(args), args.steps, args.seed, Progress(args.quiet))
    except (ValueError, OSError) as error:
        print(f"rtalign_offline.small_lm: {error}", file=sys.stderr)
        return 1
    if not args.quiet:
        print(f"{args.out}: read it with --model {args.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rtalign_offline.small_lm",
        description=__doc__,
        epilog="example:\n  python -m rtalign_offline.small_lm book.txt --kind lstm --out my-lstm",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", nargs="+", type=Path, metavar="TEXT", help="plain text in UTF-8, one file or several")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    parser.add_argument("--kind", choices=KINDS, default="lstm", help="lstm, gru, or memory: Transformer-XL's (lstm)")
    parser.add_argument("--layers", type=int, default=3, help="layers above the embedding (3)")
    parser.add_argument("--dim", type=int, default=128, help="dimensions of each (128)")
    parser.add_argument("--memory", type=int, default=128, metavar="TOKENS", help="how far memory looks back (128)")
    parser.add_argument("--vocabulary", type=int, default=2000, help="entries at most (2000)")
    parser.add_argument("--steps", type=int, default=400, help="updates; 400 take about a minute on one core (400)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (0)")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    return parser


def _config(args: argparse.Namespace) -> ClassicConfig:
    if args.dim % 4 or args.layers < 1 or args.vocabulary < 300:
        raise ValueError(
            f"--dim {args.dim}, --layers {args.layers}, --vocabulary {args.vocabulary}: "
            "dimensions are a multiple of 4, there is a layer at least, and 300 entries are"
        )
    return ClassicConfig(
        model_type=KINDS[args.kind],
        vocab_size=args.vocabulary,
        hidden_size=args.dim,
        num_hidden_layers=args.layers,
        memory=args.memory,
    )


def train(texts: Sequence[Path], out: Path, config: ClassicConfig, steps: int, seed: int, progress: Progress) -> float:
    """Write a trained model to the new folder `out`; returns its cost in nats a token on the text's end, held back."""
    if out.exists():
        raise ValueError(f"{out} exists already; name a new folder")
    text = " ".join(word for path in texts for word in story_words(path.read_text(encoding="utf-8")))
    tokenizer = learn_tokenizer(text, config.vocab_size)
    ids = torch.tensor(tokenizer.encode(text).ids)
    if len(ids) < ROWS * SEGMENT * 2:
        raise ValueError(f"the text has {len(ids)} tokens; {ROWS * SEGMENT * 2} are the least to learn from")
    print_ = hashlib.sha256(text.encode()).hexdigest()[:12]
    note = f"{len(ids)} tokens, text {print_}, {steps} steps, seed {seed}"
    config = config.model_copy(update={"vocab_size": tokenizer.get_vocab_size(), "trained_on": note})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ClassicModel(config)
        with progress.stage(f"training {config.model_type}", steps, "steps") as stage:
            cost = fit(model, ids, steps, stage)
    progress.say(f"{cost:.2f} nats a token on the last tenth, which was held back")
    with cache.atomic_folder(out) as partial:
        save_classic(partial, model.eval(), tokenizer)
    return cost


def learn_tokenizer(text: str, size: int) -> Any:
    """A byte-level BPE of the text, which spells whatever else comes."""
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


def fit(model: ClassicModel, ids: torch.Tensor, steps: int, stage: Any) -> float:
    """Learn from all but the end of a text, and stay as it was when the end was foretold best; returns that cost."""
    held = ids[int(len(ids) * (1 - HELD)) :]
    rows = ids[: (len(ids) - len(held)) // ROWS * ROWS].view(ROWS, -1)
    # Every row opens with the sign that opens a text, so that the model has met it.
    rows = torch.cat([torch.zeros(ROWS, 1, dtype=torch.long), rows], 1)
    rate = RATES[model.config.model_type]
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    slope = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=max(steps, 2), pct_start=0.1)
    at, states, best, kept = 0, None, torch.inf, model.state_dict()
    for step in range(steps):
        if at + SEGMENT + 1 > rows.shape[1]:
            at, states = 0, None
        cost, states = _cost(model.train(), rows[:, at : at + SEGMENT + 1], states)
        optimiser.zero_grad()
        cost.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        slope.step()
        at += SEGMENT
        if step % LOOK == LOOK - 1 or step == steps - 1:
            with torch.inference_mode():
                now = float(_cost(model.eval(), held[None], None)[0])
            if now < best:
                best, kept = now, {name: part.clone() for name, part in model.state_dict().items()}
        stage.advance()
    model.load_state_dict(kept)
    return best


def _cost(model: ClassicModel, ids: torch.Tensor, states: Any) -> tuple[torch.Tensor, Any]:
    """Nats a token from the second on, and what the model remembers, without the way it came about."""
    hidden, states = model(ids[:, :-1], states)
    logits = model.head(hidden[-1]).flatten(0, 1)
    return torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten()), [_let_go(state) for state in states]


def _let_go(state: Any) -> Any:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


if __name__ == "__main__":
    sys.exit(main())
