from .clock_offset import ClockOffset as ClockOffset
from .connection import LslBackend as LslBackend
from .connection import StreamConnection as StreamConnection
from .connection import lsl_backend as lsl_backend
from .raw_source import RawSource as RawSource
from .sample_clock import SampleClock as SampleClock
from .sample_clock import SampleSpan as SampleSpan
from .source import LiveSource as LiveSource
from .source import is_signal as is_signal
from .source import is_words as is_words
from .word_timing import WordTiming as WordTiming

__all__ = [
    "ClockOffset",
    "LiveSource",
    "LslBackend",
    "RawSource",
    "SampleClock",
    "SampleSpan",
    "StreamConnection",
    "WordTiming",
    "is_signal",
    "is_words",
    "lsl_backend",
]
