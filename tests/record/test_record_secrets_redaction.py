"""Secrets are redacted where possible, files keep their format, and the rest is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nbformat
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from secret_forms import c_literals, page

from labkit import firmware
from labkit.errors import SecretError
from labkit.record.scan.scanning import Known, find, refuse, without_secrets

TREES = Path(firmware.__file__).parent.parent / "bench/trees"
PEM = (
    ec.derive_private_key(77, ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    .decode()
)
WIFI = "clientcredentialWIFI_PASSWORD"
MACRO = "keyCLIENT_PRIVATE_KEY_PEM"
PASSWORD = 'pa55"wo\\rd ü'  # noqa: S105 invented


def header(release: str, name: str, macro: str, value: str) -> bytes:
    """Return a header of a tree with a macro set."""
    file = next((TREES / release).rglob(name))
    return firmware.encode(firmware.set_macro(firmware.decode(file.read_bytes()), macro, value))


HEADERS = {
    f"{name} {release}": (name, header(release, name, macro, value), macro, value)
    for release in ("201910.00", "202203.00")
    for name, macro, value in (
        ("aws_clientcredential_keys.h", MACRO, PEM),
        ("aws_clientcredential.h", WIFI, PASSWORD),
    )
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_is_redacted(case: str) -> None:
    """A placeholder replaces the macro's value; every other macro is unchanged."""
    name, content, macro, value = HEADERS[case]
    files, redacted = without_secrets({name: content, "b.txt": b"as it was"})
    text = firmware.decode(files[name])
    kind = "private key" if macro == MACRO else "Wi-Fi password"
    assert firmware.get(text, macro).value == f"<redacted: {kind}>"
    assert value.splitlines()[-1] not in text
    assert files["b.txt"] == b"as it was"
    file, _, rest = redacted[0].partition(", line ")
    line, _, what = rest.partition(": ")
    assert (file, what) == (name, kind)
    assert b'"' in content.splitlines()[int(line) - 1]
    for other in firmware.names(text):
        if other.startswith(("clientcredential", "key")) and other != macro:
            before = firmware.get(firmware.decode(content), other)
            assert firmware.get(text, other).value == before.value
    assert find(files) == []


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("case", HEADERS)
def test_a_redacted_header_compiles(case: str, tmp_path: Path) -> None:
    """The compiler sees the placeholder."""
    name, content, macro, _ = HEADERS[case]
    (tmp_path / name).write_bytes(without_secrets({name: content})[0][name])
    program = f'#include <stddef.h>\n#include "{name}"\nconst char * value = {macro};\n'
    (tmp_path / "a.c").write_text(program)
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-S", "-o", "-", "a.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<redacted: " in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        f'#define {WIFI} "pa55"\n',
        f'/* {WIFI} "pa55" */\n#define {WIFI} "pa55"\n',
        f'#define {WIFI} \\\n    "pa" \\\n    "55" /* here */\n',
        f'#ifdef A\n#define {WIFI} "pa55"\n#else\n#define {WIFI} "pa55 too"\n#endif\n',
        f'#if 0\n#define {WIFI} "pa55"\n#endif\n',
        f'static const char {WIFI}[] = "pa55";\n',
        f'#define {WIFI} "pa55"\n/* never closed',
        f"static const char * {MACRO} =\n{c_literals(PEM)};\n",
        f'static const char clientcredentialCLIENT_PRIVATE_KEY_PEM[] =\n"{PEM[:20]}" "x";\n',
    ],
)
def test_each_way_to_write_a_macro(text: str) -> None:
    """Twice, joined, in a comment, in either branch, never compiled, as an array."""
    clean, redacted = without_secrets({"x.h": text.encode()})
    assert redacted
    assert b"pa55" not in clean["x.h"]
    assert b"<redacted: " in clean["x.h"]
    assert clean["x.h"].count(b'"') % 2 == 0


