from .command_executor import CommandExecutor as CommandExecutor
from .commands import Command as Command
from .commands import EngineCommand as EngineCommand
from .commands import IgnoreMissingSensors as IgnoreMissingSensors
from .commands import Inspect as Inspect
from .commands import Pause as Pause
from .commands import Play as Play
from .commands import Publish as Publish
from .commands import Record as Record
from .commands import ReplayCommand as ReplayCommand
from .commands import Reset as Reset
from .commands import ScoreLastWords as ScoreLastWords
from .commands import Seek as Seek
from .commands import SetSpeed as SetSpeed
from .commands import Step as Step
from .commands import Stop as Stop
from .commands import UseBank as UseBank
from .commands import WaitAt as WaitAt
from .commands import WriteReport as WriteReport
from .commands import WriteTo as WriteTo
from .engine import Engine as Engine
from .engine import EngineOptions as EngineOptions
from .engine import SessionSink as SessionSink
from .intake import Intake as Intake
from .ledger import Ledger as Ledger
from .ledger import ReadyWord as ReadyWord
from .ledger import WordEntry as WordEntry
from .open_session import SessionParts as SessionParts
from .snapshot import InspectedWord as InspectedWord
from .snapshot import RecordingStatus as RecordingStatus
from .snapshot import ReportStatus as ReportStatus
from .snapshot import Snapshot as Snapshot
from .snapshot import Traces as Traces
from .snapshot import Work as Work
from .snapshot import empty_snapshot as empty_snapshot
from .take_snapshot import snapshot_of as snapshot_of

__all__ = [
    "Command",
    "CommandExecutor",
    "Engine",
    "EngineCommand",
    "EngineOptions",
    "IgnoreMissingSensors",
    "Inspect",
    "InspectedWord",
    "Intake",
    "Ledger",
    "Pause",
    "Play",
    "Publish",
    "ReadyWord",
    "Record",
    "RecordingStatus",
    "ReplayCommand",
    "ReportStatus",
    "Reset",
    "ScoreLastWords",
    "Seek",
    "SessionParts",
    "SessionSink",
    "SetSpeed",
    "Snapshot",
    "Step",
    "Stop",
    "Traces",
    "UseBank",
    "WaitAt",
    "WordEntry",
    "Work",
    "WriteReport",
    "WriteTo",
    "empty_snapshot",
    "snapshot_of",
]
