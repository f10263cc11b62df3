"""FieldTrip buffers as sources of signal and words: the live route out of CTF and MEGIN systems."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
