"""What leaves the window: pictures, tables, the report, and screenshots of a window without a screen."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
