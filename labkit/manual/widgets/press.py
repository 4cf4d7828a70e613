"""What a panel receives when one of its buttons is pressed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Press:
    """What was pressed.

    Attributes:
        value: the button's own value, such as the name of a row.
        fields: the values of the panel's fields, by name; a check box is "true" or "false".
        file: the file that was chosen or dropped, or None.
    """

    value: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    file: bytes | None = None
