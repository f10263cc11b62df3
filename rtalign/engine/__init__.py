"""One live session: the engine that scores words as they come, what a viewer may ask of it, and what it shows.

``SessionParts.open`` goes from settings to parts, ``Engine`` runs them, a ``Snapshot`` holds all that a viewer may
show, and each ``Command`` is one thing that it may ask.  ``rtalign.engine.process`` runs an engine in a process of its
own, ``rtalign.engine.recording`` writes a session to disk.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
