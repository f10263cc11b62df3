from .client import Client as Client
from .preview import filter_labels as filter_labels
from .preview import preview_recording as preview_recording
from .server import CommandQueue as CommandQueue
from .server import EngineServer as EngineServer
from .server import Outbox as Outbox
from .supervised import SupervisedEngine as SupervisedEngine
from .word_list import WordList as WordList

__all__ = [
    "Client",
    "CommandQueue",
    "EngineServer",
    "Outbox",
    "SupervisedEngine",
    "WordList",
    "filter_labels",
    "preview_recording",
]
