from .assessor import Assessment as Assessment
from .assessor import Assessor as Assessor
from .cross_validated import Draws as Draws
from .cross_validated import score as score
from .curves import Curves as Curves
from .curves import LagScore as LagScore
from .findings import AlignmentScore as AlignmentScore
from .findings import Estimate as Estimate
from .findings import Findings as Findings
from .findings import HalfWords as HalfWords
from .findings import TemporalScore as TemporalScore
from .findings import assess as assess
from .left_out import LeftOut as LeftOut
from .peaks import Peak as Peak
from .peaks import find_peaks as find_peaks
from .scoreboard import Scoreboard as Scoreboard
from .scoreboard import ScoreboardState as ScoreboardState
from .statistics import STATISTICS as STATISTICS
from .statistics import Statistic as Statistic

__all__ = [
    "STATISTICS",
    "AlignmentScore",
    "Assessment",
    "Assessor",
    "Curves",
    "Draws",
    "Estimate",
    "Findings",
    "HalfWords",
    "LagScore",
    "LeftOut",
    "Peak",
    "Scoreboard",
    "ScoreboardState",
    "Statistic",
    "TemporalScore",
    "assess",
    "find_peaks",
    "score",
]
