"""The agent as a process: put together from its configuration, ended by a signal."""

import logging
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from edge.agent import Agent
from edge.bundle.bundle import read
from edge.bundle.keys import read_publics
from edge.clock import boot_id
from edge.config import Config, broker_settings
from edge.errors import JournalError, PicanaryError
from edge.health import Health, info
from edge.journal import Journal
from edge.judge import Judge, Model
from edge.log import set_up_log
from edge.mqtt.broker import knock
from edge.mqtt.connection import Connection
from edge.notices import Notices
from edge.notify import ServiceManager, Watchdog
from edge.pace import Pace, open_paced
from edge.recall import recall
from edge.record import Origin
from edge.remote import Ending, Remote
from edge.settling import Order
from edge.sources import Source
from edge.sources.deadline import hangs
from edge.swap.admission import Rules
from edge.swap.beginning import NO_MODEL, Beginning, begin
from edge.swap.desk import Desk
from edge.swap.lessons import Lessons
from edge.swap.memories import Memories
from edge.swap.opening import Opening
from edge.swap.store import ModelStore
from edge.swap.story import Story
from edge.swap.succession import Trial
from edge.swap.updates import Updates
from edge.uplink.namesake import new_session
from edge.uplink.presence import Presence
from edge.uplink.uplink import Uplink

LOG = logging.getLogger("edge")
CONNECT_S = 12.0  # enough to try MQTT 5 in vain, and then 3.1.1


def serve(config: Config, *, typed_bundle: bool, log_level: str, log_json: bool = False) -> int:
    """Run until SIGTERM, SIGINT or the end of a recording. Raises PicanaryError before it begins.

    `typed_bundle`: a bad bundle on the command line is refused; one in a configuration
    file must not stop the readings.
    """
    set_up_log(log_level, as_json=log_json)
    stop = Ending()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is somebody to take a new model
    source, pace = open_paced(config, stop)
    try:
        _run(config, typed_bundle, source, pace, stop)
    finally:
        source.close()
    return stop.status


def _run(config: Config, typed: bool, source: Source, pace: Pace, stop: Ending) -> None:
    rules = _rules(config, source, pace)
    if typed and config.agent.bundle not in (None, NO_MODEL):
        read(config.agent.bundle)  # a name that was mistyped is said before a journal is made
    journal = _journal(config)
    manager = ServiceManager()
    watchdog = Watchdog(manager, pace.wait_s, lambda: hangs(source))
    remote = Remote(config.agent.device, journal, stop)
    uplink: Uplink | None = None
    updates: Updates | None = None
    try:
        store = ModelStore(config.journal.path.with_name(config.journal.path.stem + ".models"))
        start = begin(_file(config, source), rules, store, typed=typed)
        memories = None if source.simulated or source.name == "replay" else Memories(store)
        budget = config.agent.false_alarms_per_week
        opening = Opening(store, source.channels, pace.speed, budget, memories)
        model = opening.model(start.at_work.bundle) if start.at_work else opening.no_model()
        judge = Judge(model, lambda outcome: updates.outcome(outcome) if updates else None)
        origin = _origin(journal, source, model)
        notices = Notices()
        agent = Agent(
            source, judge, journal, origin, lambda made: _kept(made, watchdog, uplink), remote.snooze, notices
        )
        health = Health(agent, journal, judge)
        session = new_session(config.journal.path)
        uplink = _uplink(config, journal, session, pace, lambda: remote.told(health.report(uplink)), notices)
        presence = Presence(
            config.agent.device, info(config.agent.device, session, origin, pace.wait_s, judge.level), uplink
        )
        if start.at_work is not None or config.agent.bundle != NO_MODEL:
            updates = _updates(config, rules, opening, journal, judge, presence, start, origin)
        if config.broker.home_assistant:
            presence.tell_home_assistant(source.channels)
        remote.listen(
            uplink,
            presence,
            recalibrate=updates.recalibrate if updates else None,
            withdraw=updates.withdraw if updates else None,
        )
        _connect(config, uplink)
        where = config.broker.address or "no broker: records stay in the journal"
        status = f"device {config.agent.device}, source {source.name}, every {pace.wait_s:g} s, to {where}"
        LOG.info("%s", status)
        if updates is not None:
            signal.signal(signal.SIGHUP, partial(_reload, manager, updates, status))
            presence.listen_for_models(updates.receive)
            updates.start(warm=not source.simulated)
        manager.ready(status)
        agent.run(pace.wait_s, stop)
    except PicanaryError:
        stop.set()  # somebody waits for the sentence: what the journal holds is sent another time
        raise
    finally:
        manager.stopping()
        remote.stop()
        if updates is not None:
            updates.stop()
        _end(journal, uplink, stop)


def _reload(manager: ServiceManager, updates: Updates, status: str, *_: object) -> None:
    """SIGHUP: the configured model may be another one; it is looked at in the background."""
    manager.reloading()
    updates.ask()
    manager.ready(status)


def _kept(made: dict[str, Any], watchdog: Watchdog, uplink: Uplink | None) -> None:
    """The journal has taken a record."""
    watchdog.kept()
    if uplink is not None:
        uplink.show(made)


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
    config: Config,
    journal: Journal,
    session: str,
    pace: Pace,
    health: Callable[[], dict[str, Any]],
    notices: Notices,
) -> Uplink | None:
    if not config.broker.address:
        return None
    broker = broker_settings(config.broker, config.agent.device)
    if not config.broker.wait:
        knock(broker)
    return Uplink(
        config.agent.device, journal, partial(Connection, broker), session, pace.wait_s, health, notices
    )


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
    return Updates(desk, start.at_work, start.on_trial, presence.level)


def _end(journal: Journal, uplink: Uplink | None, stop: threading.Event) -> None:
    """Each part in order, whatever another says: a full disk must not keep us from saying goodbye."""
    try:
        journal.commit()
    except JournalError as error:
        LOG.error("%s; what was not yet on disk is lost", error)
    try:
        if uplink is not None:
            uplink.stop(stop)
    except JournalError as error:  # it sends what it can to the last, and a page may rot just then
        LOG.error("%s", error)
    try:
        journal.close()
    except JournalError as error:
        LOG.debug("%s", error)
