"""C macros as text: every shape of the releases' headers, and what is refused."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labkit import firmware
from labkit.errors import FirmwareError, MacroNotFoundError

CERTIFICATE = "keyCLIENT_CERTIFICATE_PEM"
AUTHORITY = "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
PRIVATE_KEY = "keyCLIENT_PRIVATE_KEY_PEM"
THING = "clientcredentialIOT_THING_NAME"
ENDPOINT = "clientcredentialMQTT_BROKER_ENDPOINT"
PORT = "clientcredentialMQTT_BROKER_PORT"
SSID = "clientcredentialWIFI_SSID"
PASSWORD = "clientcredentialWIFI_PASSWORD"  # noqa: S105 a macro's name
SECURITY = "clientcredentialWIFI_SECURITY"
FORCE = "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR"
DELAY = "keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS"

KEY_LABEL = "EC " + "PRIVATE" + " KEY"


def pem(label: str = "CERTIFICATE", size: int = 100) -> str:
    """Return a text in PEM's outline; its content means nothing."""
    content = base64.encodebytes(bytes(range(size))).decode().replace("\n", "")
    lines = [content[n : n + 64] for n in range(0, len(content), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def literals(text: str, joint: str = " \\\n") -> str:
    """Return a PEM text as the documentation writes it into a header."""
    return joint.join(f'"{line}\\n"' for line in text.splitlines())


# What stands there, its kind, its value, the form, and the name that was asked for.
SHAPES = [
    (f"#define {CERTIFICATE} NULL\n", CERTIFICATE, None, "define"),
    (f'#define {CERTIFICATE} ""\n', CERTIFICATE, "", "define"),
    (f'#define {CERTIFICATE} "Paste it here."\n', CERTIFICATE, "Paste it here.", "define"),
    (f"#define {CERTIFICATE}   (NULL)\n", CERTIFICATE, None, "define"),
    (f"#define {CERTIFICATE}   ( ( void * ) 0 )\n", CERTIFICATE, None, "define"),
    (f"#define {CERTIFICATE} \\\n{literals(pem())}\n", CERTIFICATE, pem(), "define"),
    (f"#define {CERTIFICATE} {literals(pem(), chr(92) + chr(10))}\n", CERTIFICATE, pem(), "define"),
    (f"#ifndef {THING}\n    #define {THING}    NULL\n#endif\n", THING, None, "ifndef"),
    (f'# \tdefine\t{THING}\t"a"\n', THING, "a", "define"),
    (f'#define {THING} "a" /* old: "b" */ "c" // "d"\n', THING, "ac", "define"),
    (f'#define {THING} "ab\\\ncd"\n', THING, "abcd", "define"),
    (f"#def\\\nine {PORT} 88\\\n83\n", PORT, "8883", "define"),
    (f"/* c\n */ # /* c */ define {PORT} (8883) // c", PORT, "8883", "define"),
    (f"#define {PORT} ( ( 8883 ) )", PORT, "8883", "define"),
    (f"\ufeff#define {PORT} 8883\r\n", PORT, "8883", "define"),
    (f"#define {SECURITY} (eWiFiSecurityWPA2)\n", SECURITY, "eWiFiSecurityWPA2", "define"),
    (f'static const char {ENDPOINT}[] = "a.b";\n', ENDPOINT, "a.b", "array"),
    (f'char const {ENDPOINT} [ 64 ]="a;" // ;\n"b" ;', ENDPOINT, "a;b", "array"),
    (f"static const char *{AUTHORITY} = NULL;\n", AUTHORITY, None, "pointer"),
    (f"const char * const {AUTHORITY}\n  = NULL;\n", AUTHORITY, None, "pointer"),
    (f'extern char const * x;\nstatic char *{THING} = ( "n" );\n', THING, "n", "pointer"),
]


@pytest.mark.parametrize(("text", "name", "value", "form"), SHAPES)
def test_get_reads_every_shape(text: str, name: str, value: str | None, form: str) -> None:
    """Each header shape gives its value and form."""
    macro = firmware.get(text, name)
    assert (macro.name, macro.value, macro.form) == (name, value, form)


@pytest.mark.parametrize(("text", "name", "value", "form"), SHAPES)
def test_setting_what_stands_there_changes_nothing(
    text: str, name: str, value: str | None, form: str
) -> None:
    """The same value gives the identical text, whatever its spelling."""
    if value == "Paste it here.":
        with pytest.raises(FirmwareError, match="no BEGIN line"):
            firmware.edit(text, name, value)
        return
    edit = firmware.edit(text, name, value)
    assert not edit.changed, form
    assert edit.new == text
    assert edit.diff("x.h") == ""


def new_value(name: str) -> str:
    """Return another value that the macro takes."""
    if name.endswith("_PEM"):
        return pem(size=70)
    return {PORT: "443", SECURITY: "eWiFiSecurityOpen"}.get(name, 'new "\\??/ ü\n')


@pytest.mark.parametrize(("text", "name", "value", "form"), SHAPES)
def test_set_then_get(text: str, name: str, value: str | None, form: str) -> None:
    """A value that was set is read back, its surroundings are untouched, and undo is exact."""
    text = f"/* before */\n{text}\n/* after */\n"
    wanted = new_value(name)
    edit = firmware.edit(text, name, wanted)
    macro = firmware.get(edit.new, name)
    assert (macro.value, macro.form) == (wanted, form), value
    assert edit.new.startswith("/* before */\n")
    assert edit.new.endswith("\n/* after */\n")
    assert edit.undo().new == text
    assert firmware.set_macro(edit.new, name, wanted) == edit.new


def test_documented_form_of_a_certificate() -> None:
    r"""One literal a line, \n at the end of each, a continuation after all but the last."""
    text = f"#ifndef {CERTIFICATE}\n    #define {CERTIFICATE}    NULL /* none */\n#endif\n"
    lines = pem().splitlines()
    expected = (
        f"#ifndef {CERTIFICATE}\n    #define {CERTIFICATE}    \\\n"
        + " \\\n".join(f'        "{line}\\n"' for line in lines)
        + " /* none */\n#endif\n"
    )
    assert firmware.set_macro(text, CERTIFICATE, pem()) == expected


def test_there_and_back_is_the_first_text() -> None:
    """NULL, then PEM, then NULL again leaves no trace, in the define and the pointer form."""
    for text in (f"#define {CERTIFICATE}    NULL\n", f"const char *{CERTIFICATE} = NULL;\n"):
        there = firmware.set_macro(text, CERTIFICATE, pem())
        assert there != text
        assert firmware.set_macro(there, CERTIFICATE, None) == text


def test_crlf_is_kept() -> None:
    """Every line that is written ends as the file's lines do."""
    text = f"// x\r\n#define {CERTIFICATE} NULL\r\n#define A 1\r\n"
    new = firmware.set_macro(text, CERTIFICATE, pem())
    assert new.count("\r\n") == new.count("\n") == text.count("\n") + len(pem().splitlines())
    assert "\r" not in firmware.set_macro(text.replace("\r", ""), CERTIFICATE, pem())


def test_no_newline_at_the_end() -> None:
    """A value on a last line without a line end is replaced, and none is added."""
    new = firmware.set_macro(f"#define {PORT} 8883", PORT, "443")
    assert new == f"#define {PORT} 443"


def test_every_byte_of_old_comments_survives() -> None:
    """A Latin-1 comment and a form feed come back as the bytes they were."""
    source = b"// caf\xe9 \xff\x0c\n#define " + THING.encode() + b' "x" // \xe9\n'
    new = firmware.set_macro(firmware.decode(source), THING, "y")
    assert firmware.encode(new) == source.replace(b'"x"', b'"y"')


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("(8883)", "443", "(443)"),
        ("( 8883 )", "443", "( 443 )"),
        ("8883 /* TLS */", "443", "443 /* TLS */"),
        ('"8883"', "443", "443"),
        ("NULL", "443", "443"),
        ("", "443", "443"),
    ],
)
def test_parentheses_and_comments_of_a_number_stay(before: str, value: str, after: str) -> None:
    """A number keeps its parentheses, loses quotes, and comes where nothing stood."""
    new = firmware.set_macro(f"#define {PORT} {before}\n", PORT, value)
    assert (
        new == f"#define {PORT} {after}\n".replace(" \n", "\n") or new == f"#define {PORT} 443 \n"
    )
    assert firmware.get(new, PORT).value == value


