"""`./lab benchmark`: what is measured, as figures of one run and, where it can be, as ratios.

Timings are never assertions: computers differ and are busy. Each line says what the project
promises, so that a reader sees at once where it falls short.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from account_bench import flatness, speed
from browser import ROOT, manual
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fresh_clone import Manual
from lab_bench import end
from playwright.sync_api import sync_playwright
from record_folders import facts, fill

from labkit import certificates, console, open_lab, record
from labkit.keys import PublicKey
from labkit.record.listing.filtering import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator

NOW = datetime.now(UTC)
LOG_MB = 100
CERTIFICATES = 1500
ROUNDS = 5
RECORDS = 10_000
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
"""Without a sandbox, since tests may run as root; and asking nobody anything."""

PRESSES = 20
PRESS_PROMISED_MS = 200
PRESSED = (
    ("05-public-key-extraction", "Hex lens", ".lk-fields [tabindex]"),
    ("06-public-key-infrastructure-setup", "Certificate", "button[data-press]"),
    ("08-device-authorization", "Policy tester", "input[type=checkbox]"),
)
"""Pages, panels on them that ask neither board nor account, and what is pressed in turns."""

TIME_A_PRESS = """(control) => new Promise((seen, missed) => {
    const panel = control.closest(".labkit-front").firstElementChild;
    const begin = performance.now();
    const watch = new MutationObserver(() => {
        watch.disconnect();
        requestAnimationFrame(() => seen(performance.now() - begin));
    });
    watch.observe(panel, { subtree: true, childList: true, attributeFilter: ["class"] });
    setTimeout(() => missed(new Error("the press has changed nothing")), 5000);
    if (control.matches("button, input")) control.click(); else control.focus();
})"""
"""From the press to the first frame in which the panel is another one."""


def main() -> int:
    """Measure everything and print a line for each."""
    for measure in (
        *(
            console_speed,
            issuing,
            import_time,
            run_time,
            opening,
            pressing,
            flatness,
            speed,
            recording,
            listing,
        ),
    ):
        for line in measure():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return 0


def console_speed() -> Iterator[str]:
    """Read a log of other tasks' lines that ends in a dump, from a file."""
    key = PublicKey.from_key(ec.generate_private_key(ec.SECP256R1()))
    noise = b"".join(
        b"%d %d [ETHER_RECEI] Heap: current %d lowest 233248\r\n" % (n, 3 * n, 233776 - n % 997)
        for n in range(20_000)
    )
    with tempfile.TemporaryFile() as log:
        while log.tell() < LOG_MB * 1_000_000:
            log.write(noise)
        log.write(dump(key))
        log.seek(0)
        begin = time.perf_counter()
        found = console.parse(log).public_key()
        seconds = time.perf_counter() - begin
    if found != key:
        raise SystemExit("the console's key is not the one that was written")
    yield f"console          {LOG_MB / seconds:6.0f} MB/s   ({LOG_MB} MB in {seconds:.1f} s)"


def dump(key: PublicKey) -> bytes:
    """Return a key as firmware prints it."""
    pairs = [key.der[start : start + 2].hex() for start in range(0, len(key.der), 2)]
    rows = [" ".join(pairs[start : start + 8]) for start in range(0, len(pairs), 8)]
    lines = ["7 910 [IP-task] Device public key, 91 bytes:", *rows, ""]
    return "\r\n".join(lines).encode()


