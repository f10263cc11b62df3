"""The words of the command line: every subcommand, its options and an example of each."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from rtalign.core.session import WordEncoding


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rtalign",
        description="How a language model and a human brain line up: decoders per layer and lag, offline and live.",
        epilog="Start with: rtalign demo",
    )
    parser.add_argument("--version", action="version", version=f"rtalign {version('rtalign')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    offline = (_demo, _simulate, _train, _evaluate, _sweep, _report)
    for add in (*offline, _monitor, _replay, _stream, _models, _datasets, _doctor):
        add(commands)
    return parser


MODEL_NOTES = """names, wherever a model is asked for:
  NAME                     smollm2, a local folder, a GGUF file, a Hugging Face id in the local cache
  NAME:untrained[:SEED]    the same architecture with random weights
  NAME:static              its embedding alone: static word vectors, no context
  random:DIM[:SEED]        random functions of the words and their context, no model at all
An LSTM, a GRU or a segment memory of your own: python -m offline.classic TEXT --kind lstm --out FOLDER"""


def _new(
    commands: argparse._SubParsersAction, name: str, summary: str, example: str, notes: str = ""
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}" + (f"\n\n{notes}" if notes else ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but results and errors")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser


def _demo(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "demo",
        "simulate a listener, train on her, score fresh minutes, and compare with what was planted",
        "rtalign demo --out my-demo --minutes 10",
    )
    parser.add_argument("--out", type=Path, default=Path("rtalign-demo"), metavar="DIR", help="where everything goes")
    parser.add_argument("--minutes", type=float, default=20.0, metavar="M", help="length of the training story (20)")
    parser.add_argument("--headless", action="store_true", help="open no window, leave its pictures")
    parser.add_argument("--prepare", action="store_true", help="make the listener and her bank, and stop there")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated listener (1)")


def _simulate(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "simulate",
        "write a BIDS-shaped recording whose layers peak at known latencies",
        "rtalign simulate listener --words 3000 --ladder 0.15,0.45",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    parser.add_argument("--words", type=int, metavar="N", help="words to tell (default: the whole story)")
    parser.add_argument("--text", type=Path, metavar="FILE", help="another story, plain text")
    parser.add_argument("--sensors", choices=("ctf275", "neuromag306"), default="ctf275", help="helmet (ctf275)")
    parser.add_argument("--sfreq", type=float, metavar="HZ", help="sampling rate (1200, neuromag306: 1000)")
    parser.add_argument("--snr", type=float, metavar="X", help="evoked over background, rms ratio at 0.1-20 Hz")
    parser.add_argument("--ladder", metavar="FIRST_S,LAST_S", help="latencies of the first and the last layer")
    parser.add_argument("--null", action="store_true", help="plant nothing")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (0)")
    parser.add_argument("--model", default="smollm2", metavar="M", help="whose layers to plant (smollm2)")


def _train(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "train",
        "fit decoders for every layer and lag, cross-validated",
        "rtalign train listener --model smollm2 --out bank",
    )
    _recordings(parser, words_free=False)
    _model(parser, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="BANK", help="folder of the new bank")
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="a recipe.toml; options below override it")
    parser.add_argument("--preset", choices=("live", "paper"), default="live", help="the recipe to start from (live)")
    parser.add_argument("--context", metavar="growing:N|window:K", help="the words that the model sees before a word")
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16", "int8"), help="numbers that the model is made of (float32)"
    )
    parser.add_argument("--layers", metavar="all|9|LIST", help="all, a number of them, or a list such as 0,10,20")
    parser.add_argument("--lags", metavar="FROM:TO:STEP", help="seconds after word onset, such as -0.5:1.5:0.02")
    parser.add_argument("--words", choices=("all", "content"), help="all words, or nouns, verbs, adjectives, adverbs")
    parser.add_argument("--extend", type=Path, metavar="BANK", help="add these recordings to what a bank has learned")
    parser.add_argument("--dry-run", action="store_true", help="estimate time and memory, fit nothing")
    parser.add_argument("--force", action="store_true", help="replace the bank if the folder is one already")


def _evaluate(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "evaluate",
        "score a bank on recordings it has not seen",
        "rtalign evaluate bank fresh-listener --out scores",
    )
    parser.add_argument("bank", type=Path, metavar="BANK", help="folder of a bank")
    _recordings(parser)
    _model(parser, required=False)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    parser.add_argument("--allow-missing", action="store_true", help="go on where sensors of the bank are not there")
    parser.add_argument("--force", action="store_true", help="replace earlier results in the folder")


def _sweep(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "sweep",
        "train models x contexts x people from one plan on many processes, and report how they compare",
        "rtalign sweep plan.toml --out study",
    )
    parser.add_argument("plan", nargs="?", type=Path, metavar="PLAN.toml", help="models, contexts, people and recipe")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the sweep; it goes on where it stopped")
    whence = "local (default), slurm, or the address of a Dask scheduler such as tcp://127.0.0.1:8786"
    parser.add_argument("--cluster", default="local", metavar="local|slurm|ADDRESS", help=whence)
    whole = "write the plan of arXiv 2512.01591 to PLAN.toml (default: paper.toml) and say what it would cost"
    parser.add_argument("--plan-paper", action="store_true", help=whole)


def _report(commands: argparse._SubParsersAction) -> None:
    parser = _new(commands, "report", "write the HTML report of a bank or of results", "rtalign report bank")
    parser.add_argument("folder", type=Path, metavar="DIR", help="a bank, or what evaluate wrote")


def _monitor(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands, "monitor", "score live MEG and words from LSL streams", "rtalign monitor --bank bank --headless"
    )
    parser.add_argument("--session", dest="session_file", type=Path, metavar="FILE", help="settings in a TOML file")
    parser.add_argument("--meg", metavar="NAME", help="stream of the MEG (default: the first of type MEG or EEG)")
    parser.add_argument("--words", metavar="NAME", help="stream of the words (default: the first stream of text)")
    parser.add_argument("--encoding", help=f"how words arrive: {', '.join(get_args(WordEncoding))}")
    parser.add_argument("--word-table", type=Path, metavar="FILE", help="word onsets, where markers do not say words")
    parser.add_argument("--trigger", metavar="CHANNEL", help="channel of the MEG stream whose codes mark words")
    parser.add_argument("--audio-delay", dest="audio_delay_s", type=float, metavar="S", help="from marker to sound, s")
    _scoring(parser)


def _replay(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "replay",
        "score a recording as if it were live",
        "rtalign replay listener --bank bank --speed max --headless --out scores",
    )
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="BIDS folder, MEG recording, XDF, session")
    parser.add_argument("--speed", default="1", metavar="X|max", help="times real time, or max (1)")
    parser.add_argument("--lsl", action="store_true", help="send it through real LSL streams, at 1x")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results")
    parser.add_argument("--audio", type=Path, metavar="WAV", help="the story's sound, or a folder with a wav per run")
    _filters(parser)
    _scoring(parser)


def _scoring(parser: argparse.ArgumentParser) -> None:
    """What monitor and replay share."""
    parser.add_argument("--bank", type=Path, metavar="BANK", help="folder of a bank")
    parser.add_argument("--model", metavar="M", help="the language model, where the bank's own name for it does not do")
    parser.add_argument("--adapt", action="store_true", help="learn from today's participant, each word once scored")
    parser.add_argument("--allow-missing", action="store_true", help="go on where sensors of the bank are not there")
    parser.add_argument("--seconds", type=float, metavar="S", help="stop after so long (default: at the end)")
    parser.add_argument("--last-words", type=int, metavar="N", help="score the last N words alone (default: all)")
    parser.add_argument("--record", type=Path, metavar="DIR", help="record the session in a new folder in DIR")
    parser.add_argument("--publish", action="store_true", help="send scores out over LSL as rtalign-scores")
    group = parser.add_argument_group("what is seen of it")
    group.add_argument("--headless", action="store_true", help="no window: a panel, or JSON lines where piped")
    group.add_argument("--pictures", type=Path, metavar="DIR", help="leave pictures of the window, then close it")
    group.add_argument("--view", choices=("operator", "demo"), help="all panels, or few in large type (as last time)")


def _stream(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "stream",
        "play a recording as LSL streams of MEG and words",
        "rtalign stream listener --faults rehearsal.toml",
    )
    _recordings(parser)
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="times real time (1)")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="faults to rehearse, TOML")
    parser.add_argument("--name-meg", default="rtalign-meg", metavar="N", help="name of the MEG stream (rtalign-meg)")
    parser.add_argument("--name-words", default="rtalign-words", metavar="N", help="of the words (rtalign-words)")
    parser.add_argument("--chunk-ms", type=float, default=20.0, metavar="MS", help="length of a chunk (20)")
    parser.add_argument("--word-encoding", choices=("plain", "json"), default="plain", help="markers' form (plain)")
    parser.add_argument("--word-delay", type=float, default=0.0, metavar="S", help="send words so much later (0)")
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="wait so long for somebody to listen (0)")


def _models(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "models",
        "list the language models that can be used, and what they would take of this machine",
        "rtalign models",
        notes=MODEL_NOTES,
    )
    parser.add_argument("--prepare", metavar="M", help="make a model ready now (the packaged one is converted once)")
    told = "what memory and time are told for (float32)"
    parser.add_argument("--precision", choices=("float32", "bfloat16", "int8"), default="float32", help=told)


def _datasets(commands: argparse._SubParsersAction) -> None:
    parser = _new(
        commands,
        "datasets",
        "list known data sets, check a folder of one, or audit its onsets",
        "rtalign datasets check audiobook",
    )
    parser.add_argument("what", nargs="?", choices=("check", "audit"), help="look through a folder, or audit onsets")
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="a data set, or one recording to audit")
    parser.add_argument("--signal", action="store_true", help="check: also look for flat or broken sensors")
    parser.add_argument("--sound", type=Path, metavar="FILE", help="audit: the wav of the run")
    parser.add_argument("--audio", metavar="CHANNEL", help="audit: the channel that holds the sound (UADC003)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="audit: folder of the figures")
    _filters(parser)


def _doctor(commands: argparse._SubParsersAction) -> None:
    parser = _new(commands, "doctor", "check this machine and say the cure of each fault", "rtalign doctor --fix-hints")
    parser.add_argument("--fix-hints", action="store_true", help="show cures also for what is merely not ideal")


def _recordings(parser: argparse.ArgumentParser, words_free: bool = True) -> None:
    parser.add_argument("recordings", nargs="+", type=Path, metavar="RECORDING", help="BIDS folders or MEG recordings")
    group = _filters(parser, words_free)
    group.add_argument("--bads", default="", metavar="A,B", help="channels to leave out")


def _filters(parser: argparse.ArgumentParser, words_free: bool = True) -> argparse._ArgumentGroup:
    """words_free : whether --words is not taken, as it is in train, for the kinds of words to use."""
    group = parser.add_argument_group("which recordings")
    for name in ("subject", "session", "task", "run"):
        group.add_argument(
            f"--{name}", metavar=name.upper(), help=f"only this {name} of a BIDS folder, or several: A,B"
        )
    group.add_argument("--word-table", type=Path, metavar="FILE", help="TSV, CSV, TextGrid or CTM of word onsets")
    words = ["--word-stream", "--words"] if words_free else ["--word-stream"]
    told = "name, type or number of the stream of"
    group.add_argument("--meg-stream", "--meg", metavar="NAME", help=f"XDF with several streams: {told} MEG")
    group.add_argument(*words, metavar="NAME", help=f"XDF with several streams: {told} words")
    group.add_argument("--raw-stamps", action="store_true", help="XDF: time stamps as they came, jitter and all")
    return group


def _model(parser: argparse.ArgumentParser, required: bool) -> None:
    whence = (
        "smollm2, a local folder, a GGUF file, or a Hugging Face id in the local cache; "
        "with :untrained[:SEED] or :static behind it, a control; or random:DIM"
    )
    parser.add_argument("--model", required=required, metavar="M", help=whence)
    parser.add_argument("--allow-download", action="store_true", help="fetch the model if it is not here")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (cpu)")
