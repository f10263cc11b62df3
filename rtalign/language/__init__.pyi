from .background_reader import AheadReader as AheadReader
from .background_reader import BackgroundReader as BackgroundReader
from .background_reader import EncodedWord as EncodedWord
from .background_reader import LiveReader as LiveReader
from .contexts import ContextSpan as ContextSpan
from .contexts import growing_spans as growing_spans
from .contexts import recipe_spans as recipe_spans
from .contexts import shortest_equivalent as shortest_equivalent
from .contexts import tokens_read as tokens_read
from .model import IncrementalReader as IncrementalReader
from .model import LanguageModel as LanguageModel
from .model import load as load
from .reading import ModelInfo as ModelInfo
from .reading import Reading as Reading
from .tokens import SubwordTokenizer as SubwordTokenizer
from .tokens import WordTokenizer as WordTokenizer
from .word_classes import NO_QUARTILE as NO_QUARTILE
from .word_classes import QUARTILES as QUARTILES
from .word_classes import LiveTagger as LiveTagger
from .word_classes import choose_content_words as choose_content_words
from .word_classes import find_content_words as find_content_words
from .word_classes import has_parts_of_speech as has_parts_of_speech
from .word_classes import surprisal_quartiles as surprisal_quartiles

__all__ = [
    "NO_QUARTILE",
    "QUARTILES",
    "AheadReader",
    "BackgroundReader",
    "ContextSpan",
    "EncodedWord",
    "IncrementalReader",
    "LanguageModel",
    "LiveReader",
    "LiveTagger",
    "ModelInfo",
    "Reading",
    "SubwordTokenizer",
    "WordTokenizer",
    "choose_content_words",
    "find_content_words",
    "growing_spans",
    "has_parts_of_speech",
    "load",
    "recipe_spans",
    "shortest_equivalent",
    "surprisal_quartiles",
    "tokens_read",
]
