"""Kills an issuing at each line of labkit that it runs, and looks at what is left each time.

    python approval_kills.py FOLDER

prints how many kills there were, and in how many the request had been used by then.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from approval_lab import device_key, open_ca

from labkit.approval import rogue_signer
from labkit.errors import ApprovalError

if TYPE_CHECKING:
    from types import FrameType

    from labkit.approval import Authority

WATCHED = ("labkit/approval/", "labkit/workspace/files.py")


def main(folder: Path) -> None:
    """Kill at line 1, 2, 3 and so on, each in a new lab, until a run ends by itself."""
    signer, key = rogue_signer(), device_key("pump-7")
    request = signer.request("pump-7", key)
    kills = used = 0
    while True:
        authority = open_ca(folder / str(kills))
        authority.register(signer.key.public_key(), "ada")
        child = os.fork()
        if child == 0:
            kill_at_line(kills + 1)
            authority.issue(request, public_key=key)
            sys.settrace(None)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        before = issued(authority)
        assert before <= 1
        try:
            authority.issue(request, public_key=key)
            assert before == 0
        except ApprovalError as error:
            assert before == 1, error  # noqa: PT017 not a pytest test
        assert issued(authority) == 1
        authority.issued(request)
        if os.WIFEXITED(status):
            assert before == 1
            break
        kills, used = kills + 1, used + before
    print(kills, used)  # noqa: T201 the answer


def issued(authority: Authority) -> int:
    """Return how many lines of a log that is whole say that a certificate was issued."""
    authority.log.verify()
    return sum(each.decision == "issued" for each in authority.log.decisions())


def kill_at_line(number: int) -> None:
    """End this process before the line that is the `number`th to be run, as with `kill -9`."""
    left = number

    def trace(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 as settrace has it
        nonlocal left
        if not any(part in frame.f_code.co_filename for part in WATCHED):
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