def test_a_page_is_redacted() -> None:
    """A token, a header and a password in a cell and in its output; it stays a page."""
    token = "0d1f2e3c4b5a69788796a5b4c3d2e1f0"  # noqa: S105 invented
    source = f'firmware.edit(text, "{WIFI}", "pa55word")\nurl = "http://h/lab?token={token}"'
    output = f'{{"headers": {{"Authorization": "Bearer {token}"}}}}\n'
    content = page(source, output)
    clean, redacted = without_secrets({"a.ipynb": content})
    whole = nbformat.reads(clean["a.ipynb"].decode(), as_version=4)
    nbformat.validate(whole)
    assert whole.cells[1].source == (
        f'firmware.edit(text, "{WIFI}", "<redacted: Wi-Fi password>")\n'
        'url = "http://h/lab?token=<redacted: token in a URL>"'
    )
    assert json.loads(whole.cells[1].outputs[0].text) == {
        "headers": {"Authorization": "<redacted: Authorization header>"}
    }
    assert sorted(redacted) == [
        "a.ipynb, cell 2, output 1: Authorization header",
        "a.ipynb, cell 2, source: Wi-Fi password",
        "a.ipynb, cell 2, source: token in a URL",
    ]


def test_a_known_text_is_redacted_wherever_it_stands() -> None:
    """Also with JSON's escapes; JSON stays JSON."""
    content = json.dumps({"a": PASSWORD, "b": [f"x{PASSWORD}y"], "c": json.dumps(PASSWORD)})
    clean, _ = without_secrets({"a.json": content.encode()}, [Known.text("passphrase", PASSWORD)])
    assert json.loads(clean["a.json"]) == {
        "a": "<redacted: passphrase>",
        "b": ["x<redacted: passphrase>y"],
        "c": '"<redacted: passphrase>"',
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run/device/console.log", f"7 12 [iot_thread] {PEM}".encode()),
        ("run/firmware/x.h", f"/*\n{PEM}*/\n".encode()),
        ("run/pages/05.ipynb", page("key", PEM)),
        ("run/a.bin", f'\0#define {WIFI} "pa55"'.encode()),
        ("run/b.txt", b"token in base64: eyJ0b2tlbiI6ICJodHRwOi8vaC8/dG9rZW49YWJjZGVmYWJjZGVmIn0="),
    ],
)
def test_the_rest_is_refused(name: str, content: bytes) -> None:
    """A key, a binary file or encoded text cannot be redacted."""
    with pytest.raises(SecretError, match="it was not written") as caught:
        without_secrets({"run/ok.h": f'#define {WIFI} "pa55"\n'.encode(), name: content})
    assert name in str(caught.value)
    assert "ok.h" not in str(caught.value)
    with pytest.raises(SecretError):
        refuse(find({name: content}))


def test_what_hides_behind_another_is_refused() -> None:
    """A line with a token to redact and a key in base64: the second search sees the key."""
    body = "".join(PEM.splitlines()[1:-1])
    text = f"GET /?token=abcdefabcdef {body}\n".encode()
    with pytest.raises(SecretError, match="private key"):
        without_secrets({"a.log": text})
    assert without_secrets({"a.log": text.replace(body.encode(), b"")})[1]


def test_nothing_is_changed_where_nothing_is_found() -> None:
    """The firmware trees are unchanged."""
    files = {path.name: path.read_bytes() for path in TREES.rglob("*.[ch]")}
    assert without_secrets(files) == (files, ())


QUOTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), min_size=1, max_size=40)


@settings(max_examples=300, deadline=None)
@given(QUOTABLE)
def test_any_wifi_password_in_a_header(password: str) -> None:
    """With quotes, backslashes or comment signs: it is redacted, and the header can be parsed."""
    text = firmware.decode(next((TREES / "202203.00").rglob("aws_clientcredential.h")).read_bytes())
    content = firmware.encode(firmware.set_macro(text, WIFI, password))
    clean, _ = without_secrets({"a.h": content})
    value = firmware.get(firmware.decode(clean["a.h"]), WIFI).value
    says_nothing = not password.strip() or password.startswith(("Paste ", "<redacted: "))
    assert value == "<redacted: Wi-Fi password>" or says_nothing
