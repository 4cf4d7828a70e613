"""C macros in the demo's headers and sources: text in, text out.

::

    text = firmware.decode(path.read_bytes())
    firmware.get(text, "clientcredentialMQTT_BROKER_PORT").value     # '8883'
    edit = firmware.edit(text, "clientcredentialIOT_THING_NAME", "lab-device-1")
    print(edit.diff(path.name))
    path.write_bytes(firmware.encode(edit.new))                      # edit.old takes it back

A macro is found as the compiler would find it: line continuations joined, comments and `#if 0`
left out, other conditions evaluated where the text settles them and refused where two
definitions are left. What is set is one value; every other byte stays.
"""

from __future__ import annotations

from labkit.firmware.conditions import integer
from labkit.firmware.edits import Edit, edit, refuse_private_key, set_macro
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
    "get",
    "integer",
    "names",
    "refuse_private_key",
    "set_macro",
]