def test_null_keeps_parentheses_and_a_string_has_none() -> None:
    """(NULL) becomes a bare literal, which can be joined; a number in quotes is no number."""
    assert firmware.set_macro(f"#define {THING} (NULL)", THING, "n") == f'#define {THING} "n"'
    assert firmware.set_macro(f'#define {THING} ("d")', THING, "n") == f'#define {THING} ("n")'
    assert firmware.set_macro(f"#define {SECURITY} (A)", SECURITY, "B") == f"#define {SECURITY} (B)"


def test_an_array_cannot_be_null() -> None:
    """NULL in the array form is the empty string; C would not compile NULL there."""
    text = f'static const char {CERTIFICATE}[] = "Paste client certificate here.";\n'
    new = firmware.set_macro(text, CERTIFICATE, None)
    assert new == f'static const char {CERTIFICATE}[] = "";\n'
    assert firmware.set_macro(new, CERTIFICATE, None) == new


def test_an_array_with_a_size_takes_no_more() -> None:
    """A string longer than its array is refused; one that fits with its NUL is not."""
    text = f'static const char {THING}[4] = "";\n'
    assert firmware.get(firmware.set_macro(text, THING, "abc"), THING).value == "abc"
    with pytest.raises(FirmwareError, match="room for 3 bytes, the value has 4"):
        firmware.edit(text, THING, "abcd")


