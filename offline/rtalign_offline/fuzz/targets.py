"""What is fuzzed: every reader of bytes that others made, with inputs to begin from."""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import Sensor
from rtalign.core.session import Session
from rtalign.core.storage import json_toml
from rtalign.core.storage.tensorfile import TensorFile, save_tensors
from rtalign.engine import commands
from rtalign.engine.process import wire, word_list
from rtalign.recordings.formats.fif_guard import refuse_false_tags
from rtalign.recordings.stream_channels.description import describe_channel
from rtalign.recordings.wav_file import read_wav
from rtalign.recordings.word_tables import read_words
from rtalign.recordings.xdf import open_xdf, writer
from rtalign.recordings.xdf.streams import read_session_words
from rtalign.report.summary import read_curves_csv, read_summary
from rtalign.streams import channels
from rtalign.streams.fieldtrip import protocol
from rtalign.streams.fieldtrip.neuromag import head_position, plain_fif
from rtalign.streams.lsl import readable
from rtalign.streams.markers.decoders import open_decoder
from rtalign.streams.player import FaultPlan
from rtalign_offline.sweep.plan import Plan

SFREQ = 200.0
SENSOR = Sensor("MLC11", "axial", (0.01, 0.02, 0.1), (0.0, 0.6, 0.8))


@dataclass(frozen=True, slots=True)
class Target:
    """A reader.

    Attributes
    ----------
    name : str
        What it reads.
    read : callable
        Reads bytes.  ValueError and OSError are how a reader refuses; anything else is a defect.
    seeds : callable
        () -> inputs to begin from, most of them whole.
    """

    name: str
    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]


def check(target: Target, data: bytes) -> None:
    """Read an input.

    Parameters
    ----------
    target : Target
        The reader.
    data : bytes
        The input.

    Raises
    ------
    Exception
        Whatever a reader raises that is no refusal; AssertionError for a refusal of more than one line.
    """
    try:
        target.read(data)
    except (ValueError, OSError) as error:
        lines = str(error).strip().splitlines()
        if len(lines) > 1:
            raise AssertionError(f"a refusal of {len(lines)} lines: {str(error)[:200]}") from None


def in_file(read: Callable[[Path], object], suffix: str) -> Callable[[bytes], object]:
    """A reader of files, given bytes: one file, written anew, in memory where there is such a place."""
    file: Any = None

    def read_bytes(data: bytes) -> None:
        nonlocal file
        if file is None:
            place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
            file = tempfile.NamedTemporaryFile(prefix="rtalign-fuzz-", suffix=suffix, dir=place, buffering=0)  # noqa: SIM115
        file.seek(0)
        file.truncate()
        file.write(data)
        read(Path(file.name))

    return read_bytes


