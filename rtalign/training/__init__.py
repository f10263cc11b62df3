"""Recordings and a language model to a bank of decoders: training and evaluation as a library."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
