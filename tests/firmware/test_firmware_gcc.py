"""What was set, as gcc compiles it: every header shape, every value, byte for byte."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from labkit import firmware
from labkit.errors import FirmwareError, MacroNotFoundError
from labkit.firmware.macros import find
from labkit.firmware.preprocessor import parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.needs("gcc")

DEFINES = [
    "#define {} NULL\n",
    "#define {}                   NULL\n",
    "#define {}                   (NULL)\n",
    '#define {}    ""\n',
    '#define {} "Paste it here."\n',
    '#define {}\t( "dummy" )\n',
    "#define {}\n",
    "#ifndef {0}\n    #define {0}    NULL\n#endif\n",
    '#define {} \\\n"one\\n"\\\n"two\\n"\n',
    '#define {} "one\\n" /* and */ \\\n    "two" // end\n',
    "#define {}    NULL\r\n",
    "#define {} NULL /* none\n yet */\n",
    "#if 0\n#define {0} 5 5\n#else\n#  define {0} NULL\n#endif",
]
DECLARATIONS = [
    'static const char {}[] = "Paste it here.";\n',
    'const char {} [ ] = "";\n',
    "static const char *{} = NULL;\n",
    'static char const * const {}="" ;\r\n',
    'static const char {}[] =\n"one\\n"\n"two\\n";\n',
]
FORMS = DEFINES + DECLARATIONS
SSID = "clientcredentialWIFI_SSID"
CERTIFICATE = "keyCLIENT_CERTIFICATE_PEM"

NASTY = [
    "",
    "Lab",
    'say "hi"',
    "back\\slash\\",
    "C:\\new\\table\\x41",
    "what??/ever??! ??= ???",
    "\x01" + "1",
    "\x7f\x1b[0m",
    "tab\there",
    "line\nend\r\n",
    "Café ☕ 家 𝄞",
    "é7",
    "/* no comment */ // none",
    "%s%n{}$`#define X 1",
    "a" * 63,
    " blanks ",
    "';\"",
]


@pytest.fixture(scope="module")
def certificate_pem() -> str:
    """Return a real certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab")])
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin)
    certificate = builder.sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


SHOW = """\
#include <stdio.h>
#include <string.h>
static void show( const char * p )
{
    size_t n = p ? strlen( p ) : 0;
    for( size_t i = 0; i < n; i++ ) printf( "%02x", ( unsigned char ) p[ i ] );
    puts( p ? "" : "NULL" );
}
"""


