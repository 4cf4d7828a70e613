"""The project as a whole: its files agree, and no secret is in it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from fresh_clone import files
from imports import imports
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import labkit
from labkit.support.extras import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "labkit"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LONGEST = 400

needs_git = pytest.mark.needs("git")


# pyproject.toml, requirements.lock and environment.yml


def locked(text: str) -> dict[str, list[tuple[Requirement, list[str]]]]:
    """Return the lock's packages by name, each with its versions and their hashes."""
    packages: dict[str, list[tuple[Requirement, list[str]]]] = {}
    for entry in re.sub(r"\\\n\s+", " ", text).splitlines():
        wanted, *hashes = re.split(r"\s+--hash=", entry.strip())
        requirement = Requirement(wanted.strip())
        packages.setdefault(canonicalize_name(requirement.name), []).append((requirement, hashes))
    return packages


def lock_faults(lock: str, wanted: list[str]) -> list[str]:
    """Return what a lock lacks of what is wanted, and what in it is not exact and hashed."""
    packages = locked(lock)
    faults = ["an address"] if "://" in lock else []
    for name, versions in packages.items():
        for requirement, hashes in versions:
            if not re.fullmatch(r"==[\w.]+", str(requirement.specifier)):
                faults.append(f"{name}: not exact")
            if not hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", h) for h in hashes):
                faults.append(f"{name}: not hashed")
    for requirement in map(Requirement, wanted):
        name = requirement.name
        versions = [str(r.specifier) for r, _ in packages.get(canonicalize_name(name), [])]
        faults += [] if versions else [f"{name}: missing"]
        faults += [
            f"{name}: {version} is not {requirement}"
            for version in versions
            if not requirement.specifier.contains(version.lstrip("=<>"))
        ]
    return faults


def wanted() -> list[str]:
    """Return every requirement of the project: its own, its extras', its groups', its build's."""
    project = PROJECT["project"]
    tables = (project["optional-dependencies"], PROJECT["dependency-groups"])
    more = [each for table in tables for section in table.values() for each in section]
    outside = [each for each in more if Requirement(each).name != project["name"]]
    return [*project["dependencies"], *outside, *PROJECT["build-system"]["requires"]]


def test_lock_agrees_with_the_project() -> None:
    """Everything asked for is locked, at a version that satisfies it, hashed, without address."""
    assert lock_faults((ROOT / "requirements.lock").read_text(), wanted()) == []


HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("lock", "fault"),
    [
        (f"click==8.2 \\\n    {HASH}\n", None),
        (f"click==8.0 \\\n    {HASH}\n", "click: ==8.0 is not click>=8.1"),
        (f"other==1 \\\n    {HASH}\n", "click: missing"),
        (f"click>=8.2 \\\n    {HASH}\n", "click: not exact"),
        ("click==8.2\n", "click: not hashed"),
        ("click==8.2 \\\n    --hash=sha256:00\n", "click: not hashed"),
        (f"click==8.2 \\\n    {HASH}\nx @ https://host/x.whl \\\n    {HASH}\n", "an address"),
    ],
)
def test_lock_faults_are_found(lock: str, fault: str | None) -> None:
    """A lock without, or with a wrong, version, hash or an address is found out."""
    faults = lock_faults(lock, ["click>=8.1"])
    assert (fault in faults) if fault else faults == []


def test_lock_holds_what_the_requirements_require() -> None:
    """What the locked packages need in turn is locked as well."""
    packages, seen, todo = locked((ROOT / "requirements.lock").read_text()), set(), wanted()
    while todo:
        requirement = Requirement(todo.pop())
        name = canonicalize_name(requirement.name)
        extras = ("", *requirement.extras)
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras):
            continue
        assert name in packages, name
        if (name, extras) not in seen:
            seen.add((name, extras))
            todo += _of_installed(name, extras)
    assert len(seen) > len(wanted())


