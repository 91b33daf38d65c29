"""The agent as a process: put together from its configuration, ended by a signal."""

import logging
import secrets
import signal
import sys
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from edge import trial
from edge.agent import Agent
from edge.bundle import Bundle, load
from edge.clock import boot_id
from edge.config import Config, broker_settings
from edge.errors import BundleError, JournalError, PicanaryError
from edge.health import Health, info
from edge.journal import Journal
from edge.mqtt.broker import knock
from edge.mqtt.connection import Connection
from edge.record import Origin
from edge.replay_command import check_fits
from edge.sources import Source, open_source
from edge.sources.replay import Replay
from edge.uplink import Uplink

LOG = logging.getLogger("edge")
DEFAULT_PERIOD_S = 10.0
CONNECT_S = 12.0  # enough to try MQTT 5 in vain, and then 3.1.1


def serve(config: Config, *, typed_bundle: bool, log_level: str) -> int:
    """Run until SIGTERM, SIGINT or the end of a recording. Raises PicanaryError before it begins.

    `typed_bundle`: a bad bundle on the command line is refused; one in a configuration
    file must not stop the readings.
    """
    logging.basicConfig(
        level=log_level.upper(), format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    model = _bundle(config.agent.bundle, strict=typed_bundle)
    source, pace = _open(config, model)
    try:
        if model is not None:
            check_fits(model, source.channels, pace.room_s, f"source {source.name}")
        _run(config, model, source, pace, stop)
    finally:
        source.close()
    return 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How time runs: a simulated room may live faster than life, a recording has a time of its own."""

    wait_s: float  # real seconds between readings
    room_s: float  # seconds between readings in the room's own time
    speed: float  # room seconds in a second of the readings' monotonic time


def _bundle(path: Path | None, *, strict: bool) -> Bundle | None:
    if path is None:
        LOG.warning("no bundle: readings are published without a verdict; make one with python -m trainer")
        return None
    try:
        bundle = load(path)
        trial.check(path)
    except BundleError as error:
        if strict:
            raise
        LOG.error("%s; readings are published without a verdict", error)
        return None
    return bundle


def _open(config: Config, model: Bundle | None) -> tuple[Source, Pace]:
    own = model.windowing.period_s if model else DEFAULT_PERIOD_S
    settings = config.source
    if settings.kind == "replay":
        replay = Replay.open(settings)
        room_s = replay.recording.period_s
        return replay, Pace(room_s / settings.speed if settings.speed else 0.0, room_s, 1.0)
    if settings.kind == "simulator":
        speed = settings.speed or 1.0
        room_s = config.agent.period_s * speed or own
        # faults are asked for in our time, and happen in the room's
        every_s = settings.faults_every_s * speed
        source = open_source(replace(settings, period_s=room_s, speed=speed, faults_every_s=every_s))
        return source, Pace(room_s / speed, room_s, speed)
    period_s = config.agent.period_s or own
    return open_source(settings), Pace(period_s, period_s, 1.0)


def _run(config: Config, model: Bundle | None, source: Source, pace: Pace, stop: threading.Event) -> None:
    device = config.agent.device
    settings = config.journal
    journal = Journal(
        settings.path,
        commit_s=settings.commit_s,
        commit_records=settings.commit_records,
        most_records=settings.most_records,
    )
    detector = model.open_detector(pace.speed, config.agent.false_alarms_per_week) if model else None
    origin = Origin(
        epoch=journal.epoch,
        boot=boot_id(),
        source=source.name,
        simulated=source.simulated,
        channels=source.channels,
        judged=model.channels if model else (),
        model=model.label if model else None,
    )
    session = secrets.token_hex(8)
    uplink: Uplink | None = None
    agent = Agent(source, detector, journal, origin, lambda made: uplink.show(made) if uplink else None)
    try:
        if config.broker.address:
            broker = broker_settings(config.broker, device)
            if not config.broker.wait:
                knock(broker)
            connect = partial(Connection, broker)
            birth = info(device, session, origin, pace.wait_s)
            health = Health(agent, journal, detector, origin.model)
            uplink = Uplink(device, journal, connect, session, birth, lambda: health.report(uplink))
            uplink.start()
            if not config.broker.wait:
                uplink.connection.wait_connected(CONNECT_S)
        where = config.broker.address or "no broker: records stay in the journal"
        LOG.info("device %s, source %s, every %g s, to %s", device, source.name, pace.wait_s, where)
        agent.run(pace.wait_s, stop)
    except PicanaryError:
        stop.set()  # somebody waits for the sentence: what the journal holds is sent another time
        raise
    finally:
        _end(journal, uplink, stop)


def _end(journal: Journal, uplink: Uplink | None, stop: threading.Event) -> None:
    """Each part in order, whatever another says: a full disk must not keep us from saying goodbye."""
    try:
        journal.commit()
    except JournalError as error:
        LOG.error("%s; what was not yet on disk is lost", error)
    if uplink is not None:
        uplink.stop(stop)
    try:
        journal.close()
    except JournalError as error:
        LOG.debug("%s", error)
