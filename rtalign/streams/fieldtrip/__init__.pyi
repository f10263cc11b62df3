from .bridge import Bridge as Bridge
from .bridge import BridgeStatus as BridgeStatus
from .client import BufferAddress as BufferAddress
from .client import BufferClient as BufferClient
from .inlets import buffer_backend as buffer_backend

__all__ = ["Bridge", "BridgeStatus", "BufferAddress", "BufferClient", "buffer_backend"]
