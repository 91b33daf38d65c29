"""`python -m monitor token FILE`: a new token, shown once."""

import argparse
from pathlib import Path

from monitor.access import token


def parser() -> argparse.ArgumentParser:
    """What may stand on the command line."""
    made = argparse.ArgumentParser(
        prog="python -m monitor token",
        description="Make a new token for the page. It is shown once; the file keeps only a hash of it.",
    )
    made.add_argument(
        "file", type=Path, metavar="FILE", help="where the hash goes, in place of the one before"
    )
    made.add_argument("--debug", action="store_true", help="show tracebacks")
    return made


def run(options: argparse.Namespace) -> int:
    """Make it, show it. Raises ConfigError."""
    was_there = options.file.exists()
    print(f"The token, shown this once: {token.make(options.file)}")
    print(f"Start the monitor with: --token-file {options.file}")
    if was_there:
        print(
            "The token before is of no more use, and whoever is signed in must sign in again, "
            "once the monitor is started anew."
        )
    return 0
