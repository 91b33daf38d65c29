"""Log lines: with levels that journald understands, as JSON for programs, plain for people."""

import faulthandler
import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

# syslog(3): what journald files a line under. Debug is 7.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def set_up_log(level: str, *, as_json: bool = False, stream: TextIO | None = None) -> None:
    """All loggers write to `stream`, or standard error, from `level` (debug, info, warning, error) on.

    A process that a signal ends, as the watchdog's does, says where each of its threads stood.
    """
    out = sys.stderr if stream is None else stream
    shape: logging.Formatter = Json() if as_json else logging.Formatter("%(levelname)s %(name)s: %(message)s")
    handler = logging.StreamHandler(out)
    handler.setFormatter(Journald(shape) if is_journal(out) else shape)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)


def is_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether journald reads the stream: then JOURNAL_STREAM names its device and inode."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # a stream without a file
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class Json(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        seconds, ms = divmod(int(record.created * 1000), 1000)
        said = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{ms:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


class Journald(logging.Formatter):
    """`<N>` before each line, since journald takes every line for an entry of its own."""

    def __init__(self, shape: logging.Formatter) -> None:
        super().__init__()
        self._shape = shape

    def format(self, record: logging.LogRecord) -> str:
        """The lines of the shape within, each with its level."""
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in self._shape.format(record).split("\n"))
