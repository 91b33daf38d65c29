"""The doctor's round: every subject in turn, from the machine outwards."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.config import Config
from edge.doctor.broker import broker
from edge.doctor.clock import clock
from edge.doctor.disk import disk, in_use
from edge.doctor.model import model
from edge.doctor.report import Finding, as_json, fail, ok, warn
from edge.doctor.runtime import runtime
from edge.doctor.sensor import sensor
from edge.doctor.systemd import UNIT, systemd
from edge.errors import PicanaryError
from edge.pace import Pace, open_paced
from edge.sources import Source

INSTALLED = Path("/etc/picanary/edge.toml")


def doctor(config: Config, file: Path | None, *, json: bool) -> int:
    """Print what works here and what does not; exit status 1 when something fails, else 0.

    `file` is where the configuration came from; None: from the command line alone.
    """
    logging.basicConfig(level=logging.CRITICAL + 1)  # what the parts log, the findings say better
    found: list[Finding] = []
    for finding in examine(config, file):
        found.append(finding)
        if not json:
            print(finding.line, flush=True)
    if json:
        print(as_json(found))
    return int(any(finding.level == "fail" for finding in found))


def examine(config: Config, file: Path | None) -> Iterator[Finding]:
    """All findings. A subject that cannot be looked at is a finding, and the next is looked at."""
    yield from _safely("runtime", runtime)
    yield from _configuration(config, file)
    source, pace, finding = _open(config)
    try:
        if finding is not None:
            yield finding
        if source is not None:
            opened = source
            yield from _safely("sensor", lambda: sensor(opened))
        yield from _safely("clock", clock)
        yield from _safely("disk", lambda: disk(config.journal.path))
        yield from _safely("broker", lambda: broker(config.broker, config.agent.device))
        yield from _safely("bundle", lambda: model(config, source, pace))
        yield from _safely("systemd", systemd)
    finally:
        if source is not None:
            source.close()


def _open(config: Config) -> tuple[Source | None, Pace | None, Finding | None]:
    """The source and its pace, or why there is none."""
    if config.source.kind == "dht" and in_use(config.journal.path):
        mend = f"`sudo systemctl stop {UNIT}` lets the doctor ask it"
        return None, None, warn("sensor", "a running agent reads it, and a DHT answers only one", mend)
    try:
        source, pace = open_paced(config, threading.Event())
    except Exception as error:  # the libraries of the hardware raise what they like
        known = isinstance(error, PicanaryError | OSError)
        return None, None, fail("sensor", str(error) if known else f"{type(error).__name__}: {error}")
    return source, pace, None


def _safely(subject: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except (PicanaryError, OSError) as error:
        yield fail(subject, str(error))


def _configuration(config: Config, file: Path | None) -> Iterator[Finding]:
    if file is not None:
        yield ok("configuration", f"{file}, device {config.agent.device}")
    elif INSTALLED.exists():
        yield warn(
            "configuration",
            f"none named, but the service has {INSTALLED}",
            f"add --config {INSTALLED} to look at the service",
        )
    else:
        yield ok("configuration", f"no file: flags and defaults, device {config.agent.device}")
