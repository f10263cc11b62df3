from .code_table import CodeTable as CodeTable
from .decoders import DECODERS as DECODERS
from .decoders import MarkerDecoder as MarkerDecoder
from .decoders import open_decoder as open_decoder
from .validation import BadMarker as BadMarker
from .validation import MarkerValidator as MarkerValidator
from .validation import MarkerWord as MarkerWord

__all__ = ["DECODERS", "BadMarker", "CodeTable", "MarkerDecoder", "MarkerValidator", "MarkerWord", "open_decoder"]
