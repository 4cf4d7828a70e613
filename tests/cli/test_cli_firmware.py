"""`labkit firmware get|set`: exact bytes, nothing secret shown, the text before kept."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

import pytest
from cli_runner import assert_refused, labkit
from firmware_shapes import (
    CERTIFICATE,
    ENDPOINT,
    FORCE,
    KEY_LABEL,
    PASSWORD,
    PORT,
    PRIVATE_KEY,
    SSID,
    THING,
    literals,
    pem,
)

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "correct-horse-battery"  # noqa: S105 a made-up password
HEADER = f"""\
/* Ger\xe4t */
#ifndef H
#define H
#define {THING}    "old-thing"
#define {PORT}    8883
#define {SSID}    NULL
#define {PASSWORD}    "{SECRET}"
#define {CERTIFICATE}    NULL
#define {PRIVATE_KEY} \\
{literals(pem(KEY_LABEL))}
#endif
""".replace("\n", "\r\n").encode("latin-1")


@pytest.fixture
def header(tmp_path: Path) -> Path:
    """Return a header with CRLF line ends and a byte that is not UTF-8."""
    path = tmp_path / "aws_clientcredential.h"
    path.write_bytes(HEADER)
    return path


def firmware(*arguments: object) -> object:
    """Run `labkit firmware`."""
    return labkit("firmware", *arguments)


def test_get(header: Path) -> None:
    """A value is printed with one line end; NULL as nothing."""
    assert firmware("get", header, THING).raw == b"old-thing\n"
    assert firmware("get", header, PORT).raw == b"8883\n"
    ended = firmware("get", header, CERTIFICATE)
    assert (ended.code, ended.raw, ended.err) == (0, b"", "")


def test_get_suggests_what_stands_there(header: Path) -> None:
    """A name that is not there is refused with one that looks like it."""
    assert_refused(firmware("get", header, f"{THING}1"), THING)


def test_get_never_shows_a_secret(header: Path, tmp_path: Path) -> None:
    """Passwords and private keys are reported as set; a placeholder and other values are shown."""
    for macro in (PASSWORD, PRIVATE_KEY):
        ended = firmware("get", header, macro)
        assert (ended.code, ended.raw) == (0, b"")
        assert ended.err == f"{macro} is set; its value is secret and is not shown\n"
    elsewhere = tmp_path / "other.h"
    elsewhere.write_text(f"#define OTHER \\\n{literals(pem() + pem(KEY_LABEL))}\n")
    assert firmware("get", elsewhere, "OTHER").raw == b""
    elsewhere.write_text(f'#define {PASSWORD} "Paste WiFi password here."\n')
    assert firmware("get", elsewhere, PASSWORD).out == "Paste WiFi password here.\n"


def test_get_gives_bytes_as_they_are(tmp_path: Path) -> None:
    """A value that is not UTF-8 is printed as its bytes."""
    path = tmp_path / "x.h"
    path.write_bytes(f'#define {THING} "Ger\xe4t"\n'.encode("latin-1"))
    assert firmware("get", path, THING).raw == b"Ger\xe4t\n"


def test_set_changes_the_value_alone(header: Path) -> None:
    """Every other byte stays: line ends, the Latin-1 comment, the secrets."""
    ended = firmware("set", header, THING, "new-thing")
    assert ended.code == 0
    assert header.read_bytes() == HEADER.replace(b"old-thing", b"new-thing")
    assert b'+#define clientcredentialIOT_THING_NAME    "new-thing"\r\n' in ended.raw
    assert firmware("get", header, THING).raw == b"new-thing\n"


def test_set_keeps_what_stood_there_first(header: Path) -> None:
    """FILE.orig holds the first text, is 0600 as it may hold secrets, and is never replaced."""
    original = header.with_name(header.name + ".orig")
    assert f"kept in {original}" in firmware("set", header, THING, "second").err
    assert firmware("set", header, THING, "third").err == ""
    assert original.read_bytes() == HEADER
    assert stat.S_IMODE(original.stat().st_mode) == 0o600


def test_set_keeps_mode_and_link(header: Path, tmp_path: Path) -> None:
    """The file keeps its mode, and a link to it stays one."""
    header.chmod(0o640)
    link = tmp_path / "link.h"
    link.symlink_to(header)
    assert firmware("set", link, THING, "new-thing").code == 0
    assert link.is_symlink()
    assert b"new-thing" in header.read_bytes()
    assert stat.S_IMODE(header.stat().st_mode) == 0o640


def test_set_dry_run_writes_nothing(header: Path, tmp_path: Path) -> None:
    """--dry-run shows the same difference, and leaves everything as it was."""
    dry = firmware("set", header, THING, "new-thing", "--dry-run")
    assert [path.name for path in tmp_path.iterdir()] == [header.name]
    assert header.read_bytes() == HEADER
    assert firmware("set", header, THING, "new-thing").raw == dry.raw != b""


def test_set_the_same_again_changes_nothing(header: Path, tmp_path: Path) -> None:
    """A macro that has the value already: no difference, no .orig, the file untouched."""
    before = header.stat()
    ended = firmware("set", header, THING, "old-thing")
    assert (ended.code, ended.raw) == (0, b"")
    assert "already has this value" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == [header.name]
    assert header.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_set_from_a_pem_file(header: Path, tmp_path: Path, end: str) -> None:
    """A certificate's file is taken whatever its line ends, and comes out as PEM has them."""
    file = tmp_path / "deviceCert.pem"
    file.write_bytes(pem().replace("\n", end).encode())
    assert firmware("set", header, CERTIFICATE, "--pem", file).code == 0
    assert firmware("get", header, CERTIFICATE).out == pem()
    assert b'\\n" \\\r\n' in header.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pem(KEY_LABEL), "found a private key"),
        ("\xff\xfe garbage", "found no PEM block"),
        (pem("PUBLIC KEY"), "found a public key"),
        (pem()[:-10], "cut off"),
    ],
    ids=["private key", "binary", "public key", "cut off"],
)
def test_set_refuses_another_file(header: Path, tmp_path: Path, content: str, message: str) -> None:
    """Anything but a certificate is refused; nothing of it is shown, the header stays."""
    file = tmp_path / "wrong"
    file.write_bytes(content.encode("latin-1"))
    ended = firmware("set", header, CERTIFICATE, "--pem", file)
    assert_refused(ended, message, f"{header}: {CERTIFICATE}")
    assert content.splitlines()[-1][:20] not in ended.err or len(content.splitlines()) > 2
    assert not any(line in ended.err for line in content.splitlines()[1:-1])
    assert header.read_bytes() == HEADER