def compiled(
    folder: Path, headers: Sequence[str], name: str, *options: str
) -> list[bytes] | subprocess.CompletedProcess[str]:
    """Compile headers into one program; return each one's string, or gcc's failure."""
    parts = [SHOW]
    for number, header in enumerate(headers):
        (folder / f"{number}.h").write_bytes(firmware.encode(header))
        parts.append(
            f'static void f{number}( void )\n{{\n#include "{number}.h"\nshow( {name} );\n}}\n'
            f"#undef {name}\n"
        )
    calls = " ".join(f"f{number}();" for number in range(len(headers)))
    parts.append(f"int main( void ) {{ {calls} return 0; }}\n")
    (folder / "main.c").write_text("".join(parts))
    command = ["gcc", "-Wall", "-Werror", *options, "-o", "main", "main.c"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return done
    output = subprocess.run([folder / "main"], capture_output=True, check=True, text=True).stdout
    return [b"\0" if line == "NULL" else bytes.fromhex(line) for line in output.splitlines()]


@pytest.mark.parametrize("standard", ["-std=gnu17", "-std=c11"])
def test_every_shape_with_nasty_values(tmp_path: Path, standard: str) -> None:
    """Quotes, backslashes, trigraphs, control and other characters arrive in every form."""
    cases = [(form, value) for form in FORMS for value in NASTY]
    headers = [firmware.set_macro(form.format(SSID), SSID, value) for form, value in cases]
    strings = compiled(tmp_path, headers, SSID, standard)
    assert strings == [value.encode() for _, value in cases]


def test_every_shape_with_a_certificate_and_back(tmp_path: Path, certificate_pem: str) -> None:
    """The compiled string equals the PEM byte for byte; NULL is NULL again, "" in an array."""
    headers = [form.format(CERTIFICATE) for form in FORMS]
    edited = [firmware.set_macro(header, CERTIFICATE, certificate_pem) for header in headers]
    assert compiled(tmp_path, edited, CERTIFICATE) == [certificate_pem.encode()] * len(FORMS)
    back = [firmware.set_macro(header, CERTIFICATE, None) for header in edited]
    expected = [b"" if "[" in form else b"\0" for form in FORMS]
    assert compiled(tmp_path, back, CERTIFICATE) == expected


@pytest.mark.parametrize("form", ['#define {} "{}"\n', 'static const char {}[] = "{}";\n'])
def test_the_same_values_without_escapes_are_wrong(tmp_path: Path, form: str) -> None:
    """Put between quotes by hand, the nasty ones fail to compile or come out as another value."""
    wrong = 0
    for value in ('say "hi"', "back\\slash\\", "C:\\new\\table\\x41", "what??/", "line\nend"):
        got = compiled(tmp_path, [form.format(SSID, value)], SSID)
        wrong += got != [value.encode()]
    assert wrong == 5


def test_a_pem_pasted_without_quotes_or_continuation_fails(
    tmp_path: Path, certificate_pem: str
) -> None:
    """What the editor spares its users: raw PEM, quoted lines without a continuation."""
    quoted = "\n".join(f'"{line}\\n"' for line in certificate_pem.splitlines())
    for value in (certificate_pem, f'"{certificate_pem}"', quoted):
        got = compiled(tmp_path, [f"#define {CERTIFICATE} {value}"], CERTIFICATE)
        assert not isinstance(got, list)


def test_numbers_and_names(tmp_path: Path) -> None:
    """A port and a security name compile to what was set, whatever stood there."""
    port, security = "clientcredentialMQTT_BROKER_PORT", "clientcredentialWIFI_SECURITY"
    for before in ("8883", "(8883)", '"8883"', "NULL", "( 8883 ) /* TLS */", ""):
        header = firmware.set_macro(f"#define {port} {before}\n", port, "443")
        header += firmware.set_macro(f"#define {security} {before}\n", security, "eOpen")
        (tmp_path / "x.c").write_text(
            f"{header}enum {{ eOpen = 7 }};\n"
            f'_Static_assert( {port} == 443, "" );\n_Static_assert( {security} == eOpen, "" );\n'
        )
        command = ["gcc", "-Wall", "-Werror", "-fsyntax-only", "x.c"]
        subprocess.run(command, cwd=tmp_path, check=True)


# A batch is compiled at once: few examples of many values each, and no shrinking, which would
# compile hundreds of times.
BATCHES = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=[Phase.explicit, Phase.generate],
)
CONTENT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
CASES = st.lists(st.tuples(st.sampled_from(FORMS), CONTENT), min_size=60, max_size=120)


@settings(BATCHES)
@given(CASES)
def test_any_text_arrives(
    tmp_path_factory: pytest.TempPathFactory, cases: list[tuple[str, str]]
) -> None:
    """Any text without NUL compiles to itself, many in one program."""
    cases = [(form, value) for form, value in cases if "-----BEGIN " not in value]
    headers = [firmware.set_macro(form.format(SSID), SSID, value) for form, value in cases]
    strings = compiled(tmp_path_factory.mktemp("any"), headers, SSID, "-std=c11")
    assert strings == [value.encode() for _, value in cases]


# Literals as people and other tools write them: get must read what gcc reads.
LITERAL = st.lists(
    st.sampled_from(
        ["a", "\\n", "\\\\", '\\"', "\\101", "\\7", "\\x41", "\\0611", "\\t", "?", '" "', '"/**/"',
         '"\\\n"', "\\\n", "\\u00e9", "é", "\\e", "'", "/*", "//", "7"]
    ),
    max_size=12,
).map(lambda parts: '"' + "".join(parts) + '"')  # fmt: skip


@settings(BATCHES)
@given(st.lists(LITERAL, min_size=60, max_size=120))
def test_get_reads_literals_as_gcc_does(
    tmp_path_factory: pytest.TempPathFactory, values: list[str]
) -> None:
    """Escapes, continuations and adjacent literals come out as the compiler has them."""
    headers, expected = [], []
    for value in values:
        header = f"#define {SSID} {value}\n"
        try:
            expected.append(firmware.encode(firmware.get(header, SSID).value or ""))
        except FirmwareError as error:
            assert re.search("above 255", str(error))  # noqa: PT017 a hex escape that swallowed
            continue
        headers.append(header)
    got = compiled(tmp_path_factory.mktemp("get"), headers, SSID, "-Wno-trigraphs")
    assert got == expected