def test_older_names_of_the_pem_macros() -> None:
    """The names before 1.4.2 are found by those after, and the other way round."""
    older = "clientcredentialCLIENT_CERTIFICATE_PEM"
    old = f'static const char {older}[] = "Paste client certificate here.";\n'
    assert firmware.get(old, CERTIFICATE).name == older
    edit = firmware.edit(old, CERTIFICATE, pem())
    assert edit.name == older
    assert firmware.get(edit.new, CERTIFICATE).value == pem()
    assert firmware.get(f"#define {CERTIFICATE} NULL", older).name == CERTIFICATE
    # 1.4.2 to 1.4.9: the source's constant is made from the header's macro, and is not it.
    derived = f"const char {older}[] = {CERTIFICATE};\n"
    with pytest.raises(MacroNotFoundError):
        firmware.get(derived, CERTIFICATE)
    with pytest.raises(FirmwareError, match=f"gets its value from {CERTIFICATE}. Set that one"):
        firmware.edit(derived, older, pem())


COMMENTED = f"""\
/* Set {CERTIFICATE}:
 * #define {CERTIFICATE} "in a comment"
 * "-----BEGIN CERTIFICATE-----\\n"\\
 */
// #define {CERTIFICATE} "in a line comment" \\
#define {CERTIFICATE} "in its continuation"
const char * s = "\\
#define {CERTIFICATE} 1";
#if 0
#define {CERTIFICATE} "dead"
don't /* a quote takes the rest of its line, as in gcc
#elif 1
#define {CERTIFICATE} NULL
#else
#define {CERTIFICATE} "dead too"
#endif
#define OTHER( {CERTIFICATE} ) {CERTIFICATE}
// #define {CERTIFICATE} "commented-out duplicate"
"""


