"""The server side of AWS's rest-json protocol, from botocore's own service model.

The model's traits define the operation of a request, the location of each parameter, its type and
constraints, and the form of the answer.

Source: AWS restJson1 protocol (Smithy), and the `iot` model's `http`, `location` and `error`
traits.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from labkit.bench.simulator.account.context import Refusal
from labkit.support.seams import service_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel, Shape

    from labkit.bench.simulator.http import Request

INVALID = "InvalidRequestException"
UNREADABLE = "SerializationException"


@dataclass(frozen=True, slots=True)
class Route:
    """The operation of a request, and the labels in its path."""

    operation: OperationModel
    labels: Mapping[str, str]


class RestJsonModel:
    """One service's model, as a server needs it.

    Args:
        service: botocore's name of the service, such as "iot".
    """

    def __init__(self, service: str) -> None:
        self._model = service_model(service)
        self._operations: dict[tuple[str, int], list[_Template]] = {}
        for name in self._model.operation_names:
            template = _Template(self._model.operation_model(name))
            self._operations.setdefault(template.key, []).append(template)
        for templates in self._operations.values():
            # A literal segment beats a label: /things/x/y before /things/{name}/y.
            templates.sort(key=lambda template: template.labels)

    def route(self, method: str, raw_path: str) -> Route | None:
        """Return the operation for a path as received, or None."""
        segments = raw_path.split("/")
        for template in self._operations.get((method, len(segments)), ()):
            labels = template.match(segments)
            if labels is not None:
                return Route(template.operation, labels)
        return None

    def error_status(self, code: str) -> int:
        """Return the HTTP status of one of the service's exceptions."""
        return int(self._model.shape_for(code).metadata["error"]["httpStatusCode"])


@functools.cache
def load_model(service: str) -> RestJsonModel:
    """Return a service's model; it is read once."""
    return RestJsonModel(service)


class _Template:
    """The method and the path of one operation."""

    def __init__(self, operation: OperationModel) -> None:
        self.operation = operation
        path = operation.http["requestUri"].partition("?")[0]
        self._segments = path.split("/")
        self.labels = sum(segment.startswith("{") for segment in self._segments)
        self.key = (operation.http["method"], len(self._segments))

    def match(self, segments: list[str]) -> dict[str, str] | None:
        labels = {}
        for expected, got in zip(self._segments, segments, strict=True):
            if expected.startswith("{"):
                labels[expected.strip("{+}")] = unquote(got)
            elif expected != got:
                return None
        return labels


def parse(route: Route, request: Request) -> dict[str, Any]:
    """Return the operation's parameters, checked against the model.

    Raises:
        Refusal: SerializationException for a body that is not JSON or has a value of another
            type; InvalidRequestException for a parameter that is missing or breaks a constraint.
    """
    shape = route.operation.input_shape
    if shape is None:
        return {}
    body = _json_object(request.body)
    sent = {
        name: _sent_value(route, request, body, name, member)
        for name, member in shape.members.items()
    }
    return _checked_members(shape, sent, "")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refusal(UNREADABLE, "the body is not JSON") from error
    if not isinstance(content, dict):
        raise Refusal(UNREADABLE, "the body is not a JSON object")
    return content


def _sent_value(
    route: Route, request: Request, body: dict[str, Any], name: str, member: Shape
) -> Any:  # noqa: ANN401 as the model says
    location = member.serialization.get("location")
    key = member.serialization.get("name", name)
    if location is None:
        return body.get(key)
    if location == "uri":
        text = route.labels.get(key)
    elif location == "header":
        text = request.headers.get(key.lower())
    else:
        text = request.query.get(key, [None])[0]
    return None if text is None else _from_text(member, text, name)


def _from_text(shape: Shape, text: str, name: str) -> Any:  # noqa: ANN401 as the model says
    """Read a value from the path, the query or a header."""
    if shape.type_name == "boolean" and text in ("true", "false"):
        return text == "true"
    if shape.type_name in ("integer", "long") and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if shape.type_name in ("string", "timestamp"):
        return text
    raise Refusal(INVALID, f"{name}: {shape.type_name} expected")


