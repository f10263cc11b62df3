"""rtalign: how a language model and a human brain line up, word by word."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
