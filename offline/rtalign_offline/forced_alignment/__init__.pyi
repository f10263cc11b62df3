from .aligner import AlignedStory as AlignedStory
from .aligner import align_story as align_story
from .aligner import write_word_table as write_word_table

__all__ = ["AlignedStory", "align_story", "write_word_table"]
