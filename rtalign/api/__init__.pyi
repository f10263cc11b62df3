from .activations import Activations as Activations
from .activations import encode as encode
from .alignment import Alignment as Alignment
from .alignment import align as align
from .alignment import read_alignment as read_alignment
from .bank import Bank as Bank
from .bank import read_bank as read_bank
from .epochs import epoch as epoch
from .estimator import LagRidge as LagRidge
from .estimator import WordFolds as WordFolds
from .live import LiveSession as LiveSession
from .live import connect as connect
from .word_table import WordTable as WordTable
from .word_table import read_words as read_words

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
