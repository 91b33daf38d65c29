"""`make soak FOR=1h`: the whole product under random faults; exit status 1 when something does not hold."""

import argparse
import re
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.soak.report import markdown
from tests.soak.soak import soak

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def duration_s(text: str) -> float:
    """`90s`, `15m`, `1h` or plain seconds. Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if found is None or float(found[1]) * UNITS[found[2]] < 20.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of 20 s or more, such as 90s, 15m or 1h")
    return float(found[1]) * UNITS[found[2]]


def main() -> int:
    """Run it, print the report, and keep what is needed to look into a failure."""
    command = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    command.add_argument("--for", dest="seconds", type=duration_s, default=90.0, metavar="TIME")
    command.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="same seed, same faults")
    command.add_argument("--out", type=Path, metavar="FILE", help="write the report there too")
    command.add_argument("--keep", type=Path, metavar="FOLDER", help="journals, stores and logs; must be new")
    options = command.parse_args()
    # so that what was started is ended and what was mounted is let go
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = options.keep or Path(tempfile.mkdtemp(prefix="picanary-soak-")) / "soak"
    print(f"seed {options.seed}; journals, stores and logs in {folder}", flush=True)
    outcome = soak(folder, options.seconds, options.seed, lambda line: print(line, flush=True))
    told = markdown(outcome)
    print(f"\n{told}", flush=True)
    if options.out is not None:
        options.out.write_text(told)
    if outcome.holds and options.keep is None:
        shutil.rmtree(folder.parent, ignore_errors=True)
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main())
