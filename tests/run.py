"""`./lab test`: lint, types, tests and pages, in that order; exit code 0 only if all pass."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
OURS = {"--slow", "--no-skips"}


def main(arguments: list[str]) -> int:
    """Run everything, or pytest alone where it is given arguments of its own."""
    options = [argument for argument in arguments if argument in OURS]
    own = [argument for argument in arguments if argument not in OURS]
    if own:
        return run("pytest", "-m", "pytest", *options, *own)
    side_by_side = ["-n", "2", "--dist", "loadfile", "-q", *options]
    results = {
        "lint": run("lint", "-m", "ruff", "check", "--quiet", "."),
        "format": run("format", "-m", "ruff", "format", "--check", "--quiet", "."),
        "types": run("types", "-m", "mypy"),
        "tests": run("tests", "-m", "pytest", *side_by_side, "tests"),
        "pages": run("pages", "-m", "pytest", *side_by_side, "--nbval", "notebooks"),
    }
    failed = [name for name, code in results.items() if code != 0]
    sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else "everything passed\n")
    return 1 if failed else 0


def run(name: str, *arguments: str) -> int:
    """Run one part with our Python and say how long it took."""
    begin = time.monotonic()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LABKIT_")}
    environment["PATH"] = f"{PROGRAMS}{os.pathsep}{environment.get('PATH', '')}"
    code = subprocess.call([sys.executable, *arguments], cwd=ROOT, env=environment)
    sys.stdout.write(f"{name}: exit code {code}, {time.monotonic() - begin:.0f} s\n")
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
