"""The channels of an LSL stream, read from the description that LSL carries."""

from __future__ import annotations

from rtalign.recordings.stream_channels.description import ChannelDescription, parse_element, parse_xml
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
    return select_channels(_described(xml, n_channels, name), n_channels, stream_type, name)


def read_labels(xml: str, n_channels: int, name: str) -> list[str]:
    """The label of each channel of a stream that carries no sensors, empty where there is none."""
    described = _described(xml, n_channels, name)
    return [channel.label for channel in described[:n_channels]] + [""] * (n_channels - len(described))


def _described(xml: str, n_channels: int, name: str) -> tuple[ChannelDescription, ...]:
    if not 0 < n_channels <= MAX_CHANNELS:
        raise ValueError(f"stream {name} has {n_channels} channels; 1 to {MAX_CHANNELS} can be read")
    try:
        return parse_element(parse_xml(xml))
    except ValueError as error:
        raise ValueError(f"the description of stream {name} {error} - correct the sender's labels") from None