def _of_installed(name: str, extras: tuple[str, ...]) -> list[str]:
    requirements = map(Requirement, importlib.metadata.requires(name) or [])
    markers = [
        each
        for each in requirements
        if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]
    for each in markers:
        each.marker = None
    return [str(each) for each in markers]


def test_environment_yml_agrees_with_the_project() -> None:
    """Conda brings the same Python, and pip this project itself with all of its extras."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["project"]["name"]
    python, pip, section = environment["dependencies"]
    assert pip == "pip"
    assert python.removeprefix("python") == PROJECT["project"]["requires-python"]
    assert section == {"pip": ["-e .[all]"]}
    assert set(PROJECT["project"]["optional-dependencies"]) - {"all"} == extras_in("all")
    assert all("defaults" not in channel for channel in environment["channels"])


def test_python_bounds_agree() -> None:
    """The script, pyproject, ruff and mypy name the same oldest Python."""
    bound = SpecifierSet(PROJECT["project"]["requires-python"])
    oldest = re.search(r"^OLDEST = \((\d+), (\d+)\)$", (ROOT / "lab").read_text(), re.MULTILINE)
    assert oldest
    version = ".".join(oldest.groups())
    assert str(bound) == f">={version}"
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + version.replace(".", "")
    assert PROJECT["tool"]["mypy"]["python_version"] == version


def extras_in(extra: str) -> set[str]:
    """Return the extras of labkit that an extra brings, one through another."""
    found: set[str] = set()
    for requirement in map(Requirement, PROJECT["project"]["optional-dependencies"][extra]):
        if requirement.name == "labkit":
            found |= requirement.extras
    return found.union(*map(extras_in, found))


DISTRIBUTIONS = {"serial": "pyserial", "OpenSSL": "pyopenssl", "tlslite": "tlslite-ng"} | {
    "jupyter_client": "jupyter-client",
    "minisign": "py-minisign",
    "paho": "paho-mqtt",
    "pkcs11": "python-pkcs11",
    "botocore": "boto3",  # which pins it: the two are released together
}
"""The packages that are imported by another name than they are installed by."""


def asks_for(section: list[str], module: str) -> bool:
    """Return whether requirements name the package of a module."""
    name = DISTRIBUTIONS.get(module, module)
    return name in {Requirement(each).name for each in section}


def test_what_labkit_imports_is_what_it_asks_for() -> None:
    """Every package that labkit imports is a dependency, or of the extra that messages name."""
    outside = {each.module.partition(".")[0] for each in imports(PACKAGE)}
    outside -= set(sys.stdlib_module_names) | {"labkit"}
    always = PROJECT["project"]["dependencies"]
    assert {each for each in outside if not asks_for(always, each)} <= EXTRAS.keys()


@pytest.mark.parametrize("module", sorted(EXTRAS))
def test_an_extra_brings_the_package_that_is_missing_without_it(module: str) -> None:
    """The extra that a message names has the package in its own list."""
    assert asks_for(PROJECT["project"]["optional-dependencies"][EXTRAS[module]], module)


def test_no_tool_of_the_tests_comes_with_labkit() -> None:
    """No extra brings what only the tests use."""
    extras = [each for e in PROJECT["project"]["optional-dependencies"].values() for each in e]
    tools = {Requirement(each).name for each in PROJECT["dependency-groups"]["test"]}
    brought = {Requirement(each).name for each in PROJECT["project"]["dependencies"] + extras}
    assert {"nbval", "pytest"} <= tools
    assert tools & brought == set()


def test_versions_agree() -> None:
    """The project and labkit have one version; CHANGELOG begins with what is not released."""
    version = PROJECT["project"]["version"]
    assert labkit.__version__ == version
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(Version(each) <= Version(version) for each in headings[1:])


# The files


@cache
def committed() -> dict[str, str]:
    """Return the text of every committed file."""
    return {name: (ROOT / name).read_text(errors="replace") for name in files()}


KEY_MARKER = "PRIVATE" + " KEY-----"
SECRETS = re.compile(rf"{KEY_MARKER}|\bA[KS]IA[0-9A-Z]{{16}}\b")
MACHINE = re.compile(
    r"(?<![\w.}])/(?:root\b|home/\w|tmp/w/|work/|Users/\w)|/site-packages/"
    r"|pypi\.org|pythonhosted|index-url|registry\.npmjs|conda\.anaconda",
)
MAY_NAME = {"tests/project/test_project.py", "tests/run.py"}
"""This file, which has to name what it looks for."""


def findings(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    """Return where a pattern stands, as `file:line`, without its text."""
    return [
        f"{name}:{number}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


@needs_git
def test_no_secret_is_committed() -> None:
    """No file holds a private key in PEM or an AWS access key id."""
    assert len(committed()) > 100
    assert findings(SECRETS, committed()) == []


@pytest.mark.parametrize(
    "line",
    ["-----BEGIN " + KEY_MARKER, "    -----BEGIN RSA " + KEY_MARKER, 'id = "AKIA' + "0" * 16 + '"'],
)
def test_a_secret_is_found(line: str) -> None:
    """Each kind is found wherever in a line it stands, and not repeated in the finding."""
    assert findings(SECRETS, {"x": f"first\n{line}\n"}) == ["x:2"]


@needs_git
def test_no_path_of_a_machine_is_committed() -> None:
    """No file names a developer's folder or a package registry."""
    texts = {name: text for name, text in committed().items() if name not in MAY_NAME}
    assert findings(MACHINE, texts) == []


