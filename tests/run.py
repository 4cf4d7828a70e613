"""`./lab test`: lint, format, types, spelling, tests and pages; 0 only if all of them pass.

With arguments of pytest's own, such as `tests/test_keys.py -k point`, pytest alone is run. With
--coverage, which lines of labkit were run is reported at the end, and written as HTML.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
COVERAGE = "--coverage"
OURS = {"--slow", "--no-skips"}
SIDE_BY_SIDE = ("-n", "3", "--dist", "loadfile", "-q")
PARTS = {
    "lint": ("ruff", "check", "--quiet", "."),
    "format": ("ruff", "format", "--check", "--quiet", "."),
    "types": ("mypy",),
    "spelling": ("codespell_lib",),
    "tests": ("pytest", *SIDE_BY_SIDE, "tests"),
    "pages": ("pytest", *SIDE_BY_SIDE, "--nbval", "notebooks"),
}


def main(arguments: list[str]) -> int:
    """Run every part, also after one has failed, and sum up; or pytest alone."""
    if COVERAGE in arguments:
        return measured([argument for argument in arguments if argument != COVERAGE])
    return tested(arguments, "pytest")


def measured(arguments: list[str]) -> int:
    """Run the tests, and report which lines of labkit they ran, without a threshold."""
    run("coverage", "erase")
    code = tested(arguments, "coverage", "run", "-m", "pytest")
    run("coverage", "combine", "--quiet")
    run("coverage", "report", "--skip-covered")
    run("coverage", "html", "--quiet")
    say("every line: build/coverage/index.html")
    return code


def tested(arguments: list[str], *pytest: str) -> int:
    """Run every part, with pytest by the given command; or pytest alone."""
    options = [argument for argument in arguments if argument in OURS]
    own = [argument for argument in arguments if argument not in OURS]
    if own:
        return run(*pytest, *options, *own)
    summary, failed = [], []
    for name, (module, *words) in PARTS.items():
        begin = time.monotonic()
        command = (*pytest, *options) if module == "pytest" else (module,)
        code = run(*command, *words)
        summary.append(f"{'ok    ' if code == 0 else 'FAILED'} {name:8} {since(begin):4.0f} s")
        failed += [name] if code != 0 else []
        say(summary[-1])
    say(
        "\n".join(["", *summary, f"failed: {', '.join(failed)}" if failed else "everything passed"])
    )
    return 1 if failed else 0


def run(module: str, *arguments: str) -> int:
    """Run a program of our Python's and return its exit code."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LABKIT_")}
    environment["PATH"] = f"{PROGRAMS}{os.pathsep}{environment.get('PATH', '')}"
    return subprocess.call([sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment)


def since(begin: float) -> float:
    """Return the seconds since a moment of the monotonic clock."""
    return time.monotonic() - begin


def say(text: str) -> None:
    """Print at once, between what the programs print."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
