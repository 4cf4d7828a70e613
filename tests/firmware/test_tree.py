"""Whether a firmware tree can do Option 2, and what is printed of a tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_runner import assert_refused, labkit

from labkit.errors import FirmwareError
from labkit.firmware.tree import FORCE_MACRO, find_sources
from labkit.lab.procedure.steps import headers
from labkit.workspace.settings import TREES

PROVISIONING = "demos/dev_mode_key_provisioning/src/aws_dev_mode_key_provisioning.c"
DEFINED = f"#define {FORCE_MACRO}    0\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the simulated board's tree."""
    return Path(shutil.copytree(TREES / "202203.00", tmp_path / "tree"))


def provisioning(tree: Path, text: str) -> Path:
    """Let the provisioning source be another one."""
    (tree / PROVISIONING).write_text(text)
    return tree


@pytest.mark.parametrize(
    "use",
    [
        f"#if ( 1 == {FORCE_MACRO} )\n#endif\n",
        f"#if {FORCE_MACRO}\n#endif\n",
        f"void f( void )\n{{\n    if( {FORCE_MACRO} == 1 ) {{ }}\n}}\n",
    ],
)
def test_a_tree_that_reads_the_macro_can_do_option_2(tree: Path, use: str) -> None:
    """The macro is read by the preprocessor, or by the code itself."""
    found = find_sources(provisioning(tree, DEFINED + use))
    assert found.import_only == ""
    assert repr(found).endswith("Option 2          possible")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("void f( void ) { }\n", f"does not define {FORCE_MACRO}"),
        (f"/* {FORCE_MACRO} is of a later release */\n", f"does not define {FORCE_MACRO}"),
        (DEFINED, "no #if reads it"),
        (f"#ifndef {FORCE_MACRO}\n{DEFINED}#endif\n", "no #if reads it"),
        (f"{DEFINED}/* #if {FORCE_MACRO} */\n", "no #if reads it"),
    ],
)
def test_a_tree_that_only_imports_says_why(tree: Path, text: str, why: str) -> None:
    """The macro is missing, or nothing reads it: Option 1 is what works."""
    found = find_sources(provisioning(tree, text))
    assert why in found.import_only
    assert found.import_only.endswith("Use Option 1.")
    assert f"not possible. {found.import_only}" in repr(found)


def test_option_2_is_refused_on_such_a_tree(tree: Path) -> None:
    """The step that would set the macro names the tree, the reason and Option 1."""
    provisioning(tree, DEFINED)
    with pytest.raises(
        FirmwareError, match=r"tree: Option 2 is not possible.*Use Option 1\."
    ) as it:
        headers.refuse_import_only(tree)
    assert str(tree) in str(it.value)


def test_the_command_prints_the_tree(tree: Path) -> None:
    """`labkit firmware find` names the files, the release and what is possible."""
    found = labkit("firmware", "find", str(tree))
    assert found.code == 0
    assert "release           202203.00" in found.out
    assert f"key generation    {PROVISIONING}" in found.out


def test_the_command_refuses_a_folder_without_a_tree(tmp_path: Path) -> None:
    """The message names the folder and the file that was looked for."""
    assert_refused(
        labkit("firmware", "find", str(tmp_path)), str(tmp_path), "aws_clientcredential.h"
    )
