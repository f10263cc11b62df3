"""XDF files, such as LabRecorder's: reading them as recordings, and writing their chunks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
