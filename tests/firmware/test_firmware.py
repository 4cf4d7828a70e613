"""C macros as text: every shape of the releases' headers, read and set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from firmware_shapes import (
    AUTHORITY,
    CERTIFICATE,
    DELAY,
    ENDPOINT,
    PORT,
    SECURITY,
    SSID,
    THING,
    literals,
    pem,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labkit import firmware
from labkit.errors import FirmwareError, MacroNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

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
def test_setting_the_same_value_changes_nothing(
    text: str, name: str, value: str | None, form: str
) -> None:
    """The same value gives the identical text, whatever its spelling."""
    if value == "Paste it here.":
        with pytest.raises(FirmwareError, match="found no PEM block"):
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
    """(NULL) becomes a bare literal, which can be joined; a number in quotes is a string."""
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
    with pytest.raises(FirmwareError, match=f"value from {CERTIFICATE}. Set {CERTIFICATE} instead"):
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


def test_a_definition_in_another_branch_does_not_count() -> None:
    """In an #else, what the #if's branch defines is not seen."""
    text = (
        f"#define A 0\n#ifdef U\n#define A 1\n#else\n#if A\n#define {PORT} 1\n"
        f"#else\n#define {PORT} 2\n#endif\n#endif\n"
    )
    assert firmware.get(text, PORT).value == "2"


def test_places_right_after_a_continuation() -> None:
    """A name or value in column 0 after a continuation is on its own line, and stays there."""
    text = f'#define \\\n{CERTIFICATE} \\\n"one\\n"\\\n"two\\n" // end\n'
    assert firmware.get(text, CERTIFICATE).line == 2
    expected = f"#define \\\n{CERTIFICATE} \\\n{literals(pem())} // end\n"
    assert firmware.set_macro(text, CERTIFICATE, pem()) == expected


def test_undef_takes_a_definition_back() -> None:
    """After #undef the later definition counts, and the usual guard before one does not matter."""
    assert firmware.get(f"#define {PORT} 1\n#undef {PORT} x\n#define {PORT} 2\n", PORT).value == "2"
    guard = f"#ifdef {PORT}\n#undef {PORT}\n#endif\n#define {PORT} 2\n"
    assert firmware.get(guard, PORT).value == "2"
    assert firmware.get(f"#define {PORT} 1\n{guard}", PORT).value == "2"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: f"\n{text}\n\n",
        lambda text: text.rstrip(),
        lambda text: f"\ufeff{text}",
        lambda text: f"subject=CN = my-thing\n{text}# end\n",
        lambda text: "".join(f"   {line}\n" for line in text.splitlines()),
        lambda text: pem("EC PARAMETERS") + text,
        lambda text: text.replace("CERTIFICATE", "X509 CERTIFICATE"),
    ],
    ids=[
        *("CRLF", "CR", "blank lines", "no end", "BOM", "text around", "indented", "parameters"),
        "older label",
    ],
)
def test_pem_is_read_however_it_was_saved(change: Callable[[str], str]) -> None:
    """Line ends, blanks, a byte order mark, text and blocks of other kinds make no difference."""
    text = f"#define {CERTIFICATE} NULL\n"
    assert firmware.set_macro(text, CERTIFICATE, change(pem())) == firmware.set_macro(
        text, CERTIFICATE, pem()
    )


def test_diff_is_unified() -> None:
    """The diff reads as diff -u writes it."""
    text = "".join(f"line {n}\n" for n in range(1, 6)) + f"#define {PORT} 8883"
    assert firmware.edit(text, PORT, "443").diff("demos/x.h") == (
        "--- a/demos/x.h\n+++ b/demos/x.h\n@@ -3,4 +3,4 @@\n line 3\n line 4\n line 5\n"
        f"-#define {PORT} 8883\n\\ No newline at end of file\n"
        f"+#define {PORT} 443\n\\ No newline at end of file\n"
    )


@pytest.mark.parametrize(
    ("before", "value", "kind", "after"),
    [
        ('"x"', "1", "string", '"1"'),
        ("12", "13", "number", "13"),
        ("eName", "eOther", "name", "eOther"),
        ("NULL", "text", "string", '"text"'),
        ("NULL", pem().rstrip(), "PEM", literals(pem(), " \\\n    ")),
    ],
)
def test_kind_of_an_unknown_macro(before: str, value: str, kind: str, after: str) -> None:
    """The old value decides; if it is NULL, the new one: PEM if it is PEM, otherwise a string."""
    new = firmware.set_macro(f"#define myMACRO {before}", "myMACRO", value)
    expected = f"#define myMACRO \\\n    {after}" if kind == "PEM" else f"#define myMACRO {after}"
    assert new == expected
    assert firmware.get(new, "myMACRO").kind == kind


def test_expressions_are_read_and_not_set() -> None:
    """An unknown macro of several tokens is left alone; a known number is set over one."""
    text = f"#define X ( 60 * 3 )\n#define {DELAY} ( 60 * 3 )\n"
    assert firmware.get(text, "X").kind == "expression"
    with pytest.raises(FirmwareError, match="line 1: the value of X is an expression"):
        firmware.edit(text, "X", "5")
    assert firmware.get(firmware.set_macro(text, DELAY, "30"), DELAY).value == "30"
    split = f'const char {THING}[] =\n#if A\n"a"\n#endif\n"b";\n'
    assert firmware.get(split, THING).written == "expression"
    with pytest.raises(FirmwareError, match="contains an #if"):
        firmware.edit(split, THING, "x")


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
