"""What `labkit.firmware` refuses, what it hides, and what it withstands."""

from __future__ import annotations

import time

import pytest
from firmware_shapes import (
    AUTHORITY,
    CERTIFICATE,
    DELAY,
    FORCE,
    KEY_LABEL,
    PASSWORD,
    PORT,
    PRIVATE_KEY,
    SECURITY,
    SSID,
    THING,
    literals,
    pem,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import firmware
from labkit.errors import FirmwareError, MacroNotFoundError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"#define {PORT} 1\n#define {PORT} 2\n", "defined 2 times: line 1, line 2. Keep one"),
        (f"#define {PORT} 1\n#define {PORT}(x) x\n", "defined 2 times: line 1, line 2. Keep one"),
        (f"#define {PORT} 1\n#ifdef A\n#undef {PORT}\n#endif\n", "#undef on line 3 may remove"),
        (f"#define {PORT}\n", "line 1: .* is defined without a value. Give the macro a value."),
        (f"#if 1\n#define {PORT} 1\n", "line 1: this conditional has no #endif"),
        (f"#define {PORT} 1\n#endif\n", "line 2: #endif without an #if"),
        ("#if 1\n#else\n#else\n#endif\n", "line 3: #else after the #else of the #if on line 1"),
        (f"\n/* #define {PORT} 1\n", "line 2: the comment that begins here is not closed"),
        (f'#define {PORT} "a\\0b"\n', "has a NUL character"),
        (f'#define {PORT} "\\x414"\n', "above 255"),
        (f'#define {PORT} "\\777"\n', "above 255"),
        (f'#define {PORT} "\\ud800"\n', "not a character"),
        ("#if 1\n" * 300, "nested deeper than 200"),
    ],
)
def test_texts_that_cannot_be_read(text: str, message: str) -> None:
    """What is ambiguous or broken is refused with its line."""
    with pytest.raises(FirmwareError, match=message):
        firmware.get(text, PORT)


