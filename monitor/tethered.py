"""`python -P -m monitor.tethered PARENT COMMAND…`: become that command, and end when the parent does.

Also when the parent is killed with -9 and can end nobody: the kernel does it, where it can (Linux).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Returns only when the parent has gone already."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == int(parent):  # else it went before the kernel knew
        os.execv(command[0], command)  # noqa: S606  (the kernel's promise stays over this)


if __name__ == "__main__":
    main(sys.argv[1:])
