from .link import EngineClient as EngineClient
from .link import EngineLink as EngineLink
from .link import ended_normally as ended_normally
from .link import without_engine as without_engine
from .link import without_streams as without_streams
from .recorded import FieldPatterns as FieldPatterns
from .recorded import RecordedEngine as RecordedEngine
from .recorded import RecordedSession as RecordedSession
from .second_engine import BankComparison as BankComparison
from .second_engine import ReplaySync as ReplaySync
from .two_banks import Difference as Difference
from .two_banks import SecondBank as SecondBank
from .two_banks import bank_names as bank_names
from .two_banks import map_snapshot as map_snapshot
from .two_banks import mismatches as mismatches
from .two_banks import peak_differences as peak_differences
from .two_banks import same_lags as same_lags
from .two_banks import shared_correlations as shared_correlations

__all__ = [
    "BankComparison",
    "Difference",
    "EngineClient",
    "EngineLink",
    "FieldPatterns",
    "RecordedEngine",
    "RecordedSession",
    "ReplaySync",
    "SecondBank",
    "bank_names",
    "ended_normally",
    "map_snapshot",
    "mismatches",
    "peak_differences",
    "same_lags",
    "shared_correlations",
    "without_engine",
    "without_streams",
]
