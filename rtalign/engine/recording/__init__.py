"""What a live session writes to disk: samples and markers as they came, words, scores, log, results.

``SessionFolder`` decides what is written where; ``Recorder`` writes it without ever waiting for the disk.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
