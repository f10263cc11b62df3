from .fault_plan import FaultPlan as FaultPlan
from .faults import FaultInjector as FaultInjector
from .faults import OutgoingMarker as OutgoingMarker
from .faults import OutgoingSamples as OutgoingSamples
from .faults import OutletState as OutletState
from .outlets import OutgoingEncoding as OutgoingEncoding
from .outlets import Outlets as Outlets
from .outlets import PlayerSettings as PlayerSettings
from .playback import Playback as Playback
from .playback import ReadAhead as ReadAhead
from .player import PlayerStatus as PlayerStatus
from .player import Streamer as Streamer

__all__ = [
    "FaultInjector",
    "FaultPlan",
    "OutgoingEncoding",
    "OutgoingMarker",
    "OutgoingSamples",
    "OutletState",
    "Outlets",
    "Playback",
    "PlayerSettings",
    "PlayerStatus",
    "ReadAhead",
    "Streamer",
]