@pytest.mark.parametrize(
    "line",
    [
        "see /" + "root/x",
        '"/home/me/lab"',
        "cd /tmp/w/x",
        "PATH=/" + "work/main",
        "--index-url x",
        "https://pypi.org/simple",
        "/usr/lib/site-packages/x.py",
    ],
)
def test_a_path_of_a_machine_is_found(line: str) -> None:
    """Each kind is found."""
    assert findings(MACHINE, {"x": line}) == ["x:1"]


@pytest.mark.parametrize("line", ["/workspace/", "ca/rootCA.pem", "tmp_path / 'home'", "a/homes/b"])
def test_a_path_of_the_project_is_not(line: str) -> None:
    """What looks like it is left alone."""
    assert findings(MACHINE, {"x": line}) == []


@needs_git
def test_no_python_file_is_long() -> None:
    """Every Python file, and the script, stays under 400 lines."""
    python = {n: t for n, t in committed().items() if n.endswith(".py") or n == "lab"}
    assert len(python) > 100
    too_long = {n: t.count("\n") for n, t in python.items() if t.count("\n") >= LONGEST}
    assert too_long == {}


NOQA = re.compile(r"#\s*noqa(?:: [A-Z]+\d+(?:, [A-Z]+\d+)*)?\s*$")
IGNORE = re.compile(r"#\s*type: ignore(?:\[[\w-]+\])?\s*$")


@needs_git
def test_exceptions_from_linter_and_types_have_a_reason() -> None:
    """Every noqa names its rule and, on the same line, the reason; so does what mypy ignores."""
    python = {n: t for n, t in committed().items() if n.endswith(".py") and n not in MAY_NAME}
    assert findings(NOQA, python) == []
    # The tests are not mypy's: there it is a note to the reader.
    assert findings(IGNORE, {n: t for n, t in python.items() if n.startswith("labkit/")}) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import x  # noqa: F401", True),
        ("import x  # noqa", True),
        ("import x  # noqa: F401 used below", False),
        ("x = y  # type: ignore[arg-type]", True),
        ("x = y  # type: ignore[arg-type]  # on purpose", False),
    ],
)
def test_an_exception_without_a_reason_is_found(line: str, *, found: bool) -> None:
    """A bare one is found, one with its reason is not."""
    assert bool(findings(NOQA, {"x": line}) + findings(IGNORE, {"x": line})) == found
