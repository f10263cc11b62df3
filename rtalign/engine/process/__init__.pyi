from .client import Client as Client
from .client import EngineStarter as EngineStarter
from .outbox import Outbox as Outbox
from .preview import filter_labels as filter_labels
from .preview import preview_recording as preview_recording
from .recorder_client import RecorderClient as RecorderClient
from .recorder_server import RecorderServer as RecorderServer
from .server import CommandQueue as CommandQueue
from .server import EngineServer as EngineServer
from .supervised import SupervisedEngine as SupervisedEngine
from .word_list import WordList as WordList

__all__ = [
    "Client",
    "CommandQueue",
    "EngineServer",
    "EngineStarter",
    "Outbox",
    "RecorderClient",
    "RecorderServer",
    "SupervisedEngine",
    "WordList",
    "filter_labels",
    "preview_recording",
]
