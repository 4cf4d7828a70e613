"""Every error code that AWS can answer to labkit's calls has a next step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

import labkit
from labkit.cloud.aws_errors import ADVICE

PACKAGE = Path(labkit.__file__).parent
SERVICES = ("iot", "sts", "iam")


def called_operations() -> dict[str, OperationModel]:
    """Return each operation that labkit names outside the simulator, by its Python name.

    A name that several services have, such as `create_policy`, is AWS IoT's: it comes first.
    """
    sources = [path for path in PACKAGE.rglob("*.py") if "simulator" not in path.parts]
    words = {word for path in sources for word in re.findall(r"\w+", path.read_text("utf-8"))}
    found: dict[str, OperationModel] = {}
    for service in SERVICES:
        model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        for name in model.operation_names:
            if xform_name(name) in words:
                found.setdefault(xform_name(name), model.operation_model(name))
    return found


def without_advice(advice: dict[str, str]) -> set[str]:
    """Return each operation and error code of botocore's model that has no next step."""
    return {
        f"{name}: {code}"
        for name, operation in called_operations().items()
        for shape in operation.error_shapes
        if not advice.get(code := shape.metadata.get("error", {}).get("code", shape.name))
    }


def test_every_error_code_has_a_next_step() -> None:
    """The operations that labkit calls, walked in botocore's model."""
    called = {"register_certificate", "get_caller_identity", "simulate_principal_policy"}
    assert called <= set(called_operations())
    assert without_advice(dict(ADVICE)) == set()


@pytest.mark.parametrize("code", ["CertificateStateException", "DeleteConflictException"])
def test_a_code_without_a_next_step_is_found(code: str) -> None:
    """A row that is removed from the table is reported with its operations."""
    shorter = {each: advice for each, advice in ADVICE.items() if each != code}
    assert f"delete_certificate: {code}" in without_advice(shorter)


def test_advice_is_a_sentence() -> None:
    """Each next step ends a message, so it is a sentence of its own."""
    assert all(advice[0].isupper() and advice.endswith(".") for advice in ADVICE.values())
