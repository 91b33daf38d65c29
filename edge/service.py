"""The agent as a process: put together from its configuration, ended by a signal."""

import logging
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from edge.agent import Agent
from edge.bundle.bundle import read, unpack
from edge.bundle.keys import read_publics
from edge.clock import boot_id
from edge.config import Config, broker_settings
from edge.errors import BundleError, JournalError, PicanaryError
from edge.health import Health, info
from edge.journal import Journal
from edge.judge import Judge, Model
from edge.mqtt.broker import knock
from edge.mqtt.connection import Connection
from edge.recall import recall
from edge.record import Origin
from edge.settling import Order
from edge.sources import Source, open_source
from edge.sources.replay import Replay
from edge.swap.admission import Rules
from edge.swap.beginning import NO_MODEL, Beginning, begin
from edge.swap.lessons import Lessons
from edge.swap.opening import Opening
from edge.swap.store import ModelStore
from edge.swap.story import Story
from edge.swap.succession import Trial
from edge.swap.updates import Desk, Updates
from edge.uplink.presence import Presence
from edge.uplink.uplink import Uplink

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
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is somebody to take a new model
    source, pace = _open(config)
    try:
        _run(config, typed_bundle, source, pace, stop)
    finally:
        source.close()
    return 0


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


def _open(config: Config) -> tuple[Source, Pace]:
    settings = config.source
    if settings.kind == "replay":
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
    return open_source(settings), Pace(period_s, period_s, 1.0)


def _run(config: Config, typed: bool, source: Source, pace: Pace, stop: threading.Event) -> None:
    rules = _rules(config, source, pace)
    if typed and config.agent.bundle not in (None, NO_MODEL):
        read(config.agent.bundle)  # a name that was mistyped is said before a journal is made
    journal = _journal(config)
    uplink: Uplink | None = None
    updates: Updates | None = None
    try:
        store = ModelStore(config.journal.path.with_name(config.journal.path.stem + ".models"))
        start = begin(_file(config, source), rules, store, typed=typed)
        opening = Opening(store, source.channels, pace.speed, config.agent.false_alarms_per_week)
        model = opening.model(start.at_work.bundle) if start.at_work else opening.no_model()
        judge = Judge(model, lambda outcome: updates.outcome(outcome) if updates else None)
        origin = _origin(journal, source, model)
        agent = Agent(source, judge, journal, origin, lambda made: uplink.show(made) if uplink else None)
        health = Health(agent, journal, judge)
        session = secrets.token_hex(8)
        uplink = _uplink(config, journal, session, pace, lambda: health.report(uplink))
        presence = Presence(
            config.agent.device, info(config.agent.device, session, origin, pace.wait_s), uplink
        )
        if start.at_work is not None or config.agent.bundle != NO_MODEL:
            updates = _updates(config, rules, opening, journal, judge, presence, start, origin)
        if config.broker.home_assistant:
            presence.tell_home_assistant(source.channels)
        _connect(config, uplink)
        if updates is not None:
            signal.signal(signal.SIGHUP, lambda *_: updates.ask())
            presence.listen_for_models(updates.receive)
            updates.start(warm=not source.simulated)
        where = config.broker.address or "no broker: records stay in the journal"
        LOG.info(
            "device %s, source %s, every %g s, to %s", config.agent.device, source.name, pace.wait_s, where
        )
        agent.run(pace.wait_s, stop)
    except PicanaryError:
        stop.set()  # somebody waits for the sentence: what the journal holds is sent another time
        raise
    finally:
        if updates is not None:
            updates.stop()
        _end(journal, uplink, stop)


def _rules(config: Config, source: Source, pace: Pace) -> Rules:
    trusted = read_publics(config.model.trusted_keys) if config.model.trusted_keys else ()
    return Rules(source.channels, pace.room_s, source.name, trusted, config.model.allow_older)


def _journal(config: Config) -> Journal:
    settings = config.journal
    return Journal(
        settings.path,
        commit_s=settings.commit_s,
        commit_records=settings.commit_records,
        most_records=settings.most_records,
    )


def _file(config: Config, source: Source) -> Path | None:
    """The configured model; a recording is no room to get to know, so the package's model is not for it."""
    return NO_MODEL if config.agent.bundle is None and source.name == "replay" else config.agent.bundle


def _origin(journal: Journal, source: Source, model: Model) -> Origin:
    return Origin(
        epoch=journal.epoch,
        boot=boot_id(),
        source=source.name,
        simulated=source.simulated,
        channels=source.channels,
        judged=model.channels,
        model=model.label,
    )


def _uplink(
    config: Config, journal: Journal, session: str, pace: Pace, health: Callable[[], dict[str, Any]]
) -> Uplink | None:
    if not config.broker.address:
        return None
    broker = broker_settings(config.broker, config.agent.device)
    if not config.broker.wait:
        knock(broker)
    return Uplink(config.agent.device, journal, partial(Connection, broker), session, pace.wait_s, health)


def _connect(config: Config, uplink: Uplink | None) -> None:
    if uplink is None:
        return
    uplink.start()
    if not config.broker.wait:
        uplink.connection.wait_connected(CONNECT_S)


def _updates(
    config: Config,
    rules: Rules,
    opening: Opening,
    journal: Journal,
    judge: Judge,
    presence: Presence,
    start: Beginning,
    origin: Origin,
) -> Updates:
    # a simulated room begins anew with each start: what was before is of another
    since = journal.next_seq - 1 if origin.simulated else 0
    path = config.journal.path
    order = Order(path.resolve(), rules.period_s, opening.speed, since)
    desk = Desk(
        judge=judge,
        journal=journal,
        rules=rules,
        opening=opening,
        story=Story(presence.model, start.chapter),
        recall=lambda: recall(path, origin.channels, origin.boot, since=since),
        lessons=Lessons(opening, journal, order),
        file=config.agent.bundle,
        trial=Trial(config.model.trial_readings, config.model.trial_budgets),
    )
    return Updates(desk, start.at_work, start.on_trial)


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
