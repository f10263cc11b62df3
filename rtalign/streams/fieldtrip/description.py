"""The channels of a FieldTrip buffer, from what is attached to its header: names, resolutions, a maker's own header."""

from __future__ import annotations

import re
import struct
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from rtalign.recordings.sensors import plain_name
from rtalign.recordings.stream_channels.description import MAX_TEXT, ChannelDescription
from rtalign.recordings.stream_channels.labels import CTF, MEGIN
from rtalign.recordings.stream_channels.selection import StreamChannels, select_channels
from rtalign.streams.fieldtrip.neuromag import head_position, plain_fif
from rtalign.streams.fieldtrip.protocol import CTF_RES4, DTYPES, FLAGS, NAMES, NEUROMAG, RESOLUTIONS, BufferHeader

ELECTRODE = re.compile(r"(Fp|AFF?|FF?C?|FT|F?C|CC?P|TP?|T|P|PO|PPO?|O|I|N|M|A)(z|\d{1,2}h?)$", re.IGNORECASE)
"""Labels of the 10-20 system and its extensions."""
CTF_CHANNEL = np.dtype(
    {
        "names": ["proper", "q", "io", "grade"],
        "formats": [">f8", ">f8", ">f8", ">i2"],
        "offsets": [8, 16, 24, 42],
        "itemsize": 1328,
    }
)
"""Of a channel's entry in a CTF res4: its three gains, and the grade of the gradient that is formed in it."""
N_CHANNELS_AT, RUN_DESCRIPTION_AT, FILTERS_AT = 1292, 1836, 1844
"""Where a CTF res4 has these."""


def describe_buffer(header: BufferHeader, name: str) -> StreamChannels:
    """Select the sensors of a buffer.

    Parameters
    ----------
    header : BufferHeader
        As the buffer gives it.
    name : str
        The buffer's name, for messages.

    Returns
    -------
    StreamChannels

    Raises
    ------
    ValueError
        If it has no sensors, with the reason.
    """
    channels, notes = _channels(header)
    stream_type = _stream_type([channel.label for channel in channels])
    selected = select_channels(channels, header.n_channels, stream_type, name)
    head, note = head_position(header)
    return replace(selected, notes=(*notes, *([note] if note else []), *selected.notes), head=head)


def _channels(header: BufferHeader) -> tuple[list[ChannelDescription], list[str]]:
    """One description a channel, and notes on what could not be read."""
    n, chunks, notes = header.n_channels, header.chunks, list[str]()
    channels = [ChannelDescription(label=label) for label in _names(chunks.get(NAMES, b""), n)]
    if NEUROMAG in chunks:
        channels, notes = _from_fif(chunks[NEUROMAG], channels)
    is_counts = np.dtype(DTYPES[header.data_type]).kind in "iu"
    if CTF_RES4 in chunks:
        try:
            channels = _from_res4(chunks[CTF_RES4], channels, is_counts)
        except (ValueError, struct.error) as error:
            notes.append(f"the res4 in the buffer's header cannot be read ({error}): names and gains may be missing")
    for i, type in enumerate(_flags(chunks.get(FLAGS, b""), n)):
        if not channels[i].type:
            channels[i] = replace(channels[i], type={"ad": "misc"}.get(type, type))
    resolutions = chunks.get(RESOLUTIONS, b"")
    if is_counts and len(resolutions) == 8 * n:
        for i, resolution in enumerate(np.frombuffer(resolutions, "<f8").tolist()):
            if not channels[i].calibration and np.isfinite(resolution) and resolution > 0:
                is_eeg = channels[i].type == "eeg" or bool(ELECTRODE.match(channels[i].label))
                channels[i] = replace(channels[i], calibration=repr(resolution * (1e-6 if is_eeg else 1.0)))
    return channels, notes


def _names(raw: bytes, n: int) -> list[str]:
    """Names that end in zeros; all empty where they are not as many as the channels."""
    names = [part.decode("utf-8", "replace").strip()[:MAX_TEXT] for part in raw.split(b"\0")[:n]]
    return names if len(names) == n and all(names) else [""] * n


