from .dialog import StartDialog as StartDialog
from .sessions import DemoBuilder as DemoBuilder
from .sessions import SessionActions as SessionActions

__all__ = [
    "DemoBuilder",
    "SessionActions",
    "StartDialog",
]
