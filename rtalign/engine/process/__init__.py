"""An engine in a process of its own: the client starts it and talks to its server over a pipe.

``Client`` sends commands and keeps the newest snapshot; ``EngineServer`` runs the engine and never waits for a slow
viewer.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
