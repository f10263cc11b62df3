from .description import ChannelDescription as ChannelDescription
from .description import describe_channel as describe_channel
from .description import parse_element as parse_element
from .description import parse_xml as parse_xml
from .kinds import channel_kind as channel_kind
from .kinds import signal_type as signal_type
from .selection import StreamChannels as StreamChannels
from .selection import select_channels as select_channels
from .units import si_scale as si_scale

__all__ = [
    "ChannelDescription",
    "StreamChannels",
    "channel_kind",
    "describe_channel",
    "parse_element",
    "parse_xml",
    "select_channels",
    "si_scale",
    "signal_type",
]
