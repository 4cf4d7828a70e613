"""Writes down where a Python program's sockets go; Python loads a module of this name by itself.

With this folder on PYTHONPATH, a program and all that it starts append to the file that
SOCKET_RECORD names: a line when each begins, and one for every connection, datagram, name looked
up and address bound. Python's audit hooks (PEP 578) see them in any thread.
"""

from __future__ import annotations

import json
import os
import sys

ADDRESS_IS = {
    "socket.connect": 1,
    "socket.bind": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
}
"""Which argument of an audit event is the address, or the name to look up."""


def install(path: str) -> None:
    """Append to a file from now on."""
    record = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    program = sys.orig_argv[1:]

    def write(event: str, address: object) -> None:
        # One write, so that the lines of many processes do not mix.
        os.write(record, json.dumps([program, event, address], default=repr).encode() + b"\n")

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        position = ADDRESS_IS.get(event)
        if position is not None:
            write(event, arguments[position])

    write("begin", None)
    sys.addaudithook(hook)


if "SOCKET_RECORD" in os.environ:
    install(os.environ["SOCKET_RECORD"])
