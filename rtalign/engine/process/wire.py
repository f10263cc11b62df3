"""Messages on the pipe between engine and viewer: frames of JSON followed by arrays, bounded when they are read."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
from typing import IO, Any, BinaryIO

import numpy as np

MAGIC = b"RTAL"
HEAD = struct.Struct("<4sIQ")
MAX_HEADER = 8 << 20
MAX_BODY = 64 << 20
DTYPES = {"float32", "float64", "int32", "int64", "bool"}
ARRAY = "__array__"


class NoFrame(ValueError):
    """What came is no frame, so that it is unknown where the next one begins."""


def pack(message: Any) -> bytes:
    """One frame.  message : JSON values and arrays, nested; numbers that are not finite become null."""
    arrays: list[np.ndarray] = []
    header = json.dumps(_without_arrays(message, arrays), ensure_ascii=False, allow_nan=False).encode()
    body = b"".join(array.tobytes() for array in arrays)
    return HEAD.pack(MAGIC, len(header), len(body)) + header + body


def read(stream: IO[bytes], begun: bytes = b"") -> Any:
    """The next frame of a stream; None at its end.  begun : what was read of it already.

    Raises NoFrame where no frame begins, and ValueError for a whole frame that holds no message.
    """
    rest = _exactly(stream, HEAD.size - len(begun))
    if rest is None:
        return None
    head = begun + rest
    magic, n_header, n_body = HEAD.unpack(head)
    if magic != MAGIC or n_header > MAX_HEADER or n_body > MAX_BODY:
        raise NoFrame(f"a frame begins {head[:8]!r}; {n_header} and {n_body} bytes were announced - not from rtalign")
    header, body = _exactly(stream, n_header), _exactly(stream, n_body)
    if header is None or body is None:
        return None
    return _message(header, body)


def skip_to_frame(stream: IO[bytes]) -> bytes:
    """Read on until the next frame has begun; returns that beginning, for read; less at the end of the stream."""
    begun = b""
    while begun != MAGIC and (byte := stream.read(1)):
        begun = (begun + byte)[-len(MAGIC) :]
    return begun


def _message(header: bytes, body: bytes) -> Any:
    try:
        message = json.loads(header)
    except RecursionError:
        raise ValueError("a frame nests too deep") from None
    if message is None:
        raise ValueError("a frame holds nothing")
    return _with_arrays(message, memoryview(body), 0)


def own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Where a process of the engine writes frames and reads them: what were its standard output and its input.

    Whatever a library prints goes to standard error from then on.
    """
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Unbuffered: a thread that still waits for input when the process ends must hold no lock of the interpreter's.
    return frames, os.fdopen(os.dup(0), "rb", buffering=0)


def close_pipes(process: subprocess.Popen[Any]) -> None:
    """Close a process's pipes, also those that it or somebody else has closed already."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):  # what is still on its way reaches nobody
            if pipe is not None:
                pipe.close()


def _without_arrays(value: Any, arrays: list[np.ndarray], offset: list[int] | None = None) -> Any:
    offset = [0] if offset is None else offset
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        if array.dtype.name not in DTYPES:
            raise ValueError(f"an array of {array.dtype} cannot be sent; {', '.join(sorted(DTYPES))} can")
        place = offset[0]
        offset[0] += array.nbytes
        arrays.append(array)
        return {ARRAY: [array.dtype.name, list(array.shape), place]}
    if isinstance(value, dict):
        return {str(key): _without_arrays(item, arrays, offset) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(item, arrays, offset) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _with_arrays(value: Any, body: memoryview, depth: int) -> Any:
    if depth > 32:
        raise ValueError("a frame nests more than 32 deep")
    if isinstance(value, list):
        return [_with_arrays(item, body, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if ARRAY in value:
        return _array(value[ARRAY], body)
    return {key: _with_arrays(item, body, depth + 1) for key, item in value.items()}


def _array(place: Any, body: memoryview) -> np.ndarray:
    try:
        dtype, shape, offset = place
        n = int(np.prod([int(size) for size in shape], dtype=np.int64))
        good = dtype in DTYPES and all(int(size) >= 0 for size in shape) and offset >= 0
        if not good or offset + n * np.dtype(dtype).itemsize > len(body):
            raise ValueError
        return np.frombuffer(body, dtype, n, offset).reshape(shape)
    except (ValueError, TypeError):
        raise ValueError(f"a frame describes an array as {str(place)[:80]}, which its body does not hold") from None


def _exactly(stream: IO[bytes], n: int) -> bytes | None:
    """n bytes, or None where the stream ends before."""
    parts, missing = [], n
    while missing:
        part = stream.read(missing)
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