def written(write: Callable[[Path], object], suffix: str) -> bytes:
    """What a writer of files writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"seed{suffix}"
        write(path)
        return path.read_bytes()


# Files


def read_xdf(path: Path) -> None:
    """Open it and read the first seconds of each part."""
    for recording in open_xdf(path):
        recording.read(recording.start, 1.0)


def xdf_seed(rate: float = SFREQ, form: str = "float32") -> bytes:
    signal = writer.SignalStream("meg", rate, ("MLC11", "x"), (SENSOR,), format=form)
    stamps = np.arange(30) / SFREQ
    parts = [writer.file_header({}), writer.signal_header(7, signal, 0.0), writer.text_header(9, "words", 0.0)]
    parts += [writer.numbers(7, np.ones((30, 2)), stamps, form), writer.clock_offset(7, 0.0, 0.1), writer.boundary()]
    parts += [writer.texts(9, [("Once", 0.05), ('{"word": "upon"}', 0.1)]), writer.stream_footer(7, 0.0, 0.1, 30)]
    return b"".join(parts)


def fif_seed() -> bytes:
    tag = struct.Struct(">4i")
    return (
        tag.pack(100, 31, 20, 0) + bytes(20) + tag.pack(101, 3, 4, 0) + b"\xff" * 4 + tag.pack(108, 3, 4, -1) + bytes(4)
    )


def read_fif_blob(data: bytes) -> None:
    head_position(protocol.BufferHeader(1, 0, 0, SFREQ, 9, {protocol.HPI_RESULT: data, protocol.NEUROMAG: data}))
    plain_fif(data)


def wav_seed(bits: int = 16, form: int = 1) -> bytes:
    samples = bytes(range(64))
    about = struct.pack("<HHIIHH", form, 1, 8000, 8000 * bits // 8, bits // 8, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(about)) + about + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2
        intervals: size = 1
        intervals [1]:
            xmin = 0.5
            xmax = 1
            text = "Once"
"""
TABLE = b'onset\tduration\tword\ttrial_type\n0.5\t0.2\tOnce\tword\n1.0\tn/a\t"upon"\tword\n'
SESSION_TABLE = b"index\ttext\tonset\tduration\tstatus\tstamp\n0\tOnce\t0.5\tn/a\tscored\t100.5\n"
SUMMARY = json.dumps(
    {"format": "rtalign-summary", "version": 2, "kind": "train", "layers": [{"index": 1}], "r": [[0.1]]}
)
CURVES = b"layer,depth,lag_s,r,null_lo,null_hi\n1,0.5,-0.1,0.1,-0.1,0.1\n1,0.5,0.0,0.1,-0.1,0.1\n"
FAULTS = b"seed = 1\n[[fault]]\nkind = 'gap'\nat = 2.5\n[[fault]]\nkind = 'channels'\nat = 3\nkeep = 4\n"
PLAN = b"""contexts = ["growing:100"]
[[models]]
name = "smollm2"
[[people]]
name = "a"
recordings = ["a.xdf"]
"""


def parse_recipe(data: bytes) -> None:
    Recipe.from_toml(data.decode("utf-8", "replace"))


# Streams


def parse_description(data: bytes) -> None:
    channels.parse(data.decode("utf-8", "replace"), 2, "MEG", "meg")


def description_seed() -> bytes:
    def xml(tree: Any) -> str:
        return "".join(f"<{k}>{v if isinstance(v, str) else xml(v)}</{k}>" for k, v in tree.items())

    other = replace(SENSOR, name="MLC12")
    listed = "".join(f"<channel>{xml(describe_channel(sensor))}</channel>" for sensor in (SENSOR, other))
    return f"<info><desc><channels>{listed}</channels></desc></info>".encode()


def read_fieldtrip(data: bytes) -> None:
    """A whole answer: its prefix says which."""
    command, size, order = protocol.parse_prefix(data[:8].ljust(8, b"\0"), "<")
    raw = data[8 : 8 + size]
    if command % 4 == 0:
        protocol.parse_header(raw, order)
    elif command % 4 == 1:
        protocol.parse_data(raw, order)
    else:
        protocol.parse_events(raw, order)


def fieldtrip_seeds() -> list[bytes]:
    header = protocol.BufferHeader(2, 10, 1, 1200.0, 9, {protocol.NAMES: b"a\0b\0", protocol.RESOLUTIONS: bytes(16)})
    events = [protocol.BufferEvent("word", "Once", 3), protocol.BufferEvent("code", "12", 4)]
    contents = (protocol.pack_header(header), protocol.pack_data(np.ones((5, 2)), 9), protocol.pack_events(events))
    return [protocol.message(0x200 + k, content) for k, content in enumerate(contents)]


def read_markers(data: bytes) -> None:
    """Markers of one stream, one a line."""
    decoder = open_decoder("auto")
    for k, line in enumerate(data.split(b"\n")[:50]):
        decoder.push(readable(line.decode("utf-8", "surrogateescape")), 0.1 * k)


# Processes


