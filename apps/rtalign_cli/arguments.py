"""The options of every subcommand, with one sentence about each and an example."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from rtalign_cli.usage import CommandParser, number, whole

MODEL_NAMES = """names, wherever a model is asked for:
  NAME                     smollm2, a local folder, a GGUF file, a Hugging Face id in the local cache
  NAME:untrained[:SEED]    the same architecture with random weights
  NAME:static              its embedding layer alone: static word vectors, no context
  random:DIM[:SEED]        random functions of the words and their context, no language model
An LSTM, a GRU or a segment memory of your own: rtalign train-lm TEXT --kind lstm --out FOLDER"""


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("rtalign-demo"), metavar="DIR", help="folder of all results")
    parser.add_argument(
        "--minutes", type=number(above=0), default=20.0, metavar="M", help="length of the training story (20)"
    )
    parser.add_argument("--headless", action="store_true", help="open no window, save pictures of it instead")
    parser.add_argument("--instant", action="store_true", help="play a recorded session at once, train nothing")
    parser.add_argument("--prepare", action="store_true", help="make the listener and the bank, and stop there")
    parser.add_argument("--seed", type=whole(0), default=1, help="seed of the simulated listener (1)")


def _simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    parser.add_argument("--words", type=whole(1), metavar="N", help="words of the story to use (default: all)")
    parser.add_argument("--run-words", type=whole(1), metavar="N", help="words of a run, up to a sentence's end (600)")
    parser.add_argument("--text", type=Path, metavar="FILE", help="another story, plain text")
    parser.add_argument("--sensors", choices=("ctf275", "neuromag306"), default="ctf275", help="helmet (ctf275)")
    parser.add_argument(
        "--sfreq",
        type=number(at_least=100, at_most=20000),
        metavar="HZ",
        help="sampling rate (1200, neuromag306: 1000)",
    )
    parser.add_argument(
        "--snr", type=number(above=0), metavar="X", help="evoked over background, rms ratio at 0.1-20 Hz"
    )
    parser.add_argument("--ladder", metavar="FIRST_S,LAST_S", help="peak latencies of the first and the last layer")
    parser.add_argument("--null", action="store_true", help="plant nothing: a recording without any response to words")
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of everything random (0)")
    parser.add_argument(
        "--model", default="smollm2", metavar="M", help="language model whose layers to plant (smollm2)"
    )


def _train(parser: argparse.ArgumentParser) -> None:
    _recordings(parser, short_words=False)
    _model(parser, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="BANK", help="folder of the new bank")
    _recipe(parser, "a recipe.toml; options below override it")
    parser.add_argument("--context", metavar="growing:N|window:K", help="the words that the model sees before a word")
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16", "int8"), help="number format of the model's weights (float32)"
    )
    parser.add_argument("--layers", metavar="all|9|LIST", help="all, a number of them, or a list such as 0,10,20")
    parser.add_argument("--lags", metavar="FROM:TO:STEP", help="seconds after word onset, such as -0.5:1.5:0.02")
    parser.add_argument("--words", choices=("all", "content"), help="all words, or nouns, verbs, adjectives, adverbs")
    what = "what finds content words without a column pos: a spaCy pipeline, or a list of function words, as list:en"
    parser.add_argument("--tagger", metavar="NAME", help=what)
    spatial = parser.add_mutually_exclusive_group()
    what = "take out the projectors that the recordings carry, here and live"
    spatial.add_argument("--ssp", dest="spatial", action="store_const", const="ssp", help=what)
    what = "Maxwell-filter for one position of the head, here and live (no tSSS)"
    spatial.add_argument("--sss", dest="spatial", action="store_const", const="sss", help=what)
    spatial.add_argument("--tsss", dest="spatial", action="store_const", const="tsss", help=argparse.SUPPRESS)
    parser.add_argument("--draws", type=int, metavar="N", help="draws of a recording of nothing, for chance (1000)")
    parser.add_argument(
        "--controls",
        default="",
        metavar="NAME,...",
        help="nuisances: what is left without timing, word form and static "
        "vectors; innovation: what each layer adds to those below; breakdown: kinds of words, runs, and decoders of "
        "one lag at another; untrained, static, random: twins of the model",
    )
    parser.add_argument("--extend", type=Path, metavar="BANK", help="add these recordings to a bank, with its settings")
    slim = "write a bank of a tenth of the size, which scores, but cannot be extended or --adapt"
    parser.add_argument("--slim", action="store_true", help=slim)
    parser.add_argument("--dry-run", action="store_true", help="estimate time and memory, fit nothing")
    parser.add_argument("--force", action="store_true", help="replace the bank if the folder already holds one")


def _train_lm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="+", type=Path, metavar="TEXT", help="plain text in UTF-8, one file or several")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    kinds = "lstm, gru, or memory: the segment memory of Transformer-XL (lstm)"
    parser.add_argument("--kind", choices=("lstm", "gru", "memory"), default="lstm", help=kinds)
    parser.add_argument("--layers", type=whole(1), default=3, metavar="N", help="layers above the embedding (3)")
    parser.add_argument(
        "--dim", type=whole(4), default=128, metavar="N", help="dimensions of each, a multiple of 4 (128)"
    )
    parser.add_argument(
        "--memory", type=whole(1), default=128, metavar="TOKENS", help="how far memory looks back (128)"
    )
    parser.add_argument(
        "--vocabulary", type=whole(300), default=2000, metavar="N", help="tokens at most, from 300 (2000)"
    )
    parser.add_argument(
        "--steps", type=whole(1), default=400, metavar="N", help="updates; 400 take about a minute (400)"
    )
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of everything random (0)")


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bank", type=Path, metavar="BANK", help="folder of a bank")
    _recordings(parser)
    _model(parser, required=False)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    parser.add_argument(
        "--controls",
        default="",
        metavar="NAME,...",
        help="nuisances: also what is left without timing and the like; breakdown: also kinds of words, and decoders "
        "of one lag at another",
    )
    parser.add_argument("--allow-missing", action="store_true", help="continue where sensors of the bank are missing")
    parser.add_argument("--force", action="store_true", help="replace earlier results in the folder")


def _sweep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", nargs="?", type=Path, metavar="PLAN.toml", help="models, contexts, people and recipe")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the sweep, which resumes where it stopped")
    where = "local (default), slurm, or the address of a Dask scheduler such as tcp://127.0.0.1:8786"
    parser.add_argument("--cluster", default="local", metavar="local|slurm|ADDRESS", help=where)
    paper = "write the plan of arXiv 2512.01591 to PLAN.toml (default: paper.toml) and print what it would cost"
    parser.add_argument("--plan-paper", action="store_true", help=paper)


def _new_plan(parser: argparse.ArgumentParser) -> None:
    what = "whose recordings: BIDS folders or MEG recordings, one a person (listener)"
    parser.add_argument("recordings", nargs="*", type=Path, metavar="RECORDING", help=what)
    parser.add_argument("--out", type=Path, default=Path("plan.toml"), metavar="FILE", help="the new plan (plan.toml)")
    parser.add_argument("--models", default="smollm2", metavar="A,B", help="language models to compare (smollm2)")
    parser.add_argument("--contexts", default="growing:1000", metavar="A,B", help="contexts to compare (growing:1000)")


def _report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="a bank, a session, a sweep, or results of evaluate")
    parser.add_argument("--figures", type=Path, metavar="OUT", help="also write ladder, map and curves: SVG, PDF, PNG")
    parser.add_argument("--netcdf", type=Path, metavar="FILE", help="also write every curve, with its null draws")
    parser.add_argument("--bids", type=Path, metavar="OUT", help="also write curves and peaks as BIDS derivatives")
    parser.add_argument("--subject", metavar="LABEL", help="whose results they are, where --bids cannot know")
    parser.add_argument(
        "--parity", action="store_true", help="score a recorded live session offline, and say how the two differ"
    )
    parser.add_argument("--bank", type=Path, metavar="BANK", help="for --parity, where the bank was moved since")
    _model(parser, required=False)


def _monitor(parser: argparse.ArgumentParser) -> None:
    from rtalign.core.session import WordEncoding

    parser.add_argument("--session", dest="session_file", type=Path, metavar="FILE", help="settings in a TOML file")
    what = "stream of the MEG, or a FieldTrip buffer, ft://HOST:1972 (default: the first stream of type MEG or EEG)"
    parser.add_argument("--meg", metavar="NAME", help=what)
    parser.add_argument("--words", metavar="NAME", help="stream of the words (default: the first stream of text)")
    encodings = get_args(WordEncoding)
    parser.add_argument("--encoding", choices=encodings, metavar="E", help=f"how words arrive: {', '.join(encodings)}")
    parser.add_argument("--word-table", type=Path, metavar="FILE", help="word onsets, where markers do not name words")
    parser.add_argument("--head", metavar="NAME", help="stream of head positions, as neuromag2lsl sends them")
    parser.add_argument("--trigger", metavar="CHANNEL", help="channel of the MEG stream whose codes mark words")
    parser.add_argument(
        "--audio-delay",
        dest="audio_delay_s",
        type=number(-1, 1, unit=" s"),
        metavar="S",
        help="from marker to sound, s (what audit --save kept, else 0)",
    )
    parser.add_argument(
        "--no-standby", action="store_true", help="keep no second engine that takes over where one is lost: less memory"
    )
    _scoring(parser)


def _replay(parser: argparse.ArgumentParser) -> None:
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
    parser.add_argument(
        "--model", metavar="M", help="the language model, where the bank's own name for it is not found"
    )
    parser.add_argument("--adapt", action="store_true", help="learn from today's participant, each word once scored")
    parser.add_argument("--allow-missing", action="store_true", help="continue where sensors of the bank are missing")
    parser.add_argument(
        "--seconds", type=number(above=0), metavar="S", help="stop after S seconds (default: at the end)"
    )
    parser.add_argument(
        "--last-words", type=whole(100), metavar="N", help="score the last N words alone (default: all)"
    )
    parser.add_argument("--record", type=Path, metavar="DIR", help="record the session in a new folder in DIR")
    parser.add_argument("--publish", action="store_true", help="send scores out over LSL as rtalign-scores")
    group = parser.add_argument_group("how it is shown")
    group.add_argument("--headless", action="store_true", help="no window: a live view here, JSON lines in a pipe")
    group.add_argument("--pictures", type=Path, metavar="DIR", help="save pictures of the window, then close it")
    group.add_argument("--view", choices=("operator", "demo"), help="all panels, or few in large type (as last time)")


def _stream(parser: argparse.ArgumentParser) -> None:
    _recordings(parser)
    parser.add_argument(
        "--speed", type=number(above=0, at_most=100), default=1.0, metavar="X", help="times real time (1)"
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="faults to rehearse, TOML")
    parser.add_argument("--name-meg", default="rtalign-meg", metavar="N", help="name of the MEG stream (rtalign-meg)")
    parser.add_argument("--name-words", default="rtalign-words", metavar="N", help="of the words (rtalign-words)")
    parser.add_argument(
        "--chunk-ms", type=number(above=0, at_most=10000), default=20.0, metavar="MS", help="length of a chunk (20)"
    )
    parser.add_argument("--word-encoding", choices=("plain", "json"), default="plain", help="markers' form (plain)")
    parser.add_argument(
        "--word-delay", type=number(0, 86400), default=0.0, metavar="S", help="send words S seconds late (0)"
    )
    parser.add_argument(
        "--wait", type=number(0, 86400), default=0.0, metavar="S", help="wait S seconds for a receiver (0)"
    )


def _bridge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="ft://HOST:PORT", help="where the buffer is; port 1972 if it is left out")
    parser.add_argument("--name-meg", default="fieldtrip-meg", metavar="N", help="of the signal (fieldtrip-meg)")
    parser.add_argument("--name-words", default="fieldtrip-words", metavar="N", help="of the events (fieldtrip-words)")


def _sensors(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recording", nargs="?", type=Path, metavar="RECORDING", help="a recording, with words or without"
    )
    parser.add_argument("--meg", metavar="NAME", help="a live stream, or ft://HOST:PORT (the first MEG stream)")
    what = "how much signal is judged (20)"
    parser.add_argument("--seconds", type=number(1, 86400), default=20.0, metavar="S", help=what)


def _models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prepare", metavar="M", help="convert a model now (the packaged one needs it once)")
    what = "number format that memory and time are estimated for (float32)"
    parser.add_argument("--precision", choices=("float32", "bfloat16", "int8"), default="float32", help=what)


def _datasets(parser: argparse.ArgumentParser) -> None:
    what = "check: what a folder holds; audit: word onsets against the recorded sound"
    parser.add_argument("what", nargs="?", choices=("check", "audit"), help=what)
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="a data set, or one recording")
    parser.add_argument(
        "--signal",
        action="store_true",
        help="check: read the signal too: flat or broken sensors, bad values, wrong units",
    )
    _recipe(parser, "check: count words as training with this recipe.toml would")
    parser.add_argument("--sound", type=Path, metavar="FILE", help="audit: the wav of the run")
    parser.add_argument("--audio", metavar="CHANNEL", help="audit: the channel that holds the sound (UADC003)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="audit: folder of the figures")
    parser.add_argument("--save", action="store_true", help="audit: keep the delay as this site's, for monitor")
    _filters(parser)


def _words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("align",), help="align: when each word of a text was spoken in a sound")
    parser.add_argument("sound", type=Path, metavar="STORY.wav", help="somebody reading the text, in English")
    parser.add_argument("text", type=Path, metavar="STORY.txt", help="what is read, word by word, in UTF-8")
    what = "the word table, TSV (words.tsv)"
    parser.add_argument("--out", type=Path, default=Path("words.tsv"), metavar="TABLE", help=what)
    parser.add_argument("--force", action="store_true", help="replace the table if it exists")


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fix-hints", action="store_true", help="print fixes for warnings too")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish")


def _certify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--meg", metavar="NAME", help="measure this MEG stream of the lab (default: a test stream)")
    parser.add_argument("--words", metavar="NAME", help="and this stream of markers")
    parser.add_argument("--seconds", type=number(at_least=2), default=60.0, metavar="S", help="how long (60)")
    parser.add_argument("--out", type=Path, default=Path("certificate.html"), metavar="FILE", help="the page")


def _recipe(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--recipe", type=Path, metavar="FILE", help=what)
    parser.add_argument("--preset", choices=("live", "paper"), help="the recipe to start from (live)")


def _recordings(parser: argparse.ArgumentParser, short_words: bool = True) -> None:
    parser.add_argument("recordings", nargs="+", type=Path, metavar="RECORDING", help="BIDS folders or MEG recordings")
    group = _filters(parser, short_words)
    group.add_argument("--bads", default="", metavar="A,B", help="channels to leave out")


def _filters(parser: argparse.ArgumentParser, short_words: bool = True) -> argparse._ArgumentGroup:
    """Which recordings of a folder, which streams of a file.

    short_words : whether --words is short for --word-stream; in `train` it names the kinds of words to use.
    """
    group = parser.add_argument_group("which recordings")
    for name in ("subject", "session", "task", "run"):
        group.add_argument(
            f"--{name}", metavar=name.upper(), help=f"only this {name} of a BIDS folder, or several: A,B"
        )
    group.add_argument("--word-table", type=Path, metavar="FILE", help="TSV, CSV, TextGrid, CTM or JSON of word onsets")
    words = ["--word-stream", "--words"] if short_words else ["--word-stream"]
    what = "name, type or number of the stream of"
    group.add_argument("--meg-stream", "--meg", metavar="NAME", help=f"XDF with several streams: {what} MEG")
    group.add_argument(*words, metavar="NAME", help=f"XDF with several streams: {what} words")
    group.add_argument("--raw-stamps", action="store_true", help="XDF: time stamps as they came, with their jitter")
    return group


def _model(parser: argparse.ArgumentParser, required: bool) -> None:
    names = (
        "smollm2, a local folder, a GGUF file, or a Hugging Face id in the local cache; "
        "with :untrained[:SEED] or :static behind it, a control; or random:DIM"
    )
    parser.add_argument("--model", required=required, metavar="M", help=names)
    parser.add_argument("--allow-download", action="store_true", help="download the model if it is not here")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (cpu)")


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand of `rtalign`.

    function : module:name of what runs it; imported only when it runs, so that `rtalign --help` answers at once.
    add_options : adds its options to its parser.  summary : one line of help.  notes : below the example.
    """

    function: str
    add_options: Callable[[argparse.ArgumentParser], None]
    summary: str
    example: str
    notes: str = ""


