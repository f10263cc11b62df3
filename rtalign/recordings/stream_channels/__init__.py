"""The channels of a stream, LSL's or XDF's or any other: which measure the head, where they are, in which unit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
