"""The report of a sweep: how scores depend on model, size, context and predictability of the words."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