def test_a_private_key_of_another_project_is_secret(tmp_path: Path) -> None:
    """A name with PRIVATE_KEY in it takes a key, as coreMQTT-Agent's does, and shows none."""
    header, key = tmp_path / "demo_config.h", tmp_path / "device.key"
    header.write_text("#define democonfigCLIENT_PRIVATE_KEY_PEM NULL\n")
    key.write_text(pem(KEY_LABEL))
    done = firmware("set", header, "democonfigCLIENT_PRIVATE_KEY_PEM", "--pem", key)
    got = firmware("get", header, "democonfigCLIENT_PRIVATE_KEY_PEM")
    assert (done.code, got.code, got.out) == (0, 0, "")
    body = pem(KEY_LABEL).splitlines()[1]
    assert body in header.read_text()
    assert body not in done.out + done.err + got.err
    key.write_text(pem())
    refused = firmware("set", header, "democonfigCLIENT_PRIVATE_KEY_PEM", "--pem", key)
    assert_refused(refused, "found a certificate")


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=["", "dry run"])
@pytest.mark.parametrize(
    ("macro", "value"),
    [(PASSWORD, "another-secret"), (PRIVATE_KEY, "NULL"), (SSID, "lab"), (CERTIFICATE, "NULL")],
)
def test_set_never_shows_a_secret(header: Path, macro: str, value: str, dry_run: list[str]) -> None:
    """Neither the old nor the new value of a secret is in the difference, nor a neighbour's."""
    ended = firmware("set", header, macro, value, *dry_run)
    assert ended.code == 0
    everything = ended.out + ended.err
    assert SECRET not in everything
    assert "another-secret" not in everything
    assert not any(line in everything for line in pem(KEY_LABEL).splitlines()[1:-1])


def test_set_takes_a_value_with_a_dash(header: Path) -> None:
    """After `--` a value may begin with a dash; without it that is a usage error."""
    assert firmware("set", header, THING, "-x").code == 2
    assert firmware("set", header, THING, "--", "-x").code == 0
    assert firmware("get", header, THING).out == "-x\n"


@pytest.mark.parametrize("given", [[], ["value", "--pem", "file"]], ids=["neither", "both"])
def test_set_takes_a_value_or_a_file(header: Path, given: list[str]) -> None:
    """Neither or both is a usage error."""
    ended = firmware("set", header, THING, *given)
    assert (ended.code, ended.raw) == (2, b"")
    assert "give either VALUE or --pem FILE" in ended.err


@pytest.mark.parametrize(
    ("macro", "value", "message"),
    [(PORT, "mqtt", "expected a number"), (FORCE, "2", FORCE), (PORT, "NULL", "NULL")],
)
def test_set_refuses_what_a_macro_cannot_take(
    header: Path, macro: str, value: str, message: str
) -> None:
    """The message names the macro and what it takes; the header stays."""
    assert_refused(firmware("set", header, macro, value), message)
    assert header.read_bytes() == HEADER


def test_header_that_cannot_be_written_stays(tmp_path: Path) -> None:
    """Where the folder takes no new file, the command fails and says that nothing changed."""
    ended = firmware("set", "/proc/version", THING, "x")
    assert_refused(ended, THING)
    path = tmp_path / "x.h"
    path.write_bytes(HEADER)
    (tmp_path / "x.h.orig").mkdir()
    assert firmware("set", path, THING, "new-thing").code in (0, 1)