def test_comments_strings_and_dead_code_are_never_touched() -> None:
    """Of ten mentions only the one that is compiled is read and set."""
    macro = firmware.get(COMMENTED, CERTIFICATE)
    assert (macro.value, macro.line) == (None, 13)
    new = firmware.set_macro(COMMENTED, CERTIFICATE, pem())
    head, tail = COMMENTED.split(f"#define {CERTIFICATE} NULL\n")
    assert new.startswith(head)
    assert new.endswith(tail)


CHOSEN = f"""\
#define USE_TEST {{}}
#if ( USE_TEST == 1 ) && !defined( NOT_THERE )
    #define {ENDPOINT} "test"
#elif USE_TEST >= 2
    #define {ENDPOINT} "two"
#else
    #define {ENDPOINT} "live"
#endif
"""


@pytest.mark.parametrize(("number", "value"), [("(0)", "live"), ("2", "two"), ("0x3U", "two")])
def test_conditions_that_the_text_settles(number: str, value: str) -> None:
    """#if, #elif and #else are followed where the names are defined in the same text."""
    text = CHOSEN.format(number)
    assert firmware.get(text, ENDPOINT).value == value
    new = firmware.set_macro(text, ENDPOINT, "new")
    assert new == text.replace(f'"{value}"', '"new"')


def test_conditions_that_the_text_does_not_settle_are_refused() -> None:
    """Two definitions left: lines and conditions are named; saying how they come out helps."""
    text = CHOSEN.format("1")
    with pytest.raises(FirmwareError, match=r"defined 2 times: line 3 .*line 7 ") as caught:
        firmware.get(text, ENDPOINT)
    assert "outside this file" in str(caught.value)
    assert firmware.get(text, ENDPOINT, defines={"NOT_THERE": None}).value == "test"
    assert firmware.get(text, ENDPOINT, defines={"NOT_THERE": ""}).value == "live"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"#define {PORT} 1\n#define {PORT} 2\n", "defined 2 times: line 1, line 2. Leave one"),
        (f"#define {PORT} 1\n#define {PORT}(x) x\n", "defined 2 times: line 1, line 2. Leave one"),
        (f"#define {PORT} 1\n#ifdef A\n#undef {PORT}\n#endif\n", "#undef on line 3 may take"),
        (f"#define {PORT}\n", "line 1: .* is defined without a value. Give it one."),
        (f"#if 1\n#define {PORT} 1\n", "line 1: this conditional has no #endif"),
        (f"#define {PORT} 1\n#endif\n", "line 2: #endif without an #if"),
        ("#if 1\n#else\n#else\n#endif\n", "line 3: #else after the #else of the #if on line 1"),
        (f"\n/* #define {PORT} 1\n", "line 2: the comment that begins here is never closed"),
        (f'#define {PORT} "a\\0b"\n', "holds a NUL character"),
        (f'#define {PORT} "\\x414"\n', "above 255"),
        (f'#define {PORT} "\\777"\n', "above 255"),
        (f'#define {PORT} "\\ud800"\n', "no character"),
        ("#if 1\n" * 300, "nested deeper than 200"),
    ],
)
def test_texts_that_cannot_be_read(text: str, message: str) -> None:
    """What is ambiguous or broken is refused with its line."""
    with pytest.raises(FirmwareError, match=message):
        firmware.get(text, PORT)


def test_undef_takes_a_definition_back() -> None:
    """After #undef the later definition counts, and the usual guard before one is no matter."""
    assert firmware.get(f"#define {PORT} 1\n#undef {PORT} x\n#define {PORT} 2\n", PORT).value == "2"
    guard = f"#ifdef {PORT}\n#undef {PORT}\n#endif\n#define {PORT} 2\n"
    assert firmware.get(guard, PORT).value == "2"
    assert firmware.get(f"#define {PORT} 1\n{guard}", PORT).value == "2"