SUBCOMMANDS = {
    "demo": Subcommand(
        "rtalign_cli.subcommands.demo:demo",
        _demo,
        "simulate a listener, train decoders, score new minutes live, and compare with the known truth",
        "rtalign demo --out my-demo --minutes 10",
    ),
    "simulate": Subcommand(
        "rtalign_cli.subcommands.simulate:simulate",
        _simulate,
        "write a BIDS-shaped recording whose layers peak at known latencies",
        "rtalign simulate listener --words 3000 --ladder 0.15,0.45",
    ),
    "train": Subcommand(
        "rtalign_cli.subcommands.offline:train",
        _train,
        "fit decoders for every layer and lag, cross-validated",
        "rtalign train listener --model smollm2 --out bank",
    ),
    "train-lm": Subcommand(
        "rtalign_cli.subcommands.offline:train_lm",
        _train_lm,
        "train a small recurrent language model on your own text",
        "rtalign train-lm book.txt --kind lstm --out my-lstm",
        "Then use it with: rtalign train listener --model ./my-lstm --out bank",
    ),
    "evaluate": Subcommand(
        "rtalign_cli.subcommands.offline:evaluate",
        _evaluate,
        "score a bank on recordings it has not seen",
        "rtalign evaluate bank new-listener --out scores",
    ),
    "sweep": Subcommand(
        "rtalign_cli.subcommands.offline:sweep",
        _sweep,
        "train models x contexts x people from one plan on many processes, and report how they compare",
        "rtalign sweep plan.toml --out study",
    ),
    "new-plan": Subcommand(
        "rtalign_cli.subcommands.offline:new_plan",
        _new_plan,
        "write a plan of three lines for a sweep, to run or to edit",
        "rtalign new-plan listener --models smollm2,smollm2:untrained",
        "Then run it with: rtalign sweep plan.toml --out study",
    ),
    "report": Subcommand(
        "rtalign_cli.subcommands.offline:report",
        _report,
        "write the HTML report of a bank, a session or a sweep",
        "rtalign report bank",
    ),
    "monitor": Subcommand(
        "rtalign_cli.subcommands.live:monitor",
        _monitor,
        "score live MEG and words from LSL streams",
        "rtalign monitor --bank bank --headless",
    ),
    "replay": Subcommand(
        "rtalign_cli.subcommands.live:replay",
        _replay,
        "score a recording as if it were live",
        "rtalign replay listener --bank bank --speed max --headless --out scores",
    ),
    "stream": Subcommand(
        "rtalign_cli.subcommands.stream:stream",
        _stream,
        "play a recording as LSL streams of MEG and words",
        "rtalign stream listener --faults rehearsal.toml",
    ),
    "bridge": Subcommand(
        "rtalign_cli.subcommands.bridge:bridge",
        _bridge,
        "send a FieldTrip buffer (CTF, MEGIN, FieldLine) on as LSL streams",
        "rtalign bridge ft://acquisition:1972",
    ),
    "sensors": Subcommand(
        "rtalign_cli.subcommands.sensors:sensors",
        _sensors,
        "check the sensors before a session: noise, flat, jumping and line noise, beside others of their kind",
        "rtalign sensors --meg ft://acquisition:1972",
    ),
    "models": Subcommand(
        "rtalign_cli.subcommands.models:models",
        _models,
        "list the language models that can be used, with the memory and time they need here",
        "rtalign models",
        MODEL_NAMES,
    ),
    "datasets": Subcommand(
        "rtalign_cli.subcommands.datasets:datasets",
        _datasets,
        "list known data sets, check a folder of one, or audit its word onsets",
        "rtalign datasets check audiobook",
    ),
    "words": Subcommand(
        "rtalign_cli.subcommands.words:words",
        _words,
        "make a word table of a story: when each word of its text was spoken",
        "rtalign words align story.wav story.txt --out words.tsv",
        "It needs pocketsphinx (pip install 'rtalign[align]') and no network.",
    ),
    "doctor": Subcommand(
        "rtalign_cli.subcommands.doctor.checks:doctor",
        _doctor,
        "check this machine and print the fix of each fault",
        "rtalign doctor --fix-hints",
    ),
    "certify": Subcommand(
        "rtalign_cli.subcommands.certify:certify",
        _certify,
        "measure loss, drift, latency and clocks; leaves a page to be signed",
        "rtalign certify --meg scanner --words words --seconds 300",
    ),
    "completion": Subcommand(
        "rtalign_cli.completion:completion",
        _completion,
        "print what makes a shell complete commands and options",
        'eval "$(rtalign completion bash)"',
        "zsh: the same with zsh.  fish: rtalign completion fish | source",
    ),
}
"""Every subcommand, in the order of the help: offline first, then live, then what is here."""


def build_parser(commands: Collection[str] = tuple(SUBCOMMANDS)) -> CommandParser:
    """The parser of `rtalign`, with the options of these subcommands; `command` is None where none was given."""
    parser = CommandParser(
        prog="rtalign",
        description="How a language model and a human brain line up: decoders per layer and lag, offline and live.",
        epilog="Start with: rtalign demo",
    )
    parser.add_argument("--version", action="version", version=f"rtalign {version('rtalign')}")
    group = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, subcommand in SUBCOMMANDS.items():
        own = group.add_parser(
            name,
            help=subcommand.summary,
            description=subcommand.summary[0].upper() + subcommand.summary[1:] + ".",
            epilog=f"example:\n  {subcommand.example}\n\n{subcommand.notes}".rstrip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            example=subcommand.example,
        )
        own.add_argument("--quiet", action="store_true", help="print nothing but results and errors")
        own.add_argument("--json", action="store_true", help="print the result as JSON")
        own.add_argument("--debug", action="store_true", help="show where an error came from")
        if name in commands:
            subcommand.add_options(own)
    return parser