def issuing() -> Iterator[str]:
    """Issue with every rule checked, against building and signing alone, in turns."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    name = certificates.parse_subject("CN=bench")
    ca = certificates.root_ca(ca_key, name, now=NOW, serial_number=1)
    issuer = certificates.Issuer(ca, ca_key)
    key = PublicKey.from_key(ec.generate_private_key(ec.SECP256R1()))
    signers = {
        "RSA-2048 CSR, as documented": rsa.generate_private_key(
            public_exponent=65537, key_size=2048
        ),
        "EC P-256 CSR": ec.generate_private_key(ec.SECP256R1()),
    }
    for what, signer in signers.items():
        csr = certificates.certificate_request(signer, name)

        def checked(csr: x509.CertificateSigningRequest = csr) -> x509.Certificate:
            return issuer.issue(csr, public_key=key, now=NOW, serial_number=2)

        ours, bare = in_turns(checked, bare_signing(checked(), ca_key, key))
        yield (
            f"certificates     {1 / ours:6.0f} /s     ({what}: {bare / ours:.2f} of bare "
            f"signing's {1 / bare:.0f} /s; at least 0.33 is promised)"
        )


def bare_signing(
    pattern: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, key: PublicKey
) -> Callable[[], object]:
    """Return a function that builds and signs the same certificate, and checks nothing."""

    def sign() -> object:
        public_key = serialization.load_der_public_key(key.der)
        builder = (
            x509.CertificateBuilder()
            .subject_name(pattern.subject)
            .issuer_name(pattern.issuer)
            .public_key(public_key)
            .serial_number(2)
            .not_valid_before(pattern.not_valid_before_utc)
            .not_valid_after(pattern.not_valid_after_utc)
        )
        for extension in pattern.extensions:
            builder = builder.add_extension(extension.value, critical=extension.critical)
        return builder.sign(ca_key, hashes.SHA256())

    return sign


def in_turns(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Return the median seconds of a call of each, measured round by round."""
    rounds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, seconds in zip((first, second), rounds, strict=True):
            begin = time.process_time()
            for _ in range(CERTIFICATES // ROUNDS):
                work()
            seconds.append((time.process_time() - begin) / (CERTIFICATES // ROUNDS))
    return statistics.median(rounds[0]), statistics.median(rounds[1])


def import_time() -> Iterator[str]:
    """Import labkit in a fresh Python, less what an empty one costs."""
    empty, full = (
        min(wall([sys.executable, "-c", code]) for _ in range(ROUNDS))
        for code in ("pass", "import labkit")
    )
    yield f"import labkit    {1000 * (full - empty):6.0f} ms     (150 are promised)"


def run_time() -> Iterator[str]:
    """Provision a device in a fresh workspace: with a bench to start, then with one running."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LABKIT_")}
        environment["LABKIT_WORKSPACE"] = folder
        labkit = [sys.executable, "-m", "labkit"]
        try:
            cold = wall([*labkit, "run"], environment)
            warm = wall([*labkit, "run", "--thing", "bench-device"], environment)
            again = wall([*labkit, "run"], environment)
        finally:
            subprocess.run([*labkit, "stop"], env=environment, check=False, capture_output=True)
    yield f"labkit run       {cold:6.1f} s      (fresh workspace, bench started with it)"
    yield f"labkit run       {warm:6.1f} s      (warm: another device; 2.5 are promised)"
    yield f"labkit run       {again:6.1f} s      (again: everything done but the hello world)"


def opening() -> Iterator[str]:
    """Open the manual and its start page, in a fresh workspace and once more, in Chromium."""
    chromium = shutil.which("chromium")
    if not chromium:
        yield "labkit open           -        (no chromium is installed)"
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        for what in ("fresh workspace, fresh browser", "once more"):
            answered, visible, ready = open_once(browser, folder)
            yield (
                f"labkit open      {answered:6.1f} s      ({what}; then {visible:.1f} s until the "
                f"page shows, {ready:.1f} s until its kernel is ready; 5 are promised)"
            )


def open_once(browser: Browser, folder: str) -> tuple[float, float, float]:
    """Return the seconds until JupyterLab answers, and from then on to page and kernel."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LABKIT_")}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit", "open", "--no-browser", "--port", "18800"],
        env=environment | {"LABKIT_WORKSPACE": folder},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = Manual(process).address
        answered = time.perf_counter()
        page = browser.new_page()
        page.goto(address)
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        visible = time.perf_counter()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        ready = time.perf_counter()
        page.close()
    finally:
        process.terminate()
        process.communicate()
    return answered - begin, visible - answered, ready - answered


def recording() -> Iterator[str]:
    """Make a finished run's record with all executed pages, and verify it, against its hashes."""
    pages = {page.name: page.read_bytes() for page in (ROOT / "notebooks").glob("*.ipynb")}
    with tempfile.TemporaryDirectory() as name:
        lab = open_lab(name)
        try:
            lab.run_hello_world()
            begin = time.perf_counter()
            made = record.make(lab, pages=pages)
            took = time.perf_counter() - begin
        finally:
            end(lab)
        keys = record.public_keys(lab.workspace.root)
        verifying = median_cpu(lambda: record.verify(made.path, keys))
        hashing = median_cpu(lambda: hashlib.sha256(made.path.read_bytes()))
        size = made.path.stat().st_size
    yield f"record make      {1000 * took:6.0f} ms     ({size / 1e6:.1f} MB; 3000 are promised)"
    yield (
        f"record verify    {1000 * verifying:6.0f} ms     ({verifying / hashing:.0f} times its "
        "SHA-256; 1000 are promised)"
    )


def listing() -> Iterator[str]:
    """List a folder of small records, each of which is read: all of them, and one device's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, RECORDS)
        one = facts(RECORDS // 2)["board"]
        for what, asked in (("all of them", {}), ("by device", {"device": one})):
            took = median_cpu(partial(records, folder, **asked))
            yield (
                f"record list      {1000 * took:6.0f} ms     ({RECORDS} records, {what}; 1000 are "
                "promised)"
            )


def median_cpu(work: Callable[[], object]) -> float:
    """Return the median of several calls' seconds."""
    return statistics.median(cpu(work) for _ in range(ROUNDS))


def cpu(work: Callable[[], object]) -> float:
    """Return a call's seconds, without those that the computer spent on others."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def pressing() -> Iterator[str]:
    """Press panels that do no I/O, in Chromium, and wait for the frame that shows the result."""
    if not shutil.which("chromium"):
        yield "a press               -        (no chromium is installed)"
        return
    with tempfile.TemporaryDirectory() as folder, manual(Path(folder)) as served:
        for page, name, pressed in PRESSED:
            with served.shown(f"{page}.ipynb") as shown:
                shown.run()
                took = sorted(press_times(shown.panel(name), pressed))
            middle, longest = statistics.median(took), took[-1]
            yield (
                f"a press          {middle:6.1f} ms     ({name}: {middle / PRESS_PROMISED_MS:.2f} "
                f"of the promised {PRESS_PROMISED_MS}; the longest of {PRESSES}: {longest:.1f} ms)"
            )


def press_times(panel: Locator, pressed: str) -> Iterator[float]:
    """Yield the milliseconds of each press, of what can be pressed in turns."""
    for turn in range(PRESSES):
        controls = panel.locator(pressed)
        yield float(controls.nth(turn % min(controls.count(), 2)).evaluate(TIME_A_PRESS))


def wall(command: list[str], environment: dict[str, str] | None = None) -> float:
    """Return how long a command takes; it has to succeed."""
    begin = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