@pytest.mark.parametrize(
    ("text", "name", "message", "suggestions"),
    [
        (
            f"\n#define {FORCE}1\n", FORCE,
            f"Line 2 has {FORCE}1: a blank is missing before 1. Write: #define",
            (f"{FORCE}1",),
        ),
        (
            "#define keyprovisioningFORCE_GENERATE_NEW_KEYSET 0\n", FORCE,
            "Did you mean keyprovisioningFORCE_GENERATE_NEW_KEYSET, on line 1?",
            ("keyprovisioningFORCE_GENERATE_NEW_KEYSET",),
        ),
        (f'#define {SSID} ""\n', "clientcredentialWIFI_SSDI", f"Did you mean {SSID}, on line 1?",
         (SSID,)),
        (f"\n// #define {PORT} 1\n", PORT, "Line 2 has the name, but only in a comment.", ()),
        (f"#if 0\n#define {PORT} 1\n#endif\n", PORT,
         "the definition on line 2 is under a condition that is false", ()),
        (f"#define {PORT}(8883)\n", PORT, "without a blank before the parenthesis", ()),
        ("", PORT, "Check the name, and that this is the right file.", ()),
    ],
)  # fmt: skip
def test_what_is_not_found_is_named(
    text: str, name: str, message: str, suggestions: tuple[str, ...]
) -> None:
    """The error names the missing macro and similar names in the text."""
    for call in (firmware.get, lambda text, name: firmware.edit(text, name, "1")):
        with pytest.raises(MacroNotFoundError) as caught:
            call(text, name)
        assert message in str(caught.value)
        assert name in str(caught.value)
        assert caught.value.name == name
        assert caught.value.suggestions == suggestions


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (PORT, "0", "expected a port from 1 to 65535, got '0'"),
        (PORT, "65536", "expected a port"),
        (PORT, "0x1BB", "expected a port"),
        (PORT, "0443", "reads as octal: 291. Remove the leading 0"),
        (DELAY, "030", "reads as octal: 24"),
        (PORT, "https", "expected a number"),
        (PORT, None, "expected a number, got None"),
        (FORCE, "2", "expected 1 .* or 0"),
        (FORCE, "yes", "expected a number"),
        (DELAY, "-1", "expected a number"),
        (DELAY, "08", "expected a number"),
        (SECURITY, '"eWiFiSecurityWPA2"', "expected a C name"),
        (SECURITY, "2WPA", "expected a C name"),
        (SECURITY, None, "expected a name, got None"),
        (THING, "a\0b", "NUL"),
        (THING, "\ud800", "surrogate"),
        (THING, pem(), "expected a plain text, got a PEM text"),
        (CERTIFICATE, "Paste client certificate here.", "found no PEM block.*status 19"),
        (CERTIFICATE, pem("PUBLIC KEY"), "found a public key.*fail in TLS"),
        (CERTIFICATE, pem(KEY_LABEL), "expected a certificate, found a private key"),
        (AUTHORITY, pem(KEY_LABEL), "expected a certificate, found a private key"),
        (CERTIFICATE, pem("CERTIFICATE REQUEST"), "found a certificate request"),
        (CERTIFICATE, pem() + pem(), "expected a certificate, found 2 certificates"),
        (CERTIFICATE, pem().replace("-----END", "----END"), "without its last line"),
        (CERTIFICATE, pem().replace("AAEC", "AA!C", 1), "not base64.* Copy the file again"),
        (CERTIFICATE, pem().replace("AAEC", "AAE", 1), "not base64"),
        (PRIVATE_KEY, pem(), "expected a private key, found a certificate"),
        (PRIVATE_KEY, "AAECAwQFBgcICQoLDA0ODw==", "found no PEM block"),
        (PRIVATE_KEY, pem("ENCRYPTED " + "PRIVATE" + " KEY"), "no passphrase.* openssl pkey"),
        (
            PRIVATE_KEY,
            pem("RSA " + "PRIVATE" + " KEY").replace("\n", "\nProc-Type: 4,ENCRYPTED\n", 1),
            "no passphrase",
        ),
    ],
)
def test_values_that_a_macro_cannot_take(name: str, value: str | None, message: str) -> None:
    """Each kind refuses what would fail later; no message shows a line of a PEM text."""
    with pytest.raises(FirmwareError, match=f"(?s){name}: .*{message}") as caught:
        firmware.edit(f"#define {name} NULL\n", name, value)
    assert "AAECAwQ" not in str(caught.value)


def test_private_key_for_option_1() -> None:
    """The private key's macro takes a private key, and no repr or diff shows it."""
    text = f'#define {PRIVATE_KEY} NULL\n#define {PASSWORD} "hunter2!"\n'
    edit = firmware.edit(text, PRIVATE_KEY, pem(KEY_LABEL))
    assert firmware.get(edit.new, PRIVATE_KEY).value == pem(KEY_LABEL)
    for shown in (
        edit.diff("keys.h"), edit.undo().diff("keys.h"), repr(edit),
        repr(firmware.get(edit.new, PRIVATE_KEY)), repr(firmware.get(text, PASSWORD)),
    ):  # fmt: skip
        assert "AAECAwQ" not in shown
        assert "hunter2" not in shown
    assert edit.diff("keys.h").count("(not shown)") >= 3


@pytest.mark.parametrize(
    "text",
    [
        f'#define {PASSWORD} "{{}}"\n',
        f'#define {PASSWORD} \\\n    "{{}}"\n',
        f'#if 0\n#define {PASSWORD} "{{}}"\n#endif\n',
        f'// #define {PASSWORD} "{{}}"\n',
        f'#define {PASSWORD} "{{}}" SUFFIX\n',
        f'#define {PRIVATE_KEY} "{{}}"\n',
        f'#if 0\n"-----BEGIN {KEY_LABEL}-----\\n" \\\n"{{}}"\n#endif\n',
        f'// "-----BEGIN {KEY_LABEL}-----\\n{{}}\n',
    ],
)
def test_diff_hides_secrets_next_to_the_edit(text: str) -> None:
    """A password or key near the edited line is not shown; its twin is."""
    around = f"#define {PORT} 8883\n{text.format('hunter2')}"
    assert "hunter2" not in firmware.edit(around, PORT, "443").diff("x.h")
    twin = f'#define {PORT} 8883\n#define {SSID} "hunter2"\n'
    assert "hunter2" in firmware.edit(twin, PORT, "443").diff("x.h")


