from .clock import CountedClock as CountedClock
from .clock import XdfSegment as XdfSegment
from .clock import count_clock as count_clock
from .clock import to_common_clock as to_common_clock
from .header import XdfHeader as XdfHeader
from .header import parse_header as parse_header
from .reader import XdfFile as XdfFile
from .reader import XdfStream as XdfStream
from .recording import XdfRecording as XdfRecording
from .streams import StreamChoice as StreamChoice
from .streams import is_xdf as is_xdf
from .streams import open_xdf as open_xdf
from .streams import parse_marker as parse_marker
from .streams import read_session_words as read_session_words
from .writer import SignalStream as SignalStream

__all__ = [
    "CountedClock",
    "SignalStream",
    "StreamChoice",
    "XdfFile",
    "XdfHeader",
    "XdfRecording",
    "XdfSegment",
    "XdfStream",
    "count_clock",
    "is_xdf",
    "open_xdf",
    "parse_header",
    "parse_marker",
    "read_session_words",
    "to_common_clock",
]
