from .events import Event as Event
from .events import Health as Health
from .events import Notice as Notice
from .events import OffsetMeasurement as OffsetMeasurement
from .events import RawEvent as RawEvent
from .events import RawMarker as RawMarker
from .events import RawSamples as RawSamples
from .events import SignalChanged as SignalChanged
from .events import Source as Source
from .events import SourceEnded as SourceEnded
from .events import SourceJumped as SourceJumped
from .events import StreamHealth as StreamHealth
from .events import Transport as Transport
from .lsl import DescribedOutlet as DescribedOutlet
from .lsl import Finder as Finder
from .lsl import LabelledOutlet as LabelledOutlet
from .lsl import SignalInlet as SignalInlet
from .lsl import SignalOutlet as SignalOutlet
from .lsl import StreamInfo as StreamInfo
from .lsl import StreamLost as StreamLost
from .lsl import TextInlet as TextInlet
from .lsl import TextOutlet as TextOutlet
from .lsl import UndescribedInlet as UndescribedInlet
from .lsl import find_streams as find_streams
from .lsl import local_clock as local_clock
from .replay import ReplaySource as ReplaySource

__all__ = [
    "DescribedOutlet",
    "Event",
    "Finder",
    "Health",
    "LabelledOutlet",
    "Notice",
    "OffsetMeasurement",
    "RawEvent",
    "RawMarker",
    "RawSamples",
    "ReplaySource",
    "SignalChanged",
    "SignalInlet",
    "SignalOutlet",
    "Source",
    "SourceEnded",
    "SourceJumped",
    "StreamHealth",
    "StreamInfo",
    "StreamLost",
    "TextInlet",
    "TextOutlet",
    "Transport",
    "UndescribedInlet",
    "find_streams",
    "local_clock",
]
