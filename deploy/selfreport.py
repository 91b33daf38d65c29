"""`python -m deploy.selfreport`: what a release knows of itself, for `deploy status`; runs on the Pi."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from deploy.arrival import newest
from edge import __version__
from edge.command import run_command
from edge.config import read_config
from edge.errors import PicanaryError
from edge.journal_reader import JournalReader


def report(config: Path, now_s: float) -> dict[str, Any]:
    """Version, device, and of the newest record: number, model and age in seconds, None without one."""
    settings = read_config(config)
    record = _newest(settings.journal.path)
    taken = record.get("ts_ms")
    return {
        "version": __version__,
        "device": settings.agent.device,
        "model": record.get("model") or "",
        "record": record.get("seq"),
        "age_s": None if taken is None else round(now_s - taken / 1000, 1),
    }


def _newest(journal: Path) -> dict[str, Any]:
    last = newest(journal)
    if not last:
        return {}
    try:
        with JournalReader(journal) as reader:
            return next(reader.records(since=last - 1), {})
    except PicanaryError:
        return {}


def main(arguments: list[str] | None = None) -> int:
    """Print a JSON object. Exit status 2 with a sentence for a configuration that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m deploy.selfreport", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's edge.toml")
    return run_command("deploy.selfreport", parser, _main, arguments)


def _main(options: argparse.Namespace) -> int:
    print(json.dumps(report(options.config, time.time())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