SAMPLE = f'/* "-----BEGIN {KEY_LABEL}-----\\n" */\n'


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("NULL", "is NULL: no private key"),
        ('""', "is empty: no private key"),
        ('"Paste client private key here."', "still the header's placeholder text: no private key"),
    ],
)
def test_option_2_accepts_a_header_without_a_key(value: str, says: str) -> None:
    """NULL, "" and the placeholder are no key, and neither is a sample in a comment."""
    assert says in firmware.refuse_private_key(f"{SAMPLE}#define {PRIVATE_KEY} {value}\n")


@pytest.mark.parametrize(
    "text",
    [
        f"#define {PRIVATE_KEY} \\\n{literals(pem(KEY_LABEL))}\n",
        f'#define {PRIVATE_KEY} "AAECAwQ="\n',
        f'#define {PRIVATE_KEY} "" MY_KEY\n',
        f"#define {PRIVATE_KEY} MY_KEY\n",
        f"#define {PRIVATE_KEY} NULL\n#if 0\nchar k[] = {literals(pem(KEY_LABEL))};\n#endif",
        f"static const char clientcredentialCLIENT_PRIVATE_KEY_PEM[] = {literals(pem(KEY_LABEL))};",
    ],
)
def test_option_2_refuses_a_header_with_a_key(text: str) -> None:
    """A key in the macro, or anywhere in the code, is refused and never shown."""
    with pytest.raises(FirmwareError, match="Option 2") as caught:
        firmware.refuse_private_key(SAMPLE + text)
    assert "AAECAwQ" not in str(caught.value)


PIECES = st.lists(
    st.sampled_from(
        ["#define A 1", "#define A 2", "#define B", "#undef A", "#undef B", "#if A", "#if B == 1",
         "#ifdef A", "#ifndef A", "#ifndef B", "#elif 1", "#elif A > 1", "#else", "#endif", "#if 0",
         "/*", "*/", "//", "\\", '"', "'", "x", " ", "\n", "\n", "\n", "\r\n", "(", ")", ";",
         "static const char A[] = ", "NULL", "#define C(x) x", "#define A(", "\ufeff", "\x0c"]
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(PIECES)
def test_only_firmware_errors_and_only_the_value_changes(pieces: list[str]) -> None:
    """Whatever the text, an error is one of ours, and what was set is read back."""
    text = "".join(pieces)
    try:
        new = firmware.set_macro(text, "A", "7")
    except FirmwareError:
        return
    assert firmware.get(new, "A").value == "7"
    assert firmware.set_macro(new, "A", "7") == new


@pytest.mark.parametrize(
    "unit",
    ["/", "/*", "*/ /*", '"', "'", "\\", "\\\n", "\\ ", "#if A\n", "#if A\n#endif\n", "#define A ",
     "#define A 1\n#undef A\n", "#if A\n#define A 1\n#else\n", "char A[] = ", "char * ", "char A[",
     "const char *A = NULL, ", "(", "#if (((", "#if 1+", "A", "??", " ", "\r", '"\\', ";", "//\\\n",
     "#elif A\n", "#undef A\n"]
)  # fmt: skip
def test_hostile_text_takes_linear_time(unit: str) -> None:
    """A megabyte of one repeated piece is done with in seconds, whatever the piece."""
    begin = time.process_time()
    for head in ("", "#define A 1\n", "#if B\n", "#define A "):
        text = head + unit * (250_000 // len(unit))
        try:
            firmware.edit(text, "A", "7").diff("x")
        except FirmwareError:
            continue
    assert time.process_time() - begin < 8
