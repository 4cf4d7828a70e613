"""AWS IoT through boto3: what the procedure makes in an account, and what it reads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.support.lazy import lazy

if TYPE_CHECKING:
    from labkit.cloud.templates import provisioning_template

__all__ = ["provisioning_template"]

__getattr__ = lazy(__name__, {"provisioning_template": "templates"})
