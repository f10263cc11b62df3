"""Copies between the memory of the processor and that of a GPU that neither of the two waits for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch


def to_device(values: Any, device: torch.device) -> torch.Tensor:
    """Begin to copy values to a device.

    Why from pinned memory: any other copy waits until the GPU has done all that was asked of it before.
    """
    here = torch.as_tensor(values)
    return here.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else here.to(device)


def to_host(values: torch.Tensor) -> Callable[[], np.ndarray]:
    """Begin to copy values to the processor's memory; the call waits for the copy.

    Why a stream of its own: a GPU goes on with what comes next while the results travel.
    """
    if not values.is_cuda:
        return values.numpy
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    copies = _copy_stream(values.device)
    copies.wait_stream(torch.cuda.current_stream(values.device))
    with torch.cuda.stream(copies):
        host.copy_(values, non_blocking=True)
        copied = copies.record_event()
    values.record_stream(copies)

    def result() -> np.ndarray:
        copied.synchronize()
        return host.numpy()

    return result


@cache
def _copy_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)
