"""Read and set C macros in the demo's headers and sources, as text.

::

    text = firmware.decode(path.read_bytes())
    firmware.get(text, "clientcredentialMQTT_BROKER_PORT").value     # '8883'
    edit = firmware.edit(text, "clientcredentialIOT_THING_NAME", "lab-device-1")
    print(edit.diff(path.name))
    path.write_bytes(firmware.encode(edit.new))                      # edit.old is the text before

A macro is found as the compiler would find it: line continuations are joined, comments and `#if 0`
are skipped, and other conditions are evaluated if the text settles them. If two definitions remain,
an error names both. `edit` changes one value; every other byte stays.
"""

from __future__ import annotations

from labkit.firmware.conditions import integer
from labkit.firmware.edits import Edit, edit, refuse_private_key, set_macro
from labkit.firmware.faults import faults, remarks
from labkit.firmware.kinds import Kind
from labkit.firmware.literals import decode, encode
from labkit.firmware.macros import Macro, get, names

__all__ = [
    "Edit",
    "Kind",
    "Macro",
    "decode",
    "edit",
    "encode",
    "faults",
    "get",
    "integer",
    "names",
    "refuse_private_key",
    "remarks",
    "set_macro",
]
