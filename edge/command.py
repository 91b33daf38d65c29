"""How every command of picanary ends: a sentence for what the user can mend, never a traceback."""

import argparse
import os
import sys
from collections.abc import Callable

from edge.errors import PicanaryError
from edge.log import is_journal

MENDABLE = 2
INTERRUPTED = 130


def run_command(
    name: str,
    parser: argparse.ArgumentParser,
    action: Callable[[argparse.Namespace], int],
    arguments: list[str] | None = None,
) -> int:
    """Parse and act; the exit status is the action's, or 2 after a PicanaryError's sentence.

    Under `--debug` the traceback is shown as well.
    """
    options = parser.parse_args(arguments)
    try:
        return action(options)
    except PicanaryError as error:
        if getattr(options, "debug", False):
            raise
        _complain(f"python -m {name}: {error}")
        return MENDABLE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; not even at exit
        return 0
    except OSError as error:
        if getattr(options, "debug", False):
            raise
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"python -m {name}: {where}{error.strerror or error}")
        return MENDABLE
    except KeyboardInterrupt:
        return INTERRUPTED


def _complain(sentence: str) -> None:
    """To standard error; journald files it with the errors, where a person looks first."""
    mark = "<3>" if is_journal(sys.stderr) else ""
    print(f"{mark}{sentence}", file=sys.stderr)