def _flags(raw: bytes, n: int) -> list[str]:
    """The type of each channel: a text such as meg_ad_eog, and after its zero a number from 1 for each channel."""
    text, _, numbers = raw.partition(b"\0")
    types = ["", *text.decode("ascii", "replace").lower().split("_")]
    if len(numbers) != n or max(numbers, default=0) >= len(types):
        return []
    return [types[number] for number in numbers]


def _stream_type(labels: list[str]) -> str:
    """EEG where most labels are of electrodes, else MEG: a buffer does not say what it holds."""
    if any(CTF.match(label) or MEGIN.fullmatch(label.replace(" ", "")) for label in labels):
        return "MEG"
    return "EEG" if 2 * sum(bool(ELECTRODE.match(label)) for label in labels) > len(labels) else "MEG"


def _from_res4(raw: bytes, channels: list[ChannelDescription], is_counts: bool) -> list[ChannelDescription]:
    """Names where there are none, grades, and what takes counts to tesla, from a CTF header.

    Why nothing more: it gives a coil's place in the helmet, and MNE's own definition of the helmet has it as well.
    """
    if not raw.startswith((b"MEG41RS", b"MEG42RS", b"MEG4RES")):
        raise ValueError("it does not begin with MEG41RS")
    (n,) = struct.unpack_from(">h", raw, N_CHANNELS_AT)
    (described,) = struct.unpack_from(">i", raw, RUN_DESCRIPTION_AT)
    place = FILTERS_AT + max(described, 0)
    (n_filters,) = struct.unpack_from(">h", raw, place)
    place += 2
    for _ in range(n_filters):
        (n_parameters,) = struct.unpack_from(">h", raw, place + 16)
        place += 18 + 8 * max(n_parameters, 0)
    if n < 1 or place + n * (32 + CTF_CHANNEL.itemsize) > len(raw):
        raise ValueError("it ends before its channels")
    names = [raw[place + 32 * i :][:32].split(b"\0")[0].decode("ascii", "replace") for i in range(n)]
    gains = np.frombuffer(raw, CTF_CHANNEL, n, place + 32 * n)
    known = {plain_name(name): gain for name, gain in zip(names, gains, strict=True) if CTF.match(name)}
    if not any(channel.label for channel in channels):
        if n != len(channels):
            raise ValueError(f"it describes {n} channels and the buffer has {len(channels)} without names")
        channels = [ChannelDescription(label=name) for name in names]
    out = []
    for channel in channels:
        entry = known.get(plain_name(channel.label))
        if entry is not None:
            channel = replace(channel, grade=str(int(entry["grade"])))
        product = float(entry["proper"]) * float(entry["q"]) if entry is not None and is_counts else 0.0
        scale = float(entry["io"]) / product if entry is not None and product else 0.0
        out.append(replace(channel, calibration=repr(scale)) if scale and np.isfinite(scale) else channel)
    return out


def _from_fif(raw: bytes, channels: list[ChannelDescription]) -> tuple[list[ChannelDescription], list[str]]:
    """Names, kinds, coils and places from a Neuromag header; a note where it cannot be read."""
    import mne

    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder, "neuromag_meg.fif")  # MNE reads headers from files alone
            path.write_bytes(plain_fif(raw))
            info = mne.io.read_info(path, verbose="ERROR")
    except Exception as error:  # whatever MNE's reader meets in bytes from outside
        return channels, [f"the Neuromag header in the buffer cannot be read ({error}): places may be missing"]
    there = {entry["ch_name"].replace(" ", ""): entry for entry in info["chs"]}
    if not any(channel.label for channel in channels) and len(info["chs"]) == len(channels):
        channels = [ChannelDescription(label=entry["ch_name"]) for entry in info["chs"]]
    out = []
    for channel in channels:
        entry = there.get(channel.label.replace(" ", ""))
        if entry is not None:
            texts = [repr(float(x)) for x in entry["loc"]]
            channel = replace(
                channel,
                kind=str(int(entry["kind"])),
                coil_type=str(int(entry["coil_type"])),
                position=(texts[0], texts[1], texts[2]),
                normal=(texts[9], texts[10], texts[11]),
            )
        out.append(channel)
    return out, []
