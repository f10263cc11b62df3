"""The quality of a recording: its signal, the delay of its sound, its word-locked field, its noise ceiling."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
