"""Ports for the LSL session of a cell, which no other program uses."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable

FIRST_PORT, LAST_PORT, PORTS = 12000, 17000, 40
"""Where the LSL ports of a cell may lie, below those of the tests, and how many it takes."""


def free_ports(slot: int) -> int:
    """The first of `PORTS` ports that nobody uses; cells of other slots and other runs begin to look elsewhere."""
    n = (LAST_PORT - FIRST_PORT) // PORTS
    for k in range(n):
        first = FIRST_PORT + PORTS * ((37 * os.getpid() + 101 * slot + k) % n)
        with contextlib.suppress(OSError):
            for held in held_ports(range(first, first + PORTS)):
                held.close()
            return first
    raise OSError(f"there are no {PORTS} free ports from {FIRST_PORT} to {LAST_PORT}")


def held_ports(ports: Iterable[int]) -> list[socket.socket]:
    """Sockets that hold ports of this machine, TCP and UDP; OSError, and none held, where one is in use."""
    held: list[socket.socket] = []
    try:
        for port in ports:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                held.append(socket.socket(socket.AF_INET, kind))
                held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
                held[-1].bind(("", port))
                if kind == socket.SOCK_STREAM:
                    held[-1].listen()  # else another could share it
    except OSError:
        for one in held:
            one.close()
        raise
    return held
