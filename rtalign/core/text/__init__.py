"""Text as people see it: names made harmless, words and what is none, times and durations."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
