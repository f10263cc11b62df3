from .api import Activations as Activations
from .api import Alignment as Alignment
from .api import Bank as Bank
from .api import LagRidge as LagRidge
from .api import LiveSession as LiveSession
from .api import WordFolds as WordFolds
from .api import WordTable as WordTable
from .api import align as align
from .api import connect as connect
from .api import encode as encode
from .api import epoch as epoch
from .api import read_alignment as read_alignment
from .api import read_bank as read_bank
from .api import read_words as read_words

__all__ = [
    "Activations",
    "Alignment",
    "Bank",
    "LagRidge",
    "LiveSession",
    "WordFolds",
    "WordTable",
    "align",
    "connect",
    "encode",
    "epoch",
    "read_alignment",
    "read_bank",
    "read_words",
]
