"""Forced alignment: when each word of a text was spoken in a sound, by pocketsphinx, without a network."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