def read_commands(data: bytes) -> None:
    """What an engine reads from its viewer."""
    commands.from_message(wire.read(io.BytesIO(data)))


def read_word_list(data: bytes) -> None:
    message = wire.read(io.BytesIO(data))
    if word_list.is_word_list(message):
        word_list.from_message(message)


def command_seeds() -> list[bytes]:
    sent: list[Any] = [
        commands.Pause(),
        commands.Seek(4.25),
        commands.ScoreLastWords(300),
        commands.UseBank(Path("bank")),
    ]
    return [wire.pack(commands.to_message(command)) for command in sent]


def tensors_seed(path: Path) -> None:
    save_tensors(path, {"weights": np.ones((3, 2), np.float32), "n": np.array([1, 2])})


def read_tensors(path: Path) -> None:
    file = TensorFile(path)
    for name in file.names():
        np.asarray(file[name]).sum()


def word_list_seed() -> bytes:
    return wire.pack(word_list.to_message(word_list.WordList(np.array([0.5, 1.0]), ("Once", "upon"))))


def _targets() -> Iterator[Target]:
    utf16 = b"\xff\xfe" + TABLE.decode().encode("utf-16-le")
    yield Target("word table", in_file(read_words, ".tsv"), lambda: [TABLE, TABLE.replace(b"\t", b","), utf16])
    yield Target("TextGrid", in_file(read_words, ".TextGrid"), lambda: [TEXTGRID.encode(), TEXTGRID.encode("utf-16")])
    yield Target("CTM", in_file(read_words, ".ctm"), lambda: [b"a 1 0.5 0.2 Once 0.9\n;; note\na 1 1.0 0.2 upon\n"])
    yield Target("words.tsv", in_file(read_session_words, ".tsv"), lambda: [SESSION_TABLE])
    yield Target("XDF", in_file(read_xdf, ".xdf"), lambda: [xdf_seed(), xdf_seed(0.0), xdf_seed(form="int16")])
    yield Target("FIF tags", in_file(refuse_false_tags, ".fif"), lambda: [fif_seed()])
    yield Target("FIF in a buffer", read_fif_blob, lambda: [fif_seed(), fif_seed()[:36]])
    yield Target("wav", in_file(read_wav, ".wav"), lambda: [wav_seed(), wav_seed(24), wav_seed(32, 3)])
    yield Target("tensor file", in_file(read_tensors, ".safetensors"), lambda: [written(tensors_seed, ".safetensors")])
    yield Target("summary.json", in_file(read_summary, ".json"), lambda: [SUMMARY.encode(), b"[" * 2000])
    yield Target("curves.csv", in_file(read_curves_csv, ".csv"), lambda: [CURVES])
    yield Target("JSON", in_file(json_toml.read_json, ".json"), lambda: [b'{"a": [1, {"b": null}]}', b'{"a":' * 500])
    yield Target("TOML", in_file(json_toml.read_toml, ".toml"), lambda: [b"[b]\nc = [1, 'x']\n", b"a = " + b"[" * 500])
    yield Target("session file", in_file(Session.load, ".toml"), lambda: [b'bank = "bank"\nspeed = 2.0\n'])
    yield Target("recipe", parse_recipe, lambda: [Recipe().to_toml().encode()])
    yield Target("faults file", lambda data: FaultPlan.from_toml(data.decode("utf-8", "replace")), lambda: [FAULTS])
    yield Target("sweep plan", in_file(Plan.load, ".toml"), lambda: [PLAN])
    yield Target("stream description", parse_description, lambda: [description_seed()])
    yield Target("FieldTrip answers", read_fieldtrip, fieldtrip_seeds)
    yield Target("markers", read_markers, lambda: [b'Once\n{"word": "upon", "duration": 0.2}\n7\n\xff\x1b[2J'])
    yield Target("commands", read_commands, command_seeds)
    yield Target("word list", read_word_list, lambda: [word_list_seed()])


TARGETS = {target.name: target for target in _targets()}