@pytest.mark.parametrize(
    ("macro", "value", "fault"),
    [
        (ENDPOINT, "https://a1b2-ats.iot.us-east-1.amazonaws.com", "the scheme https://"),
        (ENDPOINT, "a1b2-ats.iot.us-est-1.amazonaws.com", "no region us-est-1"),
        (THING, "my thing", "a thing's name has 1 to 128"),
        (THING, "arn:aws:iot:us-east-1:123456789012:thing/x", "a thing's name has 1 to 128"),
        (THING, "caf\xe9", "a thing's name has 1 to 128"),
        (SSID, "x" * 33, "at most 32 bytes"),
        (PASSWORD, SECRET * 4, "at most 63 characters"),
    ],
)
def test_set_refuses_a_value(header: Path, macro: str, value: str, fault: str) -> None:
    """A value that cannot work is refused, a secret one is not shown, and the file stays."""
    ended = firmware("set", header, macro, value)
    assert_refused(ended, f"{header}: {macro}: ", fault)
    assert SECRET not in ended.err
    assert header.read_bytes() == HEADER


LINES = literals(pem(), "\n").splitlines()
BROKEN = {
    "no backslash after the name": "\n".join([f"#define {CERTIFICATE}   ", *LINES[:1]]),
    "no backslash in the middle": f"#define {CERTIFICATE} {LINES[0]}\n" + " \\\n".join(LINES[1:]),
    "raw PEM": f'#define {CERTIFICATE} "\n{pem()}"\n',
    "raw PEM from the first line on": f'#define {CERTIFICATE} "{pem()}"\n',
    "raw PEM without quotes": f"#define {CERTIFICATE}\n{pem()}",
    "a directive is joined": f"#define {CERTIFICATE} {LINES[0]}\\\n#define NEXT 1\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_header_that_cannot_compile(tmp_path: Path, text: str) -> None:
    """`get` names the line; `set` repairs the header, or refuses and leaves it."""
    path, file = tmp_path / "keys.h", tmp_path / "deviceCert.pem"
    path.write_text(text)
    file.write_text(pem())
    assert re.search(
        rf"^{re.escape(str(path))}, line \d+: ", firmware("get", path, CERTIFICATE).err
    )
    ended = firmware("set", path, CERTIFICATE, "--pem", file)
    if ended.code == 0:
        assert firmware("get", path, CERTIFICATE).err == ""
    else:
        assert "line " in ended.err
        assert path.read_text() == text


def test_a_header_that_compiles_has_no_remarks(tmp_path: Path) -> None:
    """The twin: literals in arrays and calls, in comments and in code that is not compiled."""
    path = tmp_path / "keys.h"
    path.write_text(
        f'/* "-----BEGIN CERTIFICATE-----" */\n#if 0\nit\'s "raw\n"x"\n#endif\n'
        f'static const char a[] =\n"x"\n"y";\n#define {CERTIFICATE} \\\n{literals(pem())}\n'
        'void f(void) {\n  g(\n    "text"\n    "more");\n}\n'
    )
    assert firmware("get", path, CERTIFICATE).err == ""


@pytest.mark.parametrize(
    ("code", "remark"),
    [
        ('"Paste client certificate here."', "is still the header's placeholder"),
        ('"a";', "a semicolon follows the value"),
        ("clientcredentialCLIENT_CERTIFICATE_PEM", "is another macro, clientcredentialCLIENT_"),
        ('"C:\\labs\\new"', "has the escape \\l"),
        ('"-----BEGIN CERTIFICATE-----" "MII" "-----END CERTIFICATE-----"', "no line end (\\n)"),
        ('"a" X', "C code with several tokens"),
    ],
)
def test_get_remarks_on_the_value(tmp_path: Path, code: str, remark: str) -> None:
    """A remark on standard error names the file and the line."""
    path = tmp_path / "keys.h"
    path.write_text(f"#define {CERTIFICATE} {code}\n")
    ended = firmware("get", path, CERTIFICATE)
    assert f"{path}, line 1: {CERTIFICATE}: " in ended.err
    assert remark in ended.err


def test_a_header_in_utf_16(tmp_path: Path) -> None:
    """It is named as such, by `get` and by `set`."""
    path = tmp_path / "keys.h"
    for encoding in ("utf-16", "utf-16-le"):
        path.write_bytes(f"#define {THING} NULL\n".encode(encoding))
        assert_refused(firmware("get", path, THING), f"{path}: the file is UTF-16")
        assert_refused(firmware("set", path, THING, "x"), f"{path}: the file is UTF-16")


def test_conditions_from_outside(tmp_path: Path) -> None:
    """-D and -U decide which definition counts; without them the message names both options."""
    path = tmp_path / "keys.h"
    path.write_text(f'#if MODE == 2\n#define {THING} "a"\n#else\n#define {THING} "b"\n#endif\n')
    assert_refused(firmware("get", path, THING), "-D NAME[=VALUE] and -U NAME")
    assert firmware("get", path, THING, "-D", "MODE=2").raw == b"a\n"
    assert firmware("get", path, THING, "-U", "MODE").raw == b"b\n"
    assert firmware("set", path, THING, "c", "-D", "MODE").code == 0
    assert 'THING_NAME "a"\n#else' in path.read_text()
    assert 'THING_NAME "c"\n#endif' in path.read_text()