NAMES = ("A", "B", "C")
CONDITION = st.recursive(
    st.one_of(
        st.sampled_from(["0", "1", "2", "0x2", "010", "3U"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES).map(lambda name: f"defined( {name} )"),
        st.sampled_from(NAMES).map(lambda name: f"defined {name}"),
    ),
    lambda inner: st.one_of(
        inner.map(lambda a: f"!{a}"),
        inner.map(lambda a: f"( {a} )"),
        st.tuples(
            inner,
            st.sampled_from(
                ["&&", "||", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "%", "&", "<<"]
            ),
            inner,
        ).map(" ".join),
    ),
    max_leaves=5,
)
LINE = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["1", "(2)", "0x3", "B", "C", ""])).map(
        lambda pair: f"#define {pair[0]} {pair[1]}"
    ),
    st.sampled_from(NAMES).map(lambda name: f"#undef {name}"),
    st.sampled_from(
        [
            "x",
            "// \\",
            "/* c",
            "*/",
            "'",
            '"',
            "#define A(x) x",
            "#error no",
            "# /* c */ define B 4",
        ]
    ),
)
BLOCK = st.recursive(
    LINE,
    lambda inner: st.builds(
        lambda opener, first, between, second: "\n".join(
            [opener, *first, *between, *second, "#endif"]
        ),
        st.one_of(
            CONDITION.map(lambda text: f"#if {text}"),
            st.sampled_from(["#ifdef A", "#ifndef A", "#ifndef B", "#if 0", "#ifdef C"]),
        ),
        st.lists(inner, max_size=3),
        st.one_of(
            st.just([]),
            st.just(["#else"]),
            CONDITION.map(lambda text: [f"#elif {text}", "#define A 5", "#else"]),
        ),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)


def preprocessed(text: str, *options: str) -> dict[str, str] | None:
    """Return what gcc makes of each name at the end of the text, None where it refuses it."""
    asked = "".join(f'\n"{name}" {name}' for name in NAMES)
    done = subprocess.run(
        ["gcc", "-E", "-P", "-w", *options, "-x", "c", "-"],
        input=text + '\n"BEGIN"\n' + asked + "\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode or '"BEGIN"' not in done.stdout:
        return None
    tail = done.stdout.split('"BEGIN"')[1]
    return dict(re.findall(r'"(\w)" ?(.*)', tail))


OUTSIDE = st.sampled_from([{}, {"C": "1"}, {"B": "2"}])


def compare(text: str, given_names: dict[str, str], decided: Counter[str]) -> None:
    """Compare what get answers with what the preprocessor has at the end of the text."""
    outside: dict[str, str | None] = {**dict.fromkeys(NAMES), **given_names}
    final = preprocessed(text, *(f"-D{name}={value}" for name, value in given_names.items()))
    for name in NAMES if final is not None else ():
        untouched = final[name] in (name, given_names.get(name))
        try:
            macro = firmware.get(text, name, defines=outside)
        except MacroNotFoundError:
            assert untouched, text
            decided["missing"] += 1
        except FirmwareError:
            continue
        else:
            # An operator that is not evaluated leaves its condition open, and the code under
            # it is read as if it were compiled.
            under_open_condition = find(parse(text, outside), name).path
            # gcc replaces a name in the value in turn: only a number ends the chain.
            if macro.written != "number" or (under_open_condition and untouched):
                continue
            assert final[name].strip("() ") == macro.value, text
            decided["read"] += 1


def test_conditions_come_out_as_in_gcc() -> None:
    """What get answers is what the preprocessor has at the end; a refusal is not compared."""
    decided: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
    @given(st.lists(BLOCK, max_size=6), OUTSIDE)
    def run(blocks: list[str], given_names: dict[str, str]) -> None:
        compare("\n".join(blocks), given_names, decided)

    run()
    # Some 28 and 220 answers are compared; what hypothesis draws differs from run to run.
    assert decided["read"] > 5
    assert decided["missing"] > 20