_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "timestamp": (int, float, str),
    "blob": (str,),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def _checked(shape: Any, value: Any, name: str) -> Any:  # noqa: ANN401 as the model says
    """Check a value's type and constraints at all depths; return it."""
    # In Python a bool is also a number.
    is_of_type = isinstance(value, _JSON_TYPES[shape.type_name])
    if not is_of_type or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise Refusal(UNREADABLE, f"{name}: {shape.type_name} expected")
    match shape.type_name:
        case "string":
            _check_string(shape.metadata, value, name)
        case "integer" | "long":
            _check_bounds(shape.metadata, value, value, name)
        case "list":
            _check_bounds(shape.metadata, len(value), value, name)
            return [_checked(shape.member, item, name) for item in value]
        case "map":
            return {
                _checked(shape.key, key, name): _checked(shape.value, item, name)
                for key, item in value.items()
            }
        case "structure":
            return _checked_members(shape, value, f"{name}.")
    return value


def _checked_members(shape: Any, value: Mapping[str, Any], prefix: str) -> dict[str, Any]:  # noqa: ANN401 as the model says
    """Check the members that the model has; others are dropped."""
    for key in shape.required_members:
        if value.get(key) is None:
            raise _violation("null", f"{prefix}{key}", "Member must not be null")
    return {
        key: _checked(member, value[key], f"{prefix}{key}")
        for key, member in shape.members.items()
        if value.get(key) is not None
    }


def _check_string(rules: Mapping[str, Any], value: str, name: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Refusal(UNREADABLE, f"{name}: half a surrogate pair is not Unicode") from error
    if "enum" in rules and value not in rules["enum"]:
        allowed = ", ".join(rules["enum"])
        raise _violation(value, name, f"Member must satisfy enum value set: [{allowed}]")
    _check_bounds(rules, len(value), value, name, "length ")
    pattern = _pattern(rules.get("pattern", ""))
    if pattern is not None and not pattern.fullmatch(value):
        wanted = f"Member must satisfy regular expression pattern: {rules['pattern']}"
        raise _violation(value, name, wanted)


def _check_bounds(
    rules: Mapping[str, Any], size: int, value: object, name: str, what: str = ""
) -> None:
    for bound, comparison, holds in (
        ("min", "greater", size >= rules.get("min", size)),
        ("max", "less", size <= rules.get("max", size)),
    ):
        if not holds:
            wanted = f"Member must have {what}{comparison} than or equal to {rules[bound]}"
            raise _violation(value, name, wanted)


def _violation(value: object, name: str, constraint: str) -> Refusal:
    return Refusal(
        INVALID,
        f"1 validation error detected: Value '{str(value)[:100]}' at '{name}' failed to satisfy "
        f"constraint: {constraint}",
    )


@functools.cache
def _pattern(pattern: str) -> re.Pattern[str] | None:
    """Compile a pattern of the model; None for one with Unicode classes, which Python lacks."""
    try:
        return re.compile(pattern, re.ASCII) if pattern else None
    except re.error:
        return None


def serialize(operation: OperationModel, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operation's result as the JSON that the model defines, without None members.

    Raises:
        KeyError: the result has a member that the model does not define.
    """
    return {} if operation.output_shape is None else _serialized(operation.output_shape, result)


def _serialized(shape: Any, value: Any) -> Any:  # noqa: ANN401 as the model says
    if shape.type_name == "structure":
        return {
            shape.members[name].serialization.get("name", name): _serialized(
                shape.members[name], member
            )
            for name, member in value.items()
            if member is not None
        }
    if shape.type_name == "list":
        return [_serialized(shape.member, item) for item in value]
    if isinstance(value, datetime):
        return value.timestamp()
    return value
