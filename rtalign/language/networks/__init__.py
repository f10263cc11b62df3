"""Networks of every family of language model behind one interface: token ids in, hidden states of words out.

``families`` lists the families and says how to add one; ``base`` holds the interface.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
