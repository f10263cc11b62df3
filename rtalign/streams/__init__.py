"""Lab Streaming Layer in and out, and replay: where signal and words come from, and where they are sent."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
