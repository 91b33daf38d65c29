"""`make test-image`: an image as a user makes it, booted in emulation; exit status 1 when it falls short.

Half an hour or more: Debian is made anew the first time, and QEMU emulates each instruction.
"""

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from tests.image.journey import Journey, version
from tests.image.machine import NotReachedError

PARTS = ("virt", "raspi3b")


def main() -> int:
    """Run it, and leave figures.json, the console of each boot and the image in the folder."""
    command = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    command.add_argument(
        "--folder", type=Path, default=Path("build/test-image"), help="kept, for the next time"
    )
    command.add_argument("--suite", default="trixie")
    command.add_argument("--only", choices=PARTS, help="only that machine")
    options = command.parse_args()
    # so that QEMU is ended with us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {line}", flush=True)

    say(version())
    journey = Journey(options.folder.resolve(), options.suite, say)
    for part in PARTS if options.only is None else (options.only,):
        try:
            {"virt": journey.on_virt, "raspi3b": journey.on_raspi3b}[part]()
        except (NotReachedError, TimeoutError) as error:
            journey.outcome.claim(f"{part}: {error}", False)
    if all(holds for _, holds in journey.outcome.claims):
        journey.clean()
    told = json.dumps(journey.outcome.figures, indent=2)
    (options.folder / "figures.json").write_text(told + "\n")
    print(told)
    for what, holds in journey.outcome.claims:
        print(f"{'ok  ' if holds else 'FAIL'}  {what}")
    return 0 if all(holds for _, holds in journey.outcome.claims) else 1


if __name__ == "__main__":
    sys.exit(main())
