"""How often the room is read, and by what: the source of the configuration, and the pace of its time."""

import threading
from dataclasses import dataclass, replace

from edge.bundle.bundle import read, unpack
from edge.config import Config
from edge.errors import BundleError
from edge.sources import Source, open_source
from edge.sources.deadline import Deadline
from edge.swap.beginning import NO_MODEL

DEFAULT_PERIOD_S = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How time runs: a simulated room may live faster than life, a recording has a time of its own."""

    wait_s: float  # real seconds between readings
    room_s: float  # seconds between readings in the room's own time
    speed: float  # room seconds in a second of the readings' monotonic time


def _own_period_s(config: Config) -> float:
    """How often the configured model wants a reading."""
    file = config.agent.bundle
    if config.agent.period_s or file is None or file == NO_MODEL:
        return DEFAULT_PERIOD_S
    try:
        return unpack(read(file), str(file)).windowing.period_s
    except BundleError:
        return DEFAULT_PERIOD_S  # it is refused with its own sentence in a moment


def open_paced(config: Config, stop: threading.Event) -> tuple[Source, Pace]:
    """The source, and how often to read it; a real sensor gets a deadline, which `stop` cuts short.

    Raises ConfigError when the source cannot be had here: no other one takes its place.
    """
    settings = config.source
    if settings.kind == "replay":
        from edge.sources.replay import Replay  # it reads CSV files, which nobody else here does

        replay = Replay.open(settings)
        room_s = replay.recording.period_s
        return replay, Pace(room_s / settings.speed if settings.speed else 0.0, room_s, 1.0)
    own = _own_period_s(config)
    if settings.kind == "simulator":
        speed = settings.speed or 1.0
        room_s = config.agent.period_s * speed or own
        # faults are asked for in our time, and happen in the room's
        every_s = settings.faults_every_s * speed
        source = open_source(replace(settings, period_s=room_s, speed=speed, faults_every_s=every_s))
        return source, Pace(room_s / speed, room_s, speed)
    period_s = config.agent.period_s or own
    return Deadline(open_source(settings), stop, settings.deadline_s), Pace(period_s, period_s, 1.0)