@pytest.mark.parametrize(
    ("text", "name", "message", "suggestions"),
    [
        (
            f"\n#define {FORCE}1\n", FORCE,
            f"stands there as {FORCE}1 on line 2: a blank is missing before 1. Write: #define",
            (f"{FORCE}1",),
        ),
        (
            "#define keyprovisioningFORCE_GENERATE_NEW_KEYSET 0\n", FORCE,
            "Is keyprovisioningFORCE_GENERATE_NEW_KEYSET, on line 1, meant?",
            ("keyprovisioningFORCE_GENERATE_NEW_KEYSET",),
        ),
        (f'#define {SSID} ""\n', "clientcredentialWIFI_SSDI", f"Is {SSID}, on line 1, meant?",
         (SSID,)),
        (f"\n// #define {PORT} 1\n", PORT, "Line 2 names it in a comment only.", ()),
        (f"#if 0\n#define {PORT} 1\n#endif\n", PORT,
         "the definition on line 2 stands under a condition that is false", ()),
        (f"#define {PORT}(8883)\n", PORT, "no blank before the parenthesis", ()),
        ("", PORT, "Check the name, and that this is the right file.", ()),
    ],
)  # fmt: skip
def test_what_is_not_found_is_named(
    text: str, name: str, message: str, suggestions: tuple[str, ...]
) -> None:
    """The error says what was looked for and what stands there that may be meant."""
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
        (CERTIFICATE, "Paste client certificate here.", "no BEGIN line.*status 19"),
        (CERTIFICATE, pem("PUBLIC KEY"), "got a PUBLIC KEY block.*fail in TLS"),
        (CERTIFICATE, pem(KEY_LABEL), "expected a certificate, got a private key"),
        (AUTHORITY, pem(KEY_LABEL), "expected a certificate, got a private key"),
        (CERTIFICATE, pem("CERTIFICATE REQUEST"), "label 'CERTIFICATE REQUEST'"),
        (CERTIFICATE, "Subject: x\n" + pem(), "begins on line 2"),
        (CERTIFICATE, pem() + pem(), "expected one PEM block, got 2"),
        (CERTIFICATE, pem().replace("-----END", "----END"), "not the END line"),
        (CERTIFICATE, pem() + "x", "not the END line"),
        (CERTIFICATE, pem().replace("AAEC", "AA!C", 1), "line 2 .* not base64"),
        (CERTIFICATE, pem().replace("AAEC", "AAE", 1), "not whole"),
        (PRIVATE_KEY, pem(), "expected a private key in PEM, got a block with the label"),
        (PRIVATE_KEY, pem("ENCRYPTED " + "PRIVATE" + " KEY"), "no passphrase"),
        (
            PRIVATE_KEY,
            pem("RSA " + "PRIVATE" + " KEY").replace("\n", "\nProc-Type: 4,ENCRYPTED\n", 1),
            "line 2 .* header line.* passphrase",
        ),
    ],
)
def test_values_that_a_macro_cannot_take(name: str, value: str | None, message: str) -> None:
    """Each kind refuses what would fail later; no message shows a line of a PEM text."""
    with pytest.raises(FirmwareError, match=f"(?s){name}: .*{message}") as caught:
        firmware.edit(f"#define {name} NULL\n", name, value)
    assert "AAECAwQ" not in str(caught.value)


def test_pem_is_taken_with_any_line_ends() -> None:
    """CRLF, blank lines around and a missing last line end make no difference."""
    text = f"#define {CERTIFICATE} NULL\n"
    wanted = firmware.set_macro(text, CERTIFICATE, pem())
    crlf = pem().replace("\n", "\r\n")
    for value in (crlf, f"\n{pem()}\n\n", pem().rstrip()):
        assert firmware.set_macro(text, CERTIFICATE, value) == wanted


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
    """A password or key that stands near the edited line is not shown; its twin is."""
    around = f"#define {PORT} 8883\n{text.format('hunter2')}"
    assert "hunter2" not in firmware.edit(around, PORT, "443").diff("x.h")
    twin = f'#define {PORT} 8883\n#define {SSID} "hunter2"\n'
    assert "hunter2" in firmware.edit(twin, PORT, "443").diff("x.h")


