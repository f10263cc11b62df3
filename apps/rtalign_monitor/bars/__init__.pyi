from .message_bar import Message as Message
from .message_bar import MessageBar as MessageBar
from .messages import Fixes as Fixes
from .messages import Problem as Problem
from .messages import SessionStatus as SessionStatus
from .messages import messages_for as messages_for
from .messages import problems as problems
from .status import StatusBar as StatusBar
from .status import lamp_state as lamp_state
from .timeline import TimelineBar as TimelineBar
from .transport import TransportActions as TransportActions
from .transport import TransportBar as TransportBar
from .trust import Fact as Fact
from .trust import TrustBar as TrustBar
from .trust import facts_of as facts_of

__all__ = [
    "Fact",
    "Fixes",
    "Message",
    "MessageBar",
    "Problem",
    "SessionStatus",
    "StatusBar",
    "TimelineBar",
    "TransportActions",
    "TransportBar",
    "TrustBar",
    "facts_of",
    "lamp_state",
    "messages_for",
    "problems",
]
