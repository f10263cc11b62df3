from .alignments import ctm_rows as ctm_rows
from .alignments import textgrid_rows as textgrid_rows
from .delimited import Table as Table
from .delimited import parse_table as parse_table
from .delimited import read_table as read_table
from .delimited import read_text as read_text
from .rows import NoWords as NoWords
from .rows import Row as Row
from .rows import parse_onset as parse_onset
from .rows import unquote as unquote
from .rows import words_from_rows as words_from_rows
from .table import read_words as read_words

__all__ = [
    "NoWords",
    "Row",
    "Table",
    "ctm_rows",
    "parse_onset",
    "parse_table",
    "read_table",
    "read_text",
    "read_words",
    "textgrid_rows",
    "unquote",
    "words_from_rows",
]