def test_diff_is_unified() -> None:
    """The diff reads as diff -u writes it."""
    text = "".join(f"line {n}\n" for n in range(1, 6)) + f"#define {PORT} 8883"
    assert firmware.edit(text, PORT, "443").diff("demos/x.h") == (
        "--- a/demos/x.h\n+++ b/demos/x.h\n@@ -3,4 +3,4 @@\n line 3\n line 4\n line 5\n"
        f"-#define {PORT} 8883\n\\ No newline at end of file\n"
        f"+#define {PORT} 443\n\\ No newline at end of file\n"
    )


@pytest.mark.parametrize(
    ("stands", "value", "kind", "after"),
    [
        ('"x"', "1", "string", '"1"'),
        ("12", "13", "number", "13"),
        ("eName", "eOther", "name", "eOther"),
        ("NULL", "text", "string", '"text"'),
        ("NULL", pem().rstrip(), "PEM", literals(pem(), " \\\n    ")),
    ],
)
def test_kind_of_an_unknown_macro(stands: str, value: str, kind: str, after: str) -> None:
    """What stands there decides; over NULL, the value: PEM if it is PEM, else a string."""
    new = firmware.set_macro(f"#define myMACRO {stands}", "myMACRO", value)
    expected = f"#define myMACRO \\\n    {after}" if kind == "PEM" else f"#define myMACRO {after}"
    assert new == expected
    assert firmware.get(new, "myMACRO").kind == kind


def test_expressions_are_read_and_not_set() -> None:
    """An unknown macro of several tokens is left alone; a known number is set over one."""
    text = f"#define X ( 60 * 3 )\n#define {DELAY} ( 60 * 3 )\n"
    assert firmware.get(text, "X").kind == "expression"
    with pytest.raises(FirmwareError, match="line 1: X stands as an expression"):
        firmware.edit(text, "X", "5")
    assert firmware.get(firmware.set_macro(text, DELAY, "30"), DELAY).value == "30"
    split = f'const char {THING}[] =\n#if A\n"a"\n#endif\n"b";\n'
    assert firmware.get(split, THING).written == "expression"
    with pytest.raises(FirmwareError, match="chosen by an #if within it"):
        firmware.edit(split, THING, "x")


SAMPLE = f'/* "-----BEGIN {KEY_LABEL}-----\\n" */\n'


@pytest.mark.parametrize(
    ("stands", "says"),
    [
        ("NULL", "is NULL: no private key"),
        ('""', "is empty: no private key"),
        ('"Paste client private key here."', "still the header's placeholder text: no private key"),
    ],
)
def test_option_2_accepts_a_header_without_a_key(stands: str, says: str) -> None:
    """NULL, "" and the placeholder are no key, and neither is a sample in a comment."""
    assert says in firmware.refuse_private_key(f"{SAMPLE}#define {PRIVATE_KEY} {stands}\n")


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


def test_names_lists_what_has_a_value() -> None:
    """All names in order, without macros that take arguments."""
    text = f'#define B 1\n#define F( x ) x\nstatic const char {THING}[] = "";\n#define A\n'
    assert firmware.names(text) == ("B", THING, "A")


# One value in every form; text of any kind but NUL, which C strings cannot hold.
CONTENT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
FORMS = st.sampled_from(
    ["#define {} NULL\n", '#define {} "x"\r\n', "#ifndef {0}\n#define {0} (NULL)\n#endif",
     'static const char {}[] = "";\n', "static const char *{} = NULL;\n"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(CONTENT, FORMS)
@example('??/"\\', "#define {} NULL\n")
@example("\x011", "#define {} NULL\n")
def test_any_string_is_read_back(content: str, form: str) -> None:
    """Set, get and set again: the value is the same, and so is the text."""
    if "-----BEGIN " in content:
        return
    text = form.format(SSID)
    new = firmware.set_macro(text, SSID, content)
    assert new.isascii()
    assert firmware.get(new, SSID).value == content
    assert firmware.set_macro(new, SSID, firmware.get(new, SSID).value) == new


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
