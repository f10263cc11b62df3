from .plain_text import in_a_line as in_a_line
from .plain_text import plain as plain
from .plain_text import plain_json as plain_json
from .time_format import age_text as age_text
from .time_format import clock_time as clock_time
from .time_format import decimal_duration as decimal_duration
from .time_format import duration as duration
from .time_format import long_duration as long_duration
from .time_format import position_time as position_time
from .time_format import rough_duration as rough_duration
from .time_format import rounded_duration as rounded_duration
from .time_format import signed_ms as signed_ms
from .word_text import RowsWithoutWord as RowsWithoutWord
from .word_text import count_rows_without_word as count_rows_without_word
from .word_text import is_spoken as is_spoken
from .word_text import no_word_reason as no_word_reason
from .word_text import without_outer_punctuation as without_outer_punctuation

__all__ = [
    "RowsWithoutWord",
    "age_text",
    "clock_time",
    "count_rows_without_word",
    "decimal_duration",
    "duration",
    "in_a_line",
    "is_spoken",
    "long_duration",
    "no_word_reason",
    "plain",
    "plain_json",
    "position_time",
    "rough_duration",
    "rounded_duration",
    "signed_ms",
    "without_outer_punctuation",
]
