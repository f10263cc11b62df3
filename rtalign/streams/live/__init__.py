"""MEG and words over Lab Streaming Layer, supervised by time: the source of a live session."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
