"""The channels of an LSL stream, read from the description that LSL carries."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element

import numpy as np

from rtalign.recordings.stream_channels.description import parse_element, parse_xml
from rtalign.recordings.stream_channels.origin import read_origin
from rtalign.recordings.stream_channels.selection import StreamChannels, select_channels

MAX_CHANNELS = 4096


def parse(xml: str, n_channels: int, stream_type: str, name: str) -> StreamChannels:
    """The channels in the description of a stream.

    Parameters
    ----------
    xml : str
        The description, as LSL carries it.
    n_channels : int
        How many channels the stream has.
    stream_type : str
        The type of the stream, which is the type of channels that give none.
    name : str
        The name of the stream, for messages.

    Returns
    -------
    StreamChannels

    Raises
    ------
    ValueError
        If the description cannot be used, with the reason.
    """
    root = _root(xml, n_channels, name)
    found = select_channels(parse_element(root), n_channels, stream_type, name)
    return replace(found, origin=read_origin(root))


def parse_labels(xml: str, n_channels: int, name: str) -> StreamChannels:
    """The channels of a stream whose description says nothing of sensors that can be used; for recording alone.

    Parameters
    ----------
    xml : str
        The description, as LSL carries it.
    n_channels : int
        How many channels the stream has.
    name : str
        The name of the stream, for messages.

    Returns
    -------
    StreamChannels
        Without sensors: the labels and units that the sender gives, and a number where a label is missing.
    """
    _check_number(n_channels, name)
    try:
        described = parse_element(_root(xml, n_channels, name))[:n_channels]
    except ValueError:
        described = ()
    labels = [channel.label for channel in described] + [""] * (n_channels - len(described))
    units = [channel.unit for channel in described] + [""] * (n_channels - len(described))
    names = tuple(label or str(number) for number, label in enumerate(labels, start=1))
    return StreamChannels(names, (), np.array([], int), np.array([]), (), tuple(units))


def read_labels(xml: str, n_channels: int, name: str) -> list[str]:
    """The label of each channel of a stream that carries no sensors, empty where there is none."""
    described = parse_element(_root(xml, n_channels, name))
    return [channel.label for channel in described[:n_channels]] + [""] * (n_channels - len(described))


def _root(xml: str, n_channels: int, name: str) -> Element:
    _check_number(n_channels, name)
    try:
        return parse_xml(xml)
    except ValueError as error:
        raise ValueError(f"the description of stream {name} {error} - correct the sender's labels") from None


def _check_number(n_channels: int, name: str) -> None:
    if not 0 < n_channels <= MAX_CHANNELS:
        raise ValueError(f"stream {name} has {n_channels} channels; 1 to {MAX_CHANNELS} can be read")
